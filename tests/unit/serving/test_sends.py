"""A send stays with the run in force at its first call, on every worker, whatever is published meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from app.feedback.experiments.definition import Arm, Experiment
from app.feedback.lately_shown import COUNTS_EVERY_S, since_counted_s
from app.runtime.deadline import Deadline
from app.runtime.errors import UnavailableError
from app.serving.experiments import Experiments
from app.serving.publications import Publications
from app.serving.request import RecommendationRequest, RequestOptions
from app.serving.sends import LEAD, MOST_AT_ONCE, PREVIEW, Sends
from app.serving.store import Publication, Run
from tests.unit.serving.fakes import NOW, RUN, SECOND_RUN, FakeRegister, FakeStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

HOLD = timedelta(hours=24)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
FIRST = Publication(1, RUN, NOW - timedelta(hours=2))
DEADLINE = Deadline(float("inf"))


def options(send: str = "s", campaign: str = "weekly") -> RequestOptions:
    return RequestOptions(campaign, send, None, 10, "ko")


class StoodClock:
    """The store's clock as the test sets it."""

    def follow(self, read: Callable[[], datetime]) -> datetime:
        return read()


class Worker:
    """What answers a call, as far as its run goes."""

    def __init__(self, register: FakeRegister, **options: object) -> None:
        self.register = register
        store = FakeStore(log=register.log, split=register.split)  # type: ignore[arg-type] # lists, which grow
        self.publications, self.experiments = Publications(store), Experiments(store)
        given = {"hold": HOLD, "experiments": self.experiments, **options}
        self.sends = Sends(self.publications, register, StoodClock(), **given)  # type: ignore[arg-type] # a test's own

    def update(self) -> Worker:
        self.sends.update()
        return self

    def whole_call(self, what: RequestOptions) -> tuple[object, ...]:
        """All that decides what a member is answered: the send's run, their arm, and the run of its recipe."""
        run_id, now = self.call(what), self.register.now
        arm = self.sends.arm_of(RecommendationRequest("m", what), now)
        recipe_run = self.sends.run_of_recipe("other", what, now) if arm else None
        return run_id, arm and arm.name, recipe_run and recipe_run.id

    def call(self, what: RequestOptions | None = None) -> int | None:
        what, now = what or options(), self.register.now
        run = self.sends.run_of(what, now)
        if run is None:
            claims = self.sends.must_claim(what, now)
            run = self.sends.claim(what, DEADLINE) if claims else self.sends.begin(what, now)
        return run.id if run else None


def store(*log: Publication) -> FakeRegister:
    return FakeRegister(list(log or [FIRST]))


def publish(
    register: FakeRegister,
    run: Run,
    *,
    delay: timedelta = LEAD,
    moves_sends: bool = False,
    recipe: str | None = None,
) -> None:
    number = len(register.log) + 1
    register.log.insert(0, Publication(number, run, register.now + delay, moves_sends, recipe))  # type: ignore[attr-defined] # a list


def start(register: FakeRegister) -> None:
    arms = (Arm("a", 0.5, "recommended"), Arm("b", 0.5, "other"))
    number = len(register.split)
    register.split.append(Experiment(f"e{number}", "weekly", f"salt-{number}", arms, register.now + LEAD))


def stop(register: FakeRegister) -> None:
    register.split[-1] = replace(register.split[-1], stopped_at=register.now + LEAD)


def go(register: FakeRegister, *workers: Worker, by: timedelta) -> None:
    """Let time pass, in which every worker updates every two seconds."""
    until = register.now + by
    while register.now < until:
        register.now = min(until, register.now + 2 * SECOND)
        for worker in workers:
            worker.update()


def test_a_send_under_way_keeps_its_run_and_a_new_one_begins_with_the_new_run() -> None:
    register = store()
    one, other = Worker(register).update(), Worker(register).update()
    assert one.call() == 1
    publish(register, SECOND_RUN, delay=15 * MINUTE)
    go(register, one, other, by=16 * MINUTE)
    assert (one.call(), other.call(), one.call(options("t")), other.call(options("t"))) == (1, 1, 2, 2)


def test_far_from_a_switch_nothing_is_asked_and_what_was_met_is_registered_once() -> None:
    register = store()
    worker = Worker(register).update()
    register.asked.clear()
    for _ in range(5):
        worker.call()
    assert register.asked == []
    go(register, worker, by=10 * SECOND)
    assert [what for what in register.asked if what != "clock"] == ["register"]


def test_a_worker_that_begins_after_a_switch_knows_the_sends_that_began_before() -> None:
    register = store()
    worker = Worker(register).update()
    worker.call()
    publish(register, SECOND_RUN)
    go(register, worker, by=MINUTE)
    assert Worker(register).update().call() == 1


