"""Workers that are due to end do so one at a time."""

from __future__ import annotations

import logging
import os
import sys
from types import SimpleNamespace
from typing import Any

from app.web.recycling import Recycling


def worker(*, calls: int, at_most: int) -> Any:
    return SimpleNamespace(nr=calls, max_requests=at_most, alive=True, log=logging.getLogger("test"))


def ends_in_a_process_of_its_own(recycling: Recycling, one: Any) -> bool:
    """Whether a worker ends, as gunicorn's do in a forked process each."""
    child = os.fork()
    if not child:
        recycling.take_over(one)
        recycling.after_call(one)
        os._exit(int(not one.alive))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_worker_ends_when_it_has_answered_its_calls_and_not_by_gunicorns_own_count() -> None:
    recycling, one = Recycling(), worker(calls=9, at_most=10)
    recycling.take_over(one)
    assert one.max_requests == sys.maxsize
    recycling.after_call(one)
    assert one.alive
    one.nr = 10
    recycling.after_call(one)
    assert not one.alive


def test_of_two_that_are_due_together_the_second_waits() -> None:
    recycling = Recycling()
    ended = [ends_in_a_process_of_its_own(recycling, worker(calls=10, at_most=10)) for _ in range(2)]
    assert ended == [True, False]


def test_the_second_ends_when_the_first_has_been_replaced() -> None:
    recycling = Recycling(apart_s=0.0)
    ended = [ends_in_a_process_of_its_own(recycling, worker(calls=10, at_most=10)) for _ in range(2)]
    assert ended == [True, True]


def test_a_worker_without_a_limit_goes_on() -> None:
    recycling, one = Recycling(), worker(calls=10**9, at_most=sys.maxsize)
    recycling.take_over(one)
    recycling.after_call(one)
    assert one.alive
