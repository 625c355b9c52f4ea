"""The background thread: each task when it is due, whatever becomes of the others."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from app.runtime.background import SWITCH_INTERVAL_S, PeriodicTask, Scheduler
from app.runtime.errors import UnavailableError
from tests.unit.serving.fakes import Timer

if TYPE_CHECKING:
    import pytest


def scheduled(*tasks: PeriodicTask, clock: Timer) -> tuple[Scheduler, list[tuple[str, str]]]:
    failures: list[tuple[str, str]] = []
    return Scheduler(
        tasks, on_failure=lambda name, kind: failures.append((name, kind)), clock=clock
    ), failures


def test_the_watch_runs_each_task_when_it_is_due() -> None:
    ran: list[str] = []
    clock = Timer()
    scheduler, _ = scheduled(
        PeriodicTask("often", 5.0, lambda: ran.append("often")),
        PeriodicTask("seldom", 12.0, lambda: ran.append("seldom")),
        clock=clock,
    )
    waits = []
    for _ in range(4):
        waits.append(scheduler.run_due())
        clock.now_s += waits[-1]
    assert ran == ["often", "seldom", "often", "often", "seldom"]
    assert waits == [5.0, 5.0, 2.0, 3.0]


def test_a_task_that_fails_is_named_told_and_tried_again_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, ran, broken = Timer(), [], [UnavailableError("timeout"), KeyError("a row nobody foresaw")]

    def fail() -> None:
        if broken:
            raise broken.pop(0)

    scheduler, failures = scheduled(
        PeriodicTask("bad", 5.0, fail), PeriodicTask("good", 5.0, lambda: ran.append(1)), clock=clock
    )
    failing = []
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            clock.now_s += scheduler.run_due()
            failing.append(scheduler.failing)
    assert failing == [["bad"], ["bad"], []]
    assert failures == [("bad", "timeout"), ("bad", "unexpected")]
    assert ran == [1, 1, 1]
    assert "a row nobody foresaw" in caplog.text


def test_no_task_waits_for_a_connection_that_another_just_waited_for_in_vain() -> None:
    clock, ran = Timer(), []

    def wait_in_vain() -> None:
        raise UnavailableError("pool")

    scheduler, failures = scheduled(
        PeriodicTask("first", 5.0, wait_in_vain),
        PeriodicTask("second", 5.0, lambda: ran.append("second")),
        PeriodicTask("disk", 5.0, lambda: ran.append("disk"), asks_store=False),
        clock=clock,
    )
    scheduler.run_due()
    assert (ran, scheduler.failing) == (["disk"], ["first", "second"])
    assert failures == [("first", "pool"), ("second", "skipped")]


def test_while_a_task_computes_calls_get_the_interpreter_sooner_than_usual() -> None:
    usual_s, seen_s = sys.getswitchinterval(), []

    def fail() -> None:
        seen_s.append(sys.getswitchinterval())
        raise UnavailableError("timeout")

    Scheduler([PeriodicTask("task", 5.0, fail)]).run_due()
    assert seen_s == [SWITCH_INTERVAL_S]
    assert SWITCH_INTERVAL_S < usual_s == sys.getswitchinterval()


def test_the_watch_goes_on_in_the_background_until_stopped() -> None:
    thrice, ran = threading.Event(), []

    def run() -> None:
        ran.append(threading.current_thread().name)
        if len(ran) == 3:
            thrice.set()

    scheduler = Scheduler([PeriodicTask("task", 0.001, run)])
    scheduler.start()
    assert ran[0] == threading.current_thread().name  # once before anything is served
    assert thrice.wait(5)
    scheduler.stop()
    count = len(ran)
    time.sleep(0.02)
    assert (len(ran), set(ran[1:])) == (count, {"background"})
