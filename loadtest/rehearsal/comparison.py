"""A scenario's forecast and what its rehearsal measured, side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import gevent
import msgspec
import numpy as np

from app.capacity.plan.plan import Plan
from app.capacity.simulation.result import SimulationResult
from app.plurals import counted
from loadtest.ceiling.terminal import Terminal
from loadtest.generator.sender import Sender
from loadtest.rehearsal.plans import calls_by_second
from loadtest.rehearsal.record import Rehearsal, SendTotals, totals_of
from loadtest.rehearsal.rehearse import forecast, rehearse
from loadtest.rehearsal.scenarios import Scenario, speed_for

AIM = 0.05  # of peak and finish
BY_ITSELF = 0.01  # of a send's calls
FROM_MEMORY = "postgres"  # the reason that an answer gives where nobody could wait for Postgres
BETWEEN_S = 3.0  # until connections and queues are as before


class OutcomeShares(msgspec.Struct, frozen=True, kw_only=True):
    """How calls ended, as shares of all; `reasons` says what the degraded answers gave as theirs."""

    degraded: float
    cut_off: float
    failed: float
    reasons: dict[str, float] = msgspec.field(default_factory=dict)


class ScenarioOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario, as forecast or as measured; the peak is of a second of real time."""

    peak_rps: float
    ends_at_s: int
    totals: SendTotals = msgspec.field(name="course")
    shares: OutcomeShares


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario's comparison; errors are of the forecast, as shares of what was measured.

    `ceiling_moved` says that the service did not do at its end what the forecast took it to do; such a row proves nothing.
    """

    name: str
    about: str
    speed: int
    soft_rps: float | None
    hard_rps: float | None
    forecast: ScenarioOutcome
    measured: ScenarioOutcome
    peak_error: float
    finish_error: float
    calls_made: int
    complaint: str | None
    ceiling_moved: str | None = None


class StartTimes:
    """The instants at which calls really began, from Locust's request event."""

    def __init__(self) -> None:
        self.at_s: list[float] = []

    def record(
        self, *, start_time: float, response_time: float, context: Mapping[str, Any], **_: Any
    ) -> None:
        """Take one call: it was meant for `start_time` and began as much later as it was not in service."""
        self.at_s.append(start_time + (response_time - context["service_ms"]) / 1000)

    def peak_rps(self) -> float:
        """The most calls that began in a second, seconds counted from the first call."""
        instants = np.array(self.at_s)
        return float(np.bincount((instants - instants.min()).astype(np.int64)).max()) if self.at_s else 0.0


