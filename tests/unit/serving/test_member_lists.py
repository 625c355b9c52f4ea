"""Members' lists in memory: made once, fresh for a while, better than nothing for longer."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import pytest

from app.runtime.deadline import Deadline
from app.runtime.errors import UnavailableError
from app.serving.member_lists import MemberList, MemberLists
from tests.unit.serving.fakes import Timer

FAR = Deadline(float("inf"))


def member_list(run_id: int = 1, *, made_s: float = 100.0, ids: str = "a") -> MemberList:
    return MemberList("personalized", run_id, made_s, ids, b"\1", send_key="send")


def refuse() -> MemberList:
    raise UnavailableError("broken")


def test_a_plan_is_made_once_while_it_is_fresh_and_of_the_run() -> None:
    timer = Timer()
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=timer)
    first, second, third = member_list(), member_list(2), member_list(2, made_s=121.0)
    assert member_lists.get("m", 1, "send", FAR, lambda: first) == (first, "miss")
    timer.now_s = 119.0
    assert member_lists.get("m", 1, "send", FAR, refuse) == (first, "hit")
    assert member_lists.get("m", 2, "send", FAR, lambda: second) == (second, "miss")
    timer.now_s = 121.0
    assert member_lists.get("m", 2, "send", FAR, lambda: third) == (third, "miss")
    assert member_lists.get("other", 2, "send", FAR, member_list)[1] == "miss"
    assert len(member_lists) == 2


def test_an_old_plan_will_do_while_none_can_be_made_but_not_for_ever() -> None:
    timer = Timer()
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=timer)
    first = member_list()
    member_lists.get("m", 1, "send", FAR, lambda: first)
    timer.now_s = 199.0
    assert member_lists.get("m", 2, "send", FAR, refuse) == (first, "stale")
    timer.now_s = 201.0
    with pytest.raises(UnavailableError):
        member_lists.get("m", 2, "send", FAR, refuse)


def test_plans_too_old_to_use_are_let_go() -> None:
    timer = Timer()
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=timer)
    member_lists.get("old", 1, "send", FAR, member_list)
    member_lists.get("newer", 1, "send", FAR, lambda: member_list(made_s=150.0))
    timer.now_s = 201.0
    member_lists.evict()
    assert len(member_lists) == 1
    assert member_lists.get("newer", 1, "send", FAR, refuse)[1] == "stale"


def test_parts_of_one_message_at_once_make_one_plan_and_all_get_it() -> None:
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    going, calls, found = threading.Event(), [], []

    def make() -> MemberList:
        calls.append(1)
        going.wait(5)
        return member_list()

    parts = [
        threading.Thread(target=lambda: found.append(member_lists.get("m", 1, "send", soon(), make)))
        for _ in range(6)
    ]
    for part in parts:
        part.start()
    going.set()
    for part in parts:
        part.join(5)
    assert len(calls) == 1
    assert [one for one, _ in found] == [member_list()] * 6
    assert sorted(how for _, how in found) == ["hit"] * 5 + ["miss"]


def test_a_member_whose_sends_are_on_two_runs_at_once_gets_each_sends_own_plan() -> None:
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    going, found = threading.Event(), {}

    def ask(name: str, run_id: int) -> None:
        def make() -> MemberList:
            going.wait(5)
            return member_list(run_id, ids=f"of run {run_id}")

        found[name] = member_lists.get("m", run_id, "send", soon(), make)[0].posting_ids

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


class SlowStore(OrderedDict[str, MemberList]):
    """Takes its time to keep a list."""

    def __setitem__(self, key: str, value: MemberList) -> None:
        time.sleep(0.05)
        super().__setitem__(key, value)


def test_whoever_waited_for_a_plan_finds_it_however_soon_they_look(monkeypatch: pytest.MonkeyPatch) -> None:
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    monkeypatch.setattr(member_lists, "_kept", SlowStore())
    found: list[str] = []
    other = threading.Thread(target=lambda: found.append(member_lists.get("m", 1, "send", soon(), refuse)[1]))

    def make() -> MemberList:
        other.start()
        time.sleep(0.05)  # the other is waiting by now
        return member_list()

    member_lists.get("m", 1, "send", soon(), make)
    other.join(5)
    assert found == ["hit"]


def test_who_waited_for_a_plan_that_failed_is_told_that_theirs_is_old() -> None:
    timer = Timer()
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=timer)
    member_lists.get("m", 1, "send", FAR, member_list)
    timer.now_s = 150.0
    failing = threading.Event()
    found: list[str] = []

    def make() -> MemberList:
        thread.start()
        while not failing.wait(0.01):
            if thread.ident is not None:
                time.sleep(0.05)  # the other is waiting by now
                failing.set()
        raise UnavailableError("broken")

    thread = threading.Thread(
        target=lambda: found.append(member_lists.get("m", 1, "send", soon(), refuse)[1])
    )
    assert member_lists.get("m", 1, "send", soon(), make)[1] == "stale"
    thread.join(5)
    assert found == ["stale"]


def test_nobody_waits_for_anothers_plan_beyond_their_own_deadline() -> None:
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    found: list[str] = []

    def make() -> MemberList:
        def other() -> None:
            try:
                member_lists.get("m", 1, "send", Deadline(time.monotonic() + 0.05), member_list)
            except UnavailableError as error:
                found.append(error.kind)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(5)
        return member_list()

    member_lists.get("m", 1, "send", soon(), make)
    assert found == ["shared"]


def test_only_so_many_plans_are_kept() -> None:
    member_lists = MemberLists(size=3, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    for number in range(10):
        member_lists.get(f"m{number}", 1, "send", FAR, member_list)
    assert len(member_lists) == 3


def test_a_list_read_for_one_send_is_none_of_another() -> None:
    member_lists = MemberLists(size=10, fresh_s=20, stale_s=100, timer=lambda: 100.0)
    first, second = member_list(), member_list()._replace(send_key="other")
    assert member_lists.get("m", 1, "send", FAR, lambda: first) == (first, "miss")
    assert member_lists.get("m", 1, "other", FAR, lambda: second) == (second, "miss")
    assert member_lists.get("m", 1, "third", FAR, refuse) == (second, "stale")
