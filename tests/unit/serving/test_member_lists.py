"""Members' lists in memory: made once, fresh for a while, better than nothing for longer."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import pytest

from app.runtime.deadline import Deadline
from app.runtime.errors import UnavailableError
from app.serving.member_lists import Plan, Plans
from tests.unit.serving.fakes import Timer

FAR = Deadline(float("inf"))


def plan(run_id: int = 1, *, made_s: float = 100.0, ids: str = "a") -> Plan:
    return Plan("personalized", run_id, made_s, ids, b"\1")


def refuse() -> Plan:
    raise UnavailableError("broken")


def test_a_plan_is_made_once_while_it_is_fresh_and_of_the_run() -> None:
    timer = Timer()
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=timer)
    first, second, third = plan(), plan(2), plan(2, made_s=121.0)
    assert plans.get("m", 1, FAR, lambda: first) == (first, "miss")
    timer.now_s = 119.0
    assert plans.get("m", 1, FAR, refuse) == (first, "hit")
    assert plans.get("m", 2, FAR, lambda: second) == (second, "miss")
    timer.now_s = 121.0
    assert plans.get("m", 2, FAR, lambda: third) == (third, "miss")
    assert plans.get("other", 2, FAR, plan)[1] == "miss"
    assert len(plans) == 2


def test_an_old_plan_will_do_while_none_can_be_made_but_not_for_ever() -> None:
    timer = Timer()
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=timer)
    first = plan()
    plans.get("m", 1, FAR, lambda: first)
    timer.now_s = 199.0
    assert plans.get("m", 2, FAR, refuse) == (first, "stale")
    timer.now_s = 201.0
    with pytest.raises(UnavailableError):
        plans.get("m", 2, FAR, refuse)


def test_plans_too_old_to_use_are_let_go() -> None:
    timer = Timer()
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=timer)
    plans.get("old", 1, FAR, plan)
    plans.get("newer", 1, FAR, lambda: plan(made_s=150.0))
    timer.now_s = 201.0
    plans.let_go()
    assert len(plans) == 1
    assert plans.get("newer", 1, FAR, refuse)[1] == "stale"


def test_parts_of_one_message_at_once_make_one_plan_and_all_get_it() -> None:
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    going, calls, found = threading.Event(), [], []

    def make() -> Plan:
        calls.append(1)
        going.wait(5)
        return plan()

    parts = [threading.Thread(target=lambda: found.append(plans.get("m", 1, soon(), make))) for _ in range(6)]
    for part in parts:
        part.start()
    going.set()
    for part in parts:
        part.join(5)
    assert len(calls) == 1
    assert [one for one, _ in found] == [plan()] * 6
    assert sorted(how for _, how in found) == ["hit"] * 5 + ["miss"]


def test_a_member_whose_sends_are_on_two_runs_at_once_gets_each_sends_own_plan() -> None:
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    going, found = threading.Event(), {}

    def ask(name: str, run_id: int) -> None:
        def make() -> Plan:
            going.wait(5)
            return plan(run_id, ids=f"of run {run_id}")

        found[name] = plans.get("m", run_id, soon(), make)[0].posting_ids

    calls = [
        threading.Thread(target=ask, args=(f"{part} of send {run_id}", run_id))
        for part in ("html", "text")
        for run_id in (1, 2)
    ]
    for call in calls:
        call.start()
    going.set()
    for call in calls:
        call.join(5)
    assert found == {f"{part} of send {n}": f"of run {n}" for part in ("html", "text") for n in (1, 2)}


def soon() -> Deadline:
    return Deadline(time.monotonic() + 5)


class SlowStore(OrderedDict[str, Plan]):
    """Takes its time to keep a plan."""

    def __setitem__(self, key: str, value: Plan) -> None:
        time.sleep(0.05)
        super().__setitem__(key, value)


def test_whoever_waited_for_a_plan_finds_it_however_soon_they_look(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    monkeypatch.setattr(plans, "_kept", SlowStore())
    found: list[str] = []
    other = threading.Thread(target=lambda: found.append(plans.get("m", 1, soon(), refuse)[1]))

    def make() -> Plan:
        other.start()
        time.sleep(0.05)  # the other is waiting by now
        return plan()

    plans.get("m", 1, soon(), make)
    other.join(5)
    assert found == ["hit"]


def test_who_waited_for_a_plan_that_failed_is_told_that_theirs_is_old() -> None:
    timer = Timer()
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=timer)
    plans.get("m", 1, FAR, plan)
    timer.now_s = 150.0
    failing = threading.Event()
    found: list[str] = []

    def make() -> Plan:
        thread.start()
        while not failing.wait(0.01):
            if thread.ident is not None:
                time.sleep(0.05)  # the other is waiting by now
                failing.set()
        raise UnavailableError("broken")

    thread = threading.Thread(target=lambda: found.append(plans.get("m", 1, soon(), refuse)[1]))
    assert plans.get("m", 1, soon(), make)[1] == "stale"
    thread.join(5)
    assert found == ["stale"]


def test_nobody_waits_for_anothers_plan_beyond_their_own_deadline() -> None:
    plans = Plans(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    found: list[str] = []

    def make() -> Plan:
        def other() -> None:
            try:
                plans.get("m", 1, Deadline(time.monotonic() + 0.05), plan)
            except UnavailableError as error:
                found.append(error.kind)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(5)
        return plan()

    plans.get("m", 1, soon(), make)
    assert found == ["shared"]


def test_only_so_many_plans_are_kept() -> None:
    plans = Plans(size=3, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    for number in range(10):
        plans.get(f"m{number}", 1, FAR, plan)
    assert len(plans) == 3
