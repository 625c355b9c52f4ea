"""A search from the first step to the last: the ceiling, an overload, and whether the service stayed what it was."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from loadtest.ceiling.cold_start import measure_cold_start
from loadtest.ceiling.drift import measure_drift
from loadtest.ceiling.evidence import ColdStart, Drift, Ended, Overload
from loadtest.ceiling.overload import kept_the_line, measure_overload
from loadtest.ceiling.search import (
    CeilingSearch,
    RateTrial,
    SearchPhase,
    SearchResult,
    as_lower_bound,
    unconfirmed,
)
from loadtest.ceiling.step import OutOfTimeError, ServiceLostError, StepRunner
from loadtest.errors import LoadtestError

FALLING = "falling"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found, also when it was stopped, out of time or lost its service."""

    result: SearchResult
    ended: Ended
    overload: Overload | None = None
    drift: Drift | None = None
    cold_start: ColdStart | None = None


def search_whole(
    runner: StepRunner,
    *,
    start_rps: float,
    highest_rps: float,
    precision: float,
    restart: Callable[[], None] | None = None,
    each: Callable[[], None] = lambda: None,
) -> Found:
    """Search the ceiling.

    Args:
        runner: tries the rates.
        start_rps: the first rate.
        highest_rps: no higher one is tried.
        precision: the lowest rate that broke over the highest that held, less 1, at which bisection ends.
        restart: restarts the service for the cold start; None leaves that out.
        each: called after every step.
    """

    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        trial = runner.measure(phase, rps)
        each()
        return trial

    search = CeilingSearch(
        measure=measure,
        start_rps=start_rps,
        highest_rps=highest_rps,
        precision=precision,
        round_s=runner.budget.search_s,
        clock=runner.phases.clock,
    )
    found = Found(result=search.result, ended="finished")
    try:
        found = replace(found, ended=_run(search, runner))
        for part in _afterwards(search, runner, restart):
            found = replace(found, **part)
            each()
    except KeyboardInterrupt:
        runner.log.note("stopped by the operator")
        found = replace(found, ended="stopped")
    except ServiceLostError:
        found = replace(found, ended="service_lost")
    finally:
        runner.phases.generator.stop()
    return replace(found, result=_weighed(search.result, found.overload, found.drift, runner))


def _afterwards(
    search: CeilingSearch, runner: StepRunner, restart: Callable[[], None] | None
) -> Iterator[dict[str, Any]]:
    """What is measured beside the ceiling, one after the other, as fields of `Found`."""
    yield {"drift": measure_drift(runner)}
    if search.soaked is None:
        return
    if runner.budget.overload_s:
        yield {"overload": measure_overload(runner, search.soaked.rps)}
    if restart is not None:
        try:
            yield {"cold_start": measure_cold_start(runner, search.soaked.rps, restart)}
        except LoadtestError as error:  # what was found before stays
            runner.log.note(str(error))


def _run(search: CeilingSearch, runner: StepRunner) -> Ended:
    try:
        search.run()
    except OutOfTimeError:
        runner.log.note(f"the time given for the search, {runner.budget.limit_s:.0f} s, was over")
        return "out_of_time"
    return "finished"


def _weighed(
    result: SearchResult, overload: Overload | None, drift: Drift | None, runner: StepRunner
) -> SearchResult:
    """The result, unless what came after it says that there is no ceiling, or that it lies higher."""
    if drift is not None and drift.falling:
        return unconfirmed(result, bound_by=(FALLING,))
    if result.kind == "ceiling" and overload is not None and kept_the_line(overload, runner.line):
        why = f"{overload.rps:.0f} calls/s, three times as many, kept the line afterwards: the service had warmed up"
        return as_lower_bound(result, bound_by=(why,))
    return result
