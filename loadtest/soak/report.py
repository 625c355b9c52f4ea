"""What a soak found: its record, and that in words and as a table."""

from typing import Literal

import msgspec

from loadtest.ceiling.evidence import Event, StepRecord
from loadtest.soak.memory import Generation, Slope

SCHEMA: Literal["connected-jobs/soak"] = "connected-jobs/soak"
VERSION: Literal[1] = 1
SECONDS_PER_MIN = 60


class SoakMinute(msgspec.Struct, frozen=True, kw_only=True):
    """The calls meant for one minute."""

    minute: int
    calls: int
    failed: int
    degraded: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float


class BadSecond(msgspec.Struct, frozen=True, kw_only=True):
    """A second in which a call was meant that failed or was answered with less; `at_s` since the first call."""

    at_s: int
    failed: int
    degraded: int


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """The refresh in the middle, in seconds of the soak; `exit_code` 0 is well."""

    began_s: float
    ended_s: float
    exit_code: int


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """What a soak found.

    Attributes:
        step: the whole of it as one step of a search would be recorded.
        replaced: kept connections that were found closed by the call that would use them; it was made on a new one.
        broken: calls lost to a connection that broke or could not be made.
        read_share: answers whose list was read from Postgres, among all that were not cheap ones.
        bad_seconds: when calls failed or were answered with less.
        generations: each worker there was.
        within: slope of memory while workers live.
        whole: slope of memory from generation to generation.
    """

    sentence: str
    rps: float
    seconds: float
    pinned: str
    workers: int
    recycled: int
    recycle_calls: int
    replaced: int
    broken: int
    read_share: float | None
    refresh: Refreshed | None
    step: StepRecord
    minutes: tuple[SoakMinute, ...]
    bad_seconds: tuple[BadSecond, ...]
    generations: tuple[Generation, ...]
    within: Slope | None
    whole: Slope | None
    events: tuple[Event, ...]
    schema: Literal["connected-jobs/soak"] = SCHEMA
    version: Literal[1] = VERSION


def sentence(soak: Soak) -> str:
    """What happened, for someone who reads nothing else."""
    at, step = soak.step.latency.percentiles_ms, soak.step
    failed = ", ".join(f"{count} {kind}" for kind, count in step.failures.items()) or "none failed"
    degraded = ", ".join(f"{count} {reason}" for reason, count in step.degraded.items()) or "none"
    doubt = f" The generator may have been the bottleneck: {step.complaint}." if step.complaint else ""
    return (
        f"{soak.seconds / SECONDS_PER_MIN:.1f} min at {soak.rps:g} calls/s, {soak.recycled} workers recycled"
        f"{_refresh_words(soak.refresh)}: {step.calls} calls, {failed}; degraded: {degraded}; "
        f"p50 {at.get('p50', 0):.1f}, p99 {at.get('p99', 0):.1f}, p99.9 {at.get('p99.9', 0):.1f} ms; "
        f"{soak.broken} calls lost to connections that broke; memory of a worker {_memory_words(soak)}.{doubt}"
    )


def _refresh_words(refresh: Refreshed | None) -> str:
    if refresh is None:
        return ", no refresh"
    took = f"{refresh.ended_s - refresh.began_s:.0f} s"
    return f", a refresh of {took}" if refresh.exit_code == 0 else f", a refresh that failed after {took}"


def _memory_words(soak: Soak) -> str:
    if soak.within is None or soak.whole is None:
        return "was seen too shortly to tell"
    largest = max(generation.last_mb for generation in soak.generations)
    both = [
        f"{'grows' if line.grows else 'does not grow'} {name} ({line.kb_per_min:+.1f} ± {line.standard_error:.1f} KB/min)"
        for name, line in (("while it lives", soak.within), ("from one to the next", soak.whole))
    ]
    return f"{' and '.join(both)}, {largest:.0f} MB at most"


def table(soak: Soak) -> str:
    """Minutes and workers as text."""
    lines = ["minute    calls  failed  degraded     p50      p99    p99.9    worst ms"]
    lines += [
        f"{row.minute:6} {row.calls:8} {row.failed:7} {row.degraded:9} {row.p50_ms:7.1f} {row.p99_ms:8.1f} "
        f"{row.p999_ms:8.1f} {row.worst_ms:8.1f}"
        for row in soak.minutes
    ]
    lines += [
        "",
        f"Calls failed at second {_seconds(soak, 'failed')}; degraded at {_seconds(soak, 'degraded')}.",
    ]
    lines += ["", "worker     from s   until s    MB then    MB last   KB/min when settled"]
    lines += [
        f"{row.pid:<9} {row.seen_from_s:7.0f} {row.seen_until_s:9.0f} {row.first_mb:10.1f} {row.last_mb:10.1f}   "
        + (f"{row.slope.kb_per_min:+.0f} ± {row.slope.standard_error:.0f}" if row.slope else "-")
        for row in soak.generations
    ]
    return "\n".join(lines)


def _seconds(soak: Soak, which: Literal["failed", "degraded"]) -> str:
    """The seconds in which calls were so, with how many."""
    counted = ((second.at_s, getattr(second, which)) for second in soak.bad_seconds)
    return ", ".join(f"{at_s} ({count})" for at_s, count in counted if count) or "none"