def forecast_peak_rps(played: SimulationResult, *, speed: int) -> float:
    """The most calls in a second of a rehearsal at `speed`, in which `speed` planned seconds pass."""
    calls = calls_by_second(played)
    first = min(calls, default=0)
    seconds: Counter[int] = Counter()
    for second, count in calls.items():
        seconds[(second - first) // speed] += count
    return max(seconds.values(), default=0) / speed


def forecast_outcome(plan: Plan, *, speed: int) -> ScenarioOutcome:
    """What is expected of a rehearsal."""
    played = forecast(plan, speed=speed)
    ends = sum((Counter(outcomes) for outcomes in played.outcomes), Counter[str]())
    degraded, cut_off = ends["degraded"], ends["cut_off"]
    failed = ends.total() - ends["ok"] - degraded - cut_off
    found = totals_of(played)
    return ScenarioOutcome(
        peak_rps=forecast_peak_rps(played, speed=speed),
        ends_at_s=found.ends_at_s or 0,
        totals=found,
        shares=_shares(degraded, cut_off, failed, of=ends.total()),
    )


def measured_outcome(rehearsal: Rehearsal, start_times: StartTimes) -> ScenarioOutcome:
    """What a rehearsal found."""
    failures = sum((Counter(second.failures) for second in rehearsal.seconds), Counter[str]())
    calls, cut_off = sum(second.calls for second in rehearsal.seconds), failures["cut_off"]
    degraded = sum(second.degraded for second in rehearsal.seconds)
    return ScenarioOutcome(
        peak_rps=start_times.peak_rps(),
        ends_at_s=rehearsal.measured.ends_at_s or 0,
        totals=rehearsal.measured,
        shares=_shares(degraded, cut_off, failures.total() - cut_off, of=calls, reasons=rehearsal.degraded),
    )


def _shares(
    degraded: int, cut_off: int, failed: int, *, of: int, reasons: Mapping[str, int] | None = None
) -> OutcomeShares:
    calls, told = max(of, 1), sum((reasons or {}).values())
    return OutcomeShares(
        degraded=degraded / calls,
        cut_off=cut_off / calls,
        failed=failed / calls,
        # A rehearsal that was sped up made fewer calls than it stands for.
        reasons={reason: degraded / calls * count / told for reason, count in (reasons or {}).items()},
    )


def compare(scenario: Scenario, sender: Sender, *, target_s: float, terminal: Terminal) -> Row:
    """Forecast a scenario and rehearse it on a running service."""
    gevent.sleep(BETWEEN_S)
    speed = speed_for(scenario.plan, target_s=target_s)
    expected, start_times = forecast_outcome(scenario.plan, speed=speed), StartTimes()
    sender.report = start_times.record
    rehearsal = rehearse(
        scenario.plan,
        sender,
        host="the demo",
        speed=speed,
        name=scenario.name,
        progress=terminal.rehearsing,
    )
    measured = measured_outcome(rehearsal, start_times)
    soft, hard = scenario.limiter
    return Row(
        name=scenario.name,
        about=scenario.about,
        speed=speed,
        soft_rps=soft or None,
        hard_rps=hard or None,
        forecast=expected,
        measured=measured,
        peak_error=_error(expected.peak_rps, measured.peak_rps),
        finish_error=_error(expected.ends_at_s, measured.ends_at_s),
        calls_made=rehearsal.calls_made,
        complaint=rehearsal.complaint,
    )


def _error(forecast_value: float, measured: float) -> float:
    return (forecast_value - measured) / measured if measured else float(bool(forecast_value))


def sentence(rows: Sequence[Row]) -> str:
    """The outcome for someone who reads nothing else; rows whose ceiling moved are left out, and counted."""
    moved = sum(row.ceiling_moved is not None for row in rows)
    if moved == len(rows):
        return f"The service's own ceiling moved in all of {moved} sends: nothing was compared."
    left_out = f" Left out: {moved}, since the service's own ceiling had moved." if moved else ""
    rows = [row for row in rows if row.ceiling_moved is None]
    peaks, finishes = ([abs(getattr(row, name)) for row in rows] for name in ("peak_error", "finish_error"))
    shares = [abs(row.forecast.shares.degraded - row.measured.shares.degraded) for row in rows]
    good = [sum(error <= AIM for error in errors) for errors in (peaks, finishes)]
    return (
        f"Of {counted(len(rows), 'send')} the peak was forecast within {AIM:.0%} in {good[0]} (median {median(peaks):.1%}, worst "
        f"{max(peaks):.1%}), the finish in {good[1]} (median {median(finishes):.1%}, worst {max(finishes):.1%}); the degraded "
        f"share was off by {max(shares) * 100:.1f} points at most.{_by_itself(rows)}{left_out}"
    )


def _by_itself(rows: Sequence[Row]) -> str:
    """In which sends the service answered from memory, without a line that told it to: it was busier than it could be."""
    found = {
        row.name: own
        for row in rows
        if (own := row.measured.shares.reasons.get(FROM_MEMORY, 0.0)) > BY_ITSELF
    }
    if not found:
        return ""
    told = ", ".join(f"{name} {share:.0%}" for name, share in found.items())
    return f" Answered from memory to keep the time, which no forecast counts: {told}."


HEAD = (
    "scenario                             x   peak calls/s            finish s             retries            "
    "degraded %     cut off %      failed %"
)


def line(row: Row) -> str:
    """One scenario: forecast / measured (error)."""
    expected, measured = row.forecast, row.measured
    both = [
        f"{100 * getattr(expected.shares, name):5.1f} /{100 * getattr(measured.shares, name):5.1f}"
        for name in ("degraded", "cut_off", "failed")
    ]
    return (
        f"{row.name:<35} {row.speed:3} {expected.peak_rps:6.0f} /{measured.peak_rps:6.0f} ({row.peak_error:+6.1%}) "
        f"{expected.ends_at_s:6} /{measured.ends_at_s:6} ({row.finish_error:+6.1%}) "
        f"{expected.totals.retries:8} /{measured.totals.retries:8}  {'  '.join(both)}"
        f"{f'  {row.complaint}' if row.complaint else ''}{f'  {row.ceiling_moved}' if row.ceiling_moved else ''}"
    )
