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

from app.web.handover import Handover

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON_S, LONG_S = 0.2, 60.0


@pytest.fixture(autouse=True)
def _signal_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def worker(*, calls: int = 0, at_most: int = sys.maxsize) -> Any:
    ended = threading.Event()
    return SimpleNamespace(
        nr=calls,
        max_requests=at_most,
        alive=True,
        log=logging.getLogger("test"),
        ended=ended,
        handle_exit=lambda *_: ended.set(),
    )


def ends_in_a_process_of_its_own(handover: Handover, one: Any) -> bool:
    """Whether a worker ends for its calls, as gunicorn's do in a forked process each."""
    child = os.fork()
    if not child:
        handover.take_over(one)
        handover.after_call(one)
        os._exit(int(not one.alive))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_worker_ends_when_it_has_answered_its_calls_and_not_by_gunicorns_own_count() -> None:
    handover, one = Handover(), worker(calls=9, at_most=10)
    handover.take_over(one)
    assert one.max_requests == sys.maxsize
    handover.after_call(one)
    assert one.alive
    one.nr = 10
    handover.after_call(one)
    assert not one.alive


def test_of_two_that_are_due_together_the_second_waits() -> None:
    handover = Handover()
    ended = [ends_in_a_process_of_its_own(handover, worker(calls=10, at_most=10)) for _ in range(2)]
    assert ended == [True, False]


def test_the_second_ends_when_the_first_has_been_replaced() -> None:
    handover = Handover(apart_s=0.0)
    ended = [ends_in_a_process_of_its_own(handover, worker(calls=10, at_most=10)) for _ in range(2)]
    assert ended == [True, True]


def test_a_worker_that_was_killed_with_the_lock_keeps_nobody_from_reloading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.handover.LOCKED_WITHIN_S", 0.01)
    handover, one = Handover(within_s=LONG_S), worker()
    handover.take_over(one)
    handover._lock.acquire()
    handover.reloading(1)
    handover.ready()
    signal.raise_signal(signal.SIGTERM)
    assert one.ended.wait(LONG_S)


def test_a_worker_without_a_limit_goes_on() -> None:
    handover, one = Handover(), worker(calls=10**9)
    handover.take_over(one)
    handover.after_call(one)
    assert one.alive


def test_a_worker_that_is_told_to_end_does_so_at_once() -> None:
    handover, one = Handover(within_s=LONG_S), worker()
    handover.take_over(one)
    signal.raise_signal(signal.SIGTERM)
    assert one.ended.wait(LONG_S)


def test_on_a_reload_it_goes_on_until_all_the_new_ones_answer_however_often_it_is_told() -> None:
    handover, one = Handover(within_s=LONG_S), worker()
    handover.take_over(one)
    handover.reloading(2)
    handover.ready()
    for _ in range(3):
        signal.raise_signal(signal.SIGTERM)
    assert not one.ended.wait(SOON_S)
    handover.ready()
    assert one.ended.wait(LONG_S)


def test_it_does_not_wait_for_new_ones_that_never_answer() -> None:
    handover, one = Handover(within_s=SOON_S), worker()
    handover.take_over(one)
    handover.reloading(2)
    signal.raise_signal(signal.SIGTERM)
    assert one.ended.wait(LONG_S)