@pytest.mark.parametrize("before", [5.9, 2.0, 0.2, 0.001])
@pytest.mark.parametrize("after", [0.0, 0.15, 1.9, 2.1, 20.0])
def test_a_send_first_met_just_before_a_switch_is_the_same_on_a_worker_that_meets_it_after(
    before: float, after: float
) -> None:
    register = store()
    one, other = Worker(register).update(), Worker(register).update()
    publish(register, SECOND_RUN)
    at = register.now + LEAD
    go(register, one, other, by=LEAD - timedelta(seconds=before))
    assert one.call() == 1
    go(register, one, other, by=at + timedelta(seconds=after) - register.now)
    assert (other.call(), one.call(), Worker(register).update().call()) == (1, 1, 1)


def test_a_worker_that_could_not_watch_for_long_claims_since_it_may_have_missed_a_switch() -> None:
    register = store()
    one, stuck = Worker(register).update(), Worker(register).update()
    publish(register, SECOND_RUN)
    go(register, one, by=MINUTE)
    assert (one.call(), stuck.call(), stuck.call(options("t")), one.call(options("t"))) == (2, 2, 2, 2)


def test_a_send_moves_on_when_its_time_is_over_and_keeps_what_it_has_then() -> None:
    register = store()
    worker = Worker(register).update()
    worker.call()
    publish(register, SECOND_RUN)
    go(register, worker, by=HOLD - 3 * SECOND)
    assert worker.call() == 1
    go(register, worker, by=10 * SECOND)
    assert worker.call() == 2
    publish(register, RUN)
    go(register, worker, by=MINUTE)
    assert (worker.call(), Worker(register).update().call()) == (2, 2)


def test_a_rollback_leaves_sends_where_they_began_unless_it_moves_them() -> None:
    for moves_sends, expected in ((False, 2), (True, 1)):
        register = store(Publication(2, SECOND_RUN, NOW - MINUTE), FIRST)
        one, other = Worker(register).update(), Worker(register).update()
        assert one.call() == 2
        publish(register, RUN, moves_sends=moves_sends)
        go(register, one, other, by=LEAD - SECOND)
        assert other.call(options("late")) == 2
        go(register, one, other, by=2 * SECOND)
        assert {one.call(), other.call(), one.call(options("late")), other.call(options("late"))} == {
            expected
        }
        assert Worker(register).update().call() == expected


def test_moving_sends_leaves_those_on_older_runs() -> None:
    third = Run(3, NOW, NOW)
    register = store()
    worker = Worker(register).update()
    worker.call(options("old"))
    for run in (SECOND_RUN, third):
        publish(register, run)
        go(register, worker, by=MINUTE)
    worker.call(options("new"))
    publish(register, SECOND_RUN, moves_sends=True)
    go(register, worker, by=MINUTE)
    assert (worker.call(options("old")), worker.call(options("new"))) == (1, 2)


def test_a_run_that_was_in_force_just_now_is_held_since_others_may_have_met_sends_on_it() -> None:
    register = store()
    worker = Worker(register).update()
    publish(register, SECOND_RUN)
    found = []
    for seconds in (15, 59, 3):
        go(register, worker, by=seconds * SECOND)
        found.append([run.id for run in worker.sends.held_runs(register.now)])
    assert found == [[1, 2], [1, 2], [2]]


def test_previews_are_no_send() -> None:
    register = store()
    worker = Worker(register).update()
    assert worker.call(options(PREVIEW)) == 1
    publish(register, SECOND_RUN)
    go(register, worker, by=MINUTE)
    assert worker.call(options(PREVIEW)) == 2
    assert register.rows == {}


def test_before_any_run_nothing_is_kept() -> None:
    register = FakeRegister([])
    worker = Worker(register).update()
    assert worker.call() is None
    publish(register, RUN, delay=timedelta(0))
    go(register, worker, by=4 * SECOND)
    assert worker.call() == 1


def test_where_nothing_is_kept_every_call_is_answered_from_the_run_in_force() -> None:
    register = store()
    worker = Worker(register, hold=timedelta(0)).update()
    assert worker.call() == 1
    publish(register, SECOND_RUN)
    go(register, worker, by=MINUTE)
    assert (worker.call(), register.rows) == (2, {})


def test_who_may_not_write_keeps_what_it_met_and_what_others_wrote() -> None:
    register = store()
    writer, reader = Worker(register).update(), Worker(register, writes=False).update()
    assert (writer.call(), reader.call(options("mine"))) == (1, 1)
    publish(register, SECOND_RUN)
    go(register, writer, reader, by=MINUTE)
    assert (reader.call(), reader.call(options("mine")), reader.call(options("new"))) == (1, 1, 2)
    assert "weekly\x1fmine" not in register.rows


