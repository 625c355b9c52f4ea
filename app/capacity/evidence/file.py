"""A load test's evidence as a plan needs it; docs/evidence-schema.md describes the whole file."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

SCHEMA: Literal["connected-jobs/load-evidence"] = "connected-jobs/load-evidence"
VERSION: Literal[1] = 1
MOST_CHARACTERS = 4 * 1024 * 1024  # a long search with its histograms is a tenth of it
MOST_RPS = 10_000_000.0
DEEPEST = 32  # lists and objects within each other; a file of ours has 5
MOST_NUMBER = 2**53  # what every JSON reader reads exactly
CLOCKS_DIFFER = timedelta(minutes=10)
EARLIEST_YEAR = 2000

Rps = Annotated[float, Meta(ge=0, le=MOST_RPS)]
Line = Annotated[str, Meta(max_length=4_000)]
Word = Annotated[str, Meta(max_length=200)]
Count = Annotated[int, Meta(ge=0, le=MOST_NUMBER)]
Instant = Annotated[datetime, Meta(tz=True)]


class EvidenceError(ValueError):
    """A file that is not evidence; the sentence says where and why."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `low_rps` is what to plan on, `soak_calls` made the soak that confirmed it (None: not told)."""

    sentence: Line
    kind: Literal["ceiling", "at_least", "unconfirmed", "none"]
    rps: Rps
    low_rps: Rps
    high_rps: Rps | None
    bound_by: tuple[Line, ...]
    soak_calls: Count | None = None


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from the intended start, by percentile."""

    percentiles_ms: dict[Word, Annotated[float, Meta(ge=0, le=1e9)] | None] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rate, tried; what a page shows of it."""

    rps: Rps
    phase: Word = ""
    calls: Count = 0
    outcome: Word = ""
    broken: tuple[Line, ...] = ()
    latency: Latency = Latency()


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What the service told of itself."""

    fingerprint: Line | None = None
    instances: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    tables: dict[Word, Count] | None = None
    settings: dict[Word, Any] | None = None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Under which circumstances it was made; `service` is also kept as it is."""

    service: Service
    generator: dict[Word, Any] = {}
    git_dirty: bool | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the file that are read; the rest is kept as it is."""

    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._:+-]{0,199}\Z")]
    began_at: Instant
    ended_at: Instant
    host: Line
    verdict: Verdict
    environment: Environment
    schema: Literal["connected-jobs/load-evidence"]
    version: Literal[1]
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no load test finds; msgspec makes its own error of it."""
        found = self.verdict
        if found.low_rps > found.rps:
            raise ValueError(
                "verdict: low_rps is above rps, and never is more than the highest rate that held"
            )
        if found.kind in {"ceiling", "at_least"} and found.low_rps <= 0:
            raise ValueError(f"verdict: a {found.kind} of 0 calls/s is none")
        if found.high_rps is not None and found.high_rps < found.rps:
            raise ValueError("verdict: high_rps is below rps, and is the lowest rate that broke")
        if not EARLIEST_YEAR <= self.began_at.year <= self.ended_at.year < 9_000:  # noqa: PLR2004 - clocks that were never set
            raise ValueError("began_at and ended_at are not of these times, or in the wrong order")
        if self.began_at > self.ended_at:
            raise ValueError("began_at is after ended_at")


def read_evidence(text: str) -> tuple[Evidence, dict[str, Any]]:
    """Read a file's text; returns what is used of it and all of it.

    Raises:
        EvidenceError: not JSON, or not evidence of this version that a load test can have written.
    """
    if len(text) > MOST_CHARACTERS:
        raise EvidenceError(f"This is larger than evidence ever is ({MOST_CHARACTERS:,} characters).")
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        _refuse_odd(document)
        return msgspec.convert(document, Evidence), document
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise EvidenceError(
            f"This is not load evidence of version {VERSION}: {str(error) or 'it is nested too deeply'}. Give the "
            "file that `python -m loadtest ceiling` wrote."
        ) from error


def refuse_future(evidence: Evidence, now: datetime) -> None:
    """Refuse evidence that ended after `now`, beyond what two machines' clocks differ by.

    Raises:
        EvidenceError: it did.
    """
    if is_ahead(evidence.ended_at, now):
        raise EvidenceError(
            f"The load test {evidence.id} ended at {evidence.ended_at:%Y-%m-%d %H:%M %Z}, which is still to come: a clock "
            "was wrong, and nobody could say how old it is. Set the clock and measure again."
        )


def is_ahead(ended_at: datetime, now: datetime) -> bool:
    """Whether a load test's end lies in the future, beyond what two machines' clocks differ by."""
    return ended_at > now + CLOCKS_DIFFER


def _refuse_odd(document: Any) -> None:
    """Refuse depth, numbers and characters that some reader or Postgres cannot keep; raises ValueError."""
    level = [document]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                _refuse_characters(value)
            elif isinstance(value, int) and abs(value) > MOST_NUMBER:
                raise ValueError("it holds a number that is too large")
        if not below:
            return
        level = below
    raise ValueError("it is nested too deeply")


def _refuse_characters(text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("it holds a character that Postgres cannot keep")
