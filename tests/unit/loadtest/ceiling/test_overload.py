"""Overload goes on record, and when the service has recovered. The generator and the service are fakes."""

from dataclasses import replace
from itertools import count

import pytest

from loadtest.ceiling.overload import measure_overload
from tests.unit.loadtest.fakes import QUICK, FakeGenerator, step_runner


@pytest.mark.parametrize(("failure", "recovery_s"), [(None, 0.0), ("cut_off", None)])
def test_an_overload_is_over_when_three_seconds_in_a_row_keep_the_line(
    failure: str | None, recovery_s: float | None
) -> None:
    runner = step_runner(FakeGenerator(outcome=lambda _: failure), budget=replace(QUICK, overload_s=0.0))
    seconds = count(1_000.0, 5.0)
    runner.phases.clock = lambda: next(seconds)
    found = measure_overload(runner, 100)
    assert (found.rps, found.recovery_s) == (300, recovery_s)
    assert found.failures == ({"cut_off": 300} if failure else {})
    assert [(step.phase, step.outcome, step.rps) for step in runner.log.steps] == [
        ("overload", "observed", 300)
    ]


def test_what_is_usable_in_it_is_told_of_the_overload_alone() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda _: "status_503"), budget=replace(QUICK, overload_s=2.0))
    seconds = count(1_000.0, 20.0)
    runner.phases.clock = lambda: next(seconds)
    found = measure_overload(runner, 100)
    assert (found.usable_share, found.degraded_share, found.seconds) == (0.0, 0.0, 2.0)
