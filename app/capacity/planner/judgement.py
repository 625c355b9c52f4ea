"""A plan's verdict and everything behind it: plain values, their JSON form and their text.

Instants are aware datetimes in the plan's zone. docs/planner.md describes the JSON form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from app.capacity.local_time import wall_time
from app.capacity.planner.wording import sentences as wording
from app.capacity.planner.wording import text

if TYPE_CHECKING:
    from app.capacity.apportion import Counts
    from app.capacity.campaign import Kind, Range
    from app.capacity.evidence.ceiling import Kind as EvidenceKind

Verdict = Literal["GO", "GO_IF", "NO_GO", "RETEST"]
State = Literal["planned", "begun", "over"]
Lang = Literal["ko", "en"]
LANGUAGES: Final[tuple[Lang, ...]] = ("ko", "en")
MOST_ROWS: Final = 2_000  # of a curve in JSON
BUCKETS_MIN: Final = (1, 2, 5, 10, 15, 30, 60, 240, 1_440, 10_080)
NO_NUMBERS: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is so: a code for programs, the numbers in it, and a sentence for people."""

    code: str
    numbers: Mapping[str, object] = field(default_factory=lambda: NO_NUMBERS)

    def sentence(self, lang: Lang) -> str:
        """Say it."""
        return wording.reason(self, lang)

    def as_json(self) -> dict[str, Any]:
        """Return code, numbers, and the sentence in every language."""
        return {"code": self.code, "numbers": plain(self.numbers), "sentence": _in_all(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The load test that decides, and what may be planned on: `usable_rps` calls/s, None without a test.

    `retest` says why it does not hold for what runs now; `unchecked` what nobody could compare ("fingerprint",
    "instances", "tables").
    """

    evidence_id: str | None = None
    kind: EvidenceKind | None = None
    rps: float | None = None
    low_rps: float | None = None
    high_rps: float | None = None
    ended_at: datetime | None = None
    age_days: float | None = None
    instances: int | None = None
    bound_by: tuple[str, ...] = ()
    breaks: str = "ceiling"
    usable_share: float
    usable_rps: float | None = None
    retest: tuple[Reason, ...] = ()
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instants:
    """When something happens in the three cases, None where it does not."""

    low: datetime | None
    likely: datetime | None
    high: datetime | None


@dataclass(frozen=True, slots=True)
class Chance:
    """The share of `samples` in which a campaign ends in time, and its 95 % interval."""

    share: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of a campaign's messages; shares are of its messages.

    Of its calls `cut_off_share` get no answer in time, and Braze answers `withheld_share` itself with a failure.

    `failures_per_min` and `failure_share` are those of its worst moving minute. Braze halts a host beyond both
    `breaker_failures` and `breaker_share`, over all campaigns that call it: `halts` times for
    `host_failures_per_min`. Where `complete` is False only the first `played_min` minutes were played.
    """

    personalised_share: float
    degraded_share: float
    blank_share: float
    cut_off_share: float
    withheld_share: float
    retries: int
    blank: int
    aborted: int
    finishes_at: datetime | None
    failures_per_min: int
    failure_share: float
    breaker_failures: int
    breaker_share: float
    halts: int
    host_failures_per_min: int
    played_min: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """A setting that was looked at and not advised; `limit_per_min` None is without a limit."""

    option: Literal["planned", "limit"]
    limit_per_min: int | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Later:
    """A speed that everything but the campaign's own deadline allows, and when it ends then, at the latest."""

    limit_per_min: int | None
    finishes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignJudgement:
    """One campaign: may it be sent, what to type into Braze, when it ends.

    `advised_limit_per_min` None is no limit, or, with NO_GO, nothing that is safe. `limit_per_min` is the highest
    offered limit that keeps every second under the usable rate beside all others as advised; `stops_at` says why
    none above it does. `safe_limits` are all that do. Times are those at the advised limit; of a campaign that the
    ceiling carries but its deadline refuses, at the highest limit that the ceiling carries.
    """

    name: str
    kind: Kind
    priority: int
    state: State
    verdict: Verdict
    binding: Reason | None
    recipients: Range
    skipped: int
    planned_limit_per_min: int | None
    advised_limit_per_min: int | None
    limit_per_min: int | None
    safe_limits: tuple[int, ...]
    stops_at: Reason | None
    starts_at: datetime | None
    finishes_at: Instants | None
    finish_by: datetime | None
    chance: Chance | None
    planned_peak_rps: int
    peak_rps: Range | None
    expected: Outcome | None
    as_planned: Outcome | None
    if_later: Later | None
    none_later: Reason | None
    rejected: tuple[Rejected, ...]
    braze: tuple[Reason, ...]
    retry: bool

    def sentence(self, lang: Lang) -> str:
        """Say the verdict with the number to type and the time it ends."""
        return wording.campaign(self, lang)

    def as_json(self) -> dict[str, Any]:
        """Return all fields, and the sentence in every language."""
        return {"sentence": _in_all(self), **_fields(self)}


@dataclass(frozen=True, slots=True)
class Slow:
    """A way out of a collision: one campaign gets a lower limit, and ends so much later."""

    campaign: str
    limit_per_min: int
    finishes_at: datetime
    later_min: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A way out of a collision: one campaign begins, and ends, so much later; `in_time` for its own deadline."""

    campaign: str
    by_min: int
    starts_at: datetime
    finishes_at: datetime
    in_time: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Campaigns that fit by themselves and not together; `campaign` is the one that gives way.

    Ways out are looked for only where what is usable was `measured` of what runs now. They hold with `campaign` at
    `limit_per_min` (None is no limit), the best it could do by itself, which may not be its `planned_limit_per_min`.
    """

    campaign: str
    others: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    peak_rps: int
    excess_rps: float
    slow: Slow | None
    shift: Shift | None
    limit_per_min: int | None
    planned_limit_per_min: int | None
    measured: bool = True

    def sentence(self, lang: Lang) -> str:
        """Say who meets whom, when, and by how much too many."""
        return wording.collision(self, lang)

    def ways_out(self, lang: Lang) -> tuple[str, ...]:
        """Say each way out and what it costs."""
        return wording.ways_out(self, lang)

    def as_json(self) -> dict[str, Any]:
        """Return all fields, the sentence and the ways out in every language."""
        return {
            "sentence": _in_all(self),
            "ways_out": {lang: list(self.ways_out(lang)) for lang in LANGUAGES},
            **_fields(self),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """How many instances the plan as wished needs, by the law fitted to measured sizes; `why` where it can't be said.

    `at_least` is no forecast: fewer would not do even if every instance added as much as the first.
    """

    wanted_rps: float
    needed: int | None = None
    at_least: int | None = None
    sizes: tuple[int, ...] = ()
    why: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Calls in the busiest second of each minute with calls, in the three cases; a verdict is decided on `high`.

    A row begins at one of `minutes` (since 1970, UTC, rising) and is the highest of `bucket_min` minutes, 1 but for
    plans of weeks. The arrays by campaign are (campaigns, rows); campaigns that this curve leaves out are 0.
    `seconds_of_peak` are the calls of the 60 seconds of the peak minute, (campaigns, 60), in the high case.
    """

    names: tuple[str, ...]
    time_zone: str
    bucket_min: int
    minutes: Counts
    low: Counts
    likely: Counts
    high: Counts
    by_campaign_likely: Counts
    by_campaign_high: Counts
    peak_rps: int
    peak_at: datetime | None
    seconds_of_peak: Counts

    def at(self, row: int) -> datetime:
        """Return when a row begins."""
        return wall_time(int(self.minutes[row]), self.time_zone)

    def as_json(self) -> dict[str, Any]:
        """Return at most 2,000 rows."""
        bucket_min = coarse_enough(self.minutes, MOST_ROWS, at_least=self.bucket_min)
        minutes = self.minutes // bucket_min * bucket_min
        starts = np.flatnonzero(np.diff(minutes, prepend=-1))
        totals = (highest(calls, starts).tolist() for calls in (self.low, self.likely, self.high))
        likely, high = (highest(calls, starts) for calls in (self.by_campaign_likely, self.by_campaign_high))
        rows = zip(minutes[starts].tolist(), *totals, strict=True)
        return {
            "bucket_min": bucket_min,
            "columns": ["at", "low", "likely", "high"],
            "rows": [[plain(wall_time(minute, self.time_zone)), *calls] for minute, *calls in rows],
            "campaigns": [
                {"name": name, "likely": likely[place].tolist(), "high": high[place].tolist()}
                for place, name in enumerate(self.names)
            ],
            "peak": {
                "at": plain(self.peak_at),
                "high": self.peak_rps,
                "seconds": self.seconds_of_peak.sum(axis=0).tolist(),
            },
        }


def coarse_enough(minutes: Counts, most_rows: int, *, at_least: int = 1) -> int:
    """Return the fewest minutes to a row that make no more than `most_rows` rows."""
    for bucket in BUCKETS_MIN:
        if bucket >= at_least and len(np.unique(minutes // bucket)) <= most_rows:
            return bucket
    return BUCKETS_MIN[-1]


def highest(calls: Counts, starts: Counts) -> Counts:
    """Return the highest of each stretch of columns that begins at one of `starts`."""
    if not len(starts):
        return calls
    top: Counts = np.maximum.reduceat(calls, starts, axis=-1)
    return top


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a whole plan.

    `if_evidence_held` is, with RETEST, the verdict that the numbers at hand would give; None without any.
    `campaigns` are in the plan's order. `planned` is the curve of the plan as it is, `advised` with the advised
    limits and without the campaigns that none is safe for.
    """

    verdict: Verdict
    binding: Reason | None
    if_evidence_held: Verdict | None
    time_zone: str
    judged_at: datetime
    seed: int
    ceiling: Ceiling
    campaigns: tuple[CampaignJudgement, ...]
    collisions: tuple[Collision, ...]
    planned: Curve
    advised: Curve
    instances: Instances
    notes: tuple[Reason, ...]

    def sentence(self, lang: Lang) -> str:
        """Say the verdict, short enough for large type."""
        return wording.plan(self, lang)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values: docs/planner.md."""
        return {"sentence": _in_all(self), **_fields(self)}

    def as_text(self, lang: Lang) -> str:
        """Return what the command prints."""
        return text.as_text(self, lang)


def plain(value: object) -> Any:
    """Return `value` as JSON values; instants are ISO 8601 with their offset."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if is_dataclass(value):
        return value.as_json() if hasattr(value, "as_json") else _fields(value)
    return value


def _fields(value: Any) -> dict[str, Any]:
    return {one.name: plain(getattr(value, one.name)) for one in fields(value)}


def _in_all(said: Reason | CampaignJudgement | Collision | Judgement) -> dict[str, str]:
    return {lang: said.sentence(lang) for lang in LANGUAGES}
