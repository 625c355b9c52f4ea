"""Workers end when another takes connections in their place."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from app.web.workers.replacement import WorkerReplacement

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON_S, LONG_S = 0.2, 60.0


@pytest.fixture(autouse=True)
def told() -> Iterator[list[signal.Signals]]:
    """What gunicorn's first process is told: here it is this one."""
    asked: list[signal.Signals] = []
    before = {which: signal.getsignal(which) for which in (signal.SIGTERM, signal.SIGTTIN, signal.SIGTTOU)}
    for which in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(which, lambda number, _frame: asked.append(signal.Signals(number)))
    yield asked
    for which, handler in before.items():
        signal.signal(which, handler)


def worker(*, calls: int = 0, at_most: int = sys.maxsize) -> Any:
    ended = threading.Event()
    return SimpleNamespace(
        nr=calls,
        max_requests=at_most,
        ppid=os.getpid(),
        log=logging.getLogger("test"),
        ended=ended,
        handle_exit=lambda *_: ended.set(),
    )


def answers_in_a_process_of_its_own(replacement: WorkerReplacement, one: Any) -> None:
    """A worker's call, as gunicorn's are in a forked process each."""
    child = os.fork()
    if not child:
        replacement.take_over(one)
        replacement.after_call(one)
        os._exit(0)
    os.waitpid(child, 0)


def test_a_worker_that_has_answered_its_calls_asks_for_another_and_goes_on(
    told: list[signal.Signals],
) -> None:
    replacement, one = WorkerReplacement(), worker(calls=9, at_most=10)
    replacement.take_over(one)
    assert one.max_requests == sys.maxsize  # not gunicorn's own count, which would end it at once
    replacement.after_call(one)
    assert told == []
    one.nr = 10
    replacement.after_call(one)
    assert told == [signal.SIGTTIN]
    assert not one.ended.is_set()


def test_when_that_one_answers_the_oldest_is_ended_and_not_a_second_time(told: list[signal.Signals]) -> None:
    replacement, one = WorkerReplacement(), worker(calls=10, at_most=10)
    replacement.take_over(one)
    replacement.ready(worker())
    assert told == []
    replacement.after_call(one)
    replacement.ready(worker())
    replacement.ready(worker())
    assert told == [signal.SIGTTIN, signal.SIGTTOU]


def test_a_reload_replaces_it_too(told: list[signal.Signals]) -> None:
    replacement, one = WorkerReplacement(), worker(calls=10, at_most=10)
    replacement.take_over(one)
    replacement.after_call(one)
    replacement.begin_reload(1)
    replacement.ready(worker())
    assert told == [signal.SIGTTIN]


@pytest.mark.parametrize(("apart_s", "asked"), [(LONG_S, 1), (0.0, 2)], ids=["at once", "later"])
def test_two_that_are_due_together_are_replaced_one_after_the_other(
    told: list[signal.Signals], apart_s: float, asked: int
) -> None:
    replacement = WorkerReplacement(apart_s=apart_s)
    for _ in range(2):
        answers_in_a_process_of_its_own(replacement, worker(calls=10, at_most=10))
        replacement.ready(worker())
    assert told.count(signal.SIGTTIN) == asked


def test_no_other_is_asked_for_while_one_is_on_its_way(told: list[signal.Signals]) -> None:
    replacement, one = WorkerReplacement(apart_s=0.0), worker(calls=10, at_most=10)
    replacement.take_over(one)
    for _ in range(3):
        replacement.after_call(one)
    assert told == [signal.SIGTTIN]


def test_a_worker_that_was_killed_with_the_lock_keeps_nobody_from_reloading(
    told: list[signal.Signals],
) -> None:
    replacement = WorkerReplacement()
    child = os.fork()
    if not child:
        with replacement._locked():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    replacement.begin_reload(1)
    replacement.ready(worker())
    assert told == []


def test_a_worker_without_a_limit_goes_on(told: list[signal.Signals]) -> None:
    replacement, one = WorkerReplacement(), worker(calls=10**9)
    replacement.take_over(one)
    replacement.after_call(one)
    assert told == []


def test_a_worker_that_is_told_to_end_does_so_at_once() -> None:
    replacement, one = WorkerReplacement(within_s=LONG_S), worker()
    replacement.take_over(one)
    signal.raise_signal(signal.SIGTERM)
    assert one.ended.wait(LONG_S)


def test_on_a_reload_it_goes_on_until_all_the_new_ones_answer_however_often_it_is_told() -> None:
    replacement, one = WorkerReplacement(within_s=LONG_S), worker()
    replacement.take_over(one)
    replacement.begin_reload(2)
    replacement.ready(worker())
    for _ in range(3):
        signal.raise_signal(signal.SIGTERM)
    assert not one.ended.wait(SOON_S)
    replacement.ready(worker())
    assert one.ended.wait(LONG_S)


def test_it_does_not_wait_for_new_ones_that_never_answer() -> None:
    replacement, one = WorkerReplacement(within_s=SOON_S), worker()
    replacement.take_over(one)
    replacement.begin_reload(2)
    signal.raise_signal(signal.SIGTERM)
    assert one.ended.wait(LONG_S)