def test_without_the_store_a_worker_goes_by_what_it_knows_and_registers_it_later() -> None:
    register = store()
    worker = Worker(register).update()
    worker.call()
    register.failing = True
    register.now += MINUTE
    with pytest.raises(UnavailableError):
        worker.update()
    with pytest.raises(UnavailableError):
        worker.sends.claim(options("t"), DEADLINE)
    assert worker.sends.begin(options("t"), register.now) == RUN
    register.failing = False
    worker.update()
    assert set(register.rows) == {"weekly\x1fs", "weekly\x1ft"}


def test_sends_that_a_worker_met_are_bounded_and_one_under_way_outlives_thousands_made_up() -> None:
    register = store()
    worker = Worker(register, most=100).update()
    worker.call()
    for number in range(1_000):
        worker.call(options(f"made-up-{number}"))
        if number % 50 == 0:
            worker.call()
            go(register, worker, by=2 * SECOND)
    publish(register, SECOND_RUN)
    go(register, worker, by=MINUTE)
    assert worker.call() == 1
    assert len(worker.sends._known) <= 100


def test_an_outage_with_a_send_for_each_member_fills_no_memory() -> None:
    register = store()
    worker = Worker(register, most=100).update()
    register.failing = True
    for number in range(2 * MOST_AT_ONCE):
        worker.sends.begin(options(f"one-{number}"), register.now)
    assert len(worker.sends._known) <= 200


def test_a_run_that_has_no_lists_any_more_holds_nobody() -> None:
    register = store()
    worker = Worker(register).update()
    worker.call()
    publish(register, SECOND_RUN)
    go(register, worker, by=MINUTE)
    register.log[:] = [one for one in register.log if one.run != RUN]  # type: ignore[index] # a list
    register.rows.clear()
    go(register, worker, by=4 * SECOND)
    assert (worker.call(), worker.sends.held_runs(register.now)) == (2, [SECOND_RUN])


@pytest.mark.parametrize("seed", range(100))
def test_whatever_happens_a_message_gets_one_run_and_its_member_one_arm(seed: int) -> None:
    """Calls of a few sends reach workers that update late or are replaced, while runs are published and taken back.

    Meanwhile experiments begin and end, and the recipe of an arm is published.
    """
    chance = Random(seed)
    register = store()
    publish(register, Run(900, NOW, NOW), delay=-LEAD, recipe="other")
    workers = [Worker(register).update() for _ in range(3)]
    due = [register.now] * 3
    seen: dict[str, set[tuple[object, ...]]] = {}
    run_id, last = 1, 0
    for _ in range(100):
        until = register.now + chance.choice([0.0, 0.001, 0.15, 0.5, 1.0, 1.9, 3.0, 11.0]) * SECOND
        while min(due) <= until:
            at = due.index(min(due))
            register.now = due[at]
            workers[at].update()
            due[at] = register.now + chance.choice([2, 2, 4]) * SECOND
        register.now = until
        match chance.choice(["call"] * 8 + ["publish", "back", "replace", "split", "recipe"]):
            case "call":
                # A send is new within the last few, so that most first calls come near a switch.
                last += chance.choice([0, 0, 1])
                send = options(f"s{last - chance.randint(0, min(3, last))}")
                seen.setdefault(send.send, set()).add(chance.choice(workers).whole_call(send))
            case "publish":
                run_id += 1
                publish(register, Run(run_id, NOW, NOW), delay=chance.choice([LEAD, 2 * LEAD]))
            case "back":
                publish(register, chance.choice([one.run for one in register.log if one.recipe is None]))
            case "recipe":
                run_id += 1
                publish(register, Run(900 + run_id, NOW, NOW), delay=LEAD, recipe="other")
            case "split":
                (stop if register.split and register.split[-1].stopped_at is None else start)(register)
            case "replace":
                at = chance.randrange(3)
                workers[at].update()  # a worker that is told to end registers what it met
                workers[at], due[at] = Worker(register).update(), register.now + 2 * SECOND
    assert {send: runs for send, runs in seen.items() if len(runs) > 1} == {}


def test_around_the_moment_from_which_more_counts_a_send_is_claimed_so_that_all_know_when_it_began() -> None:
    register = store()
    worker = Worker(register)
    go(register, worker, by=5 * MINUTE)
    assert not worker.sends.must_claim(options(), register.now)
    go(register, worker, by=timedelta(seconds=COUNTS_EVERY_S - since_counted_s(register.now.timestamp()) - 4))
    asked = [(late, register.now + late * SECOND) for late in (-3, 0, 4, 5)]
    assert [late for late, now in asked if worker.sends.must_claim(options(), now)] == [0, 4, 5]
    assert not worker.sends.must_claim(options(PREVIEW), register.now)
    go(register, worker, by=7 * SECOND)
    assert not worker.sends.must_claim(options(), register.now)
