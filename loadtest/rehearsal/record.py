"""The record of a rehearsal: what was forecast and what was measured, as JSON and as text."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from app.capacity.simulation.result import Quantity, SimulationResult
from loadtest.ceiling.evidence import Distribution
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.rehearsal.offer_calls import OfferCalls, in_proportion
from loadtest.rehearsal.plans import calls_by_second

SCHEMA: Literal["connected-jobs/rehearsal"] = "connected-jobs/rehearsal"
VERSION: Literal[1] = 1


class RehearsedSecond(msgspec.Struct, frozen=True, kw_only=True):
    """One planned second: the calls forecast and what was measured, scaled to planned calls."""

    second: int
    forecast_calls: int
    calls: int
    usable: int
    degraded: int
    failures: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None


class SendTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A send as a whole; `ends_at_s` counts from the first planned second, None if nothing was started."""

    attempts: int
    calls: int
    retries: int
    sent: int
    blank: int
    aborted: int
    pending: int
    ends_at_s: int | None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal found; docs/evidence-schema.md describes every field."""

    sentence: str
    host: str
    plan: str
    began_at: str
    ended_at: str
    ended: Literal["finished", "stopped"]
    speed: float
    forecast: SendTotals
    measured: SendTotals
    latency: Distribution
    generator: GeneratorHealth
    complaint: str | None
    calls_made: int
    failures: dict[str, int]
    degraded: dict[str, int]
    seconds: tuple[RehearsedSecond, ...]
    schema: Literal["connected-jobs/rehearsal"] = SCHEMA
    version: Literal[1] = VERSION


def totals_of(played: SimulationResult) -> SendTotals:
    """A send as a whole."""
    by_second = played.by_second()
    busy = np.argwhere(by_second > 0)
    ends_at_s = None
    if len(busy):
        first, last = (int(played.minutes[row]) * 60 + int(place) for row, place in (busy[0], busy[-1]))
        ends_at_s = last - first + 1
    return SendTotals(
        attempts=played.total(Quantity.ATTEMPTS),
        calls=played.total(Quantity.CALLS),
        retries=played.total(Quantity.RETRIES),
        sent=played.total(Quantity.SENT),
        blank=played.total(Quantity.BLANK),
        aborted=played.total(Quantity.ABORTED),
        pending=sum(played.pending),
        ends_at_s=ends_at_s,
    )


def by_second(forecast: SimulationResult, settled: list[OfferCalls]) -> Iterator[RehearsedSecond]:
    """Every second in which calls were forecast or made, from the first planned one."""
    expected = calls_by_second(forecast)
    made = {calls.offer.second: calls for calls in settled if calls.offer.calls}
    seconds = sorted(expected.keys() | made.keys())
    for second in seconds:
        yield _second(second - seconds[0], expected.get(second, 0), made.get(second))


def _second(second: int, forecast_calls: int, made: OfferCalls | None) -> RehearsedSecond:
    if made is None:
        nothing: dict[str, int] = {}
        return RehearsedSecond(
            second=second,
            forecast_calls=forecast_calls,
            calls=0,
            usable=0,
            degraded=0,
            failures=nothing,
            p50_ms=None,
            p99_ms=None,
        )
    seen = Counter(result.failure or ("degraded" if result.degraded else "ok") for result in made.results)
    counts = in_proportion(seen, made.offer.calls) if seen else Counter[str]()
    times = np.percentile(made.latencies_s, [50, 99]) * 1000 if made.latencies_s else (None, None)
    p50, p99 = (None if value is None else round(float(value), 3) for value in times)
    return RehearsedSecond(
        second=second,
        forecast_calls=forecast_calls,
        calls=made.offer.calls,
        usable=counts["ok"] + counts["degraded"],
        degraded=counts["degraded"],
        failures={kind: count for kind, count in counts.items() if kind not in {"ok", "degraded"}},
        p50_ms=p50,
        p99_ms=p99,
    )


def sentence(forecast: SendTotals, measured: SendTotals, *, ended: str, complaint: str | None) -> str:
    """The outcome for someone who reads nothing else."""
    planned = duration(forecast.ends_at_s)
    if ended == "stopped":
        return f"Stopped after {measured.attempts} of {forecast.attempts} forecast message attempts."
    real = duration(measured.ends_at_s)
    doubt = f" The generator may have been the bottleneck: {complaint}." if complaint else ""
    return (
        f"The last message left {real} after the first, forecast {planned}: {measured.sent} messages sent, "
        f"{measured.blank} of them blank, {measured.aborted} aborted, {measured.retries} retries, "
        f"{measured.calls} calls for {forecast.calls} forecast.{doubt}"
    )


def by_minute(rehearsal: Rehearsal) -> str:
    """The seconds added up to minutes, as text."""
    lines = ["minute  forecast calls  calls  usable  degraded  failed  worst second's p99"]
    for minute, group in groupby(rehearsal.seconds, key=lambda second: second.second // 60):
        rows = list(group)
        worst = max((row.p99_ms for row in rows if row.p99_ms is not None), default=None)
        lines.append(
            f"{minute + 1:6}  {sum(row.forecast_calls for row in rows):14}  {sum(row.calls for row in rows):5}  "
            f"{sum(row.usable for row in rows):6}  {sum(row.degraded for row in rows):8}  "
            f"{sum(sum(row.failures.values()) for row in rows):6}  {'-' if worst is None else f'{worst:.0f} ms'}"
        )
    return "\n".join(lines)


def duration(seconds: int | None) -> str:
    """Hours, minutes and seconds."""
    if seconds is None:
        return "never"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s"


def write_record(rehearsal: Rehearsal, path: Path) -> None:
    """Write the record as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rehearsal), indent=1))
