"""A plan's verdict and everything behind it, as plain values.

Instants are aware datetimes in the plan's zone. `app.capacity.planner.wording` makes JSON and sentences of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.capacity.local_time import wall_time
from app.capacity.planner.reasons import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.capacity.apportion import Counts
    from app.capacity.campaign import Kind, Range
    from app.capacity.evidence.ceiling import Kind as EvidenceKind
    from app.capacity.planner.reasons import Reason

Verdict = Literal["GO", "GO_IF", "NO_GO", "RETEST"]
State = Literal["planned", "begun", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The load test that decides, and what may be planned on: `usable_rps` calls/s, None without a test.

    Of these `base_load_rps` go to other traffic, by hour of the plan's local day (24 numbers, or none of them).
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
    breaks: ReasonCode = ReasonCode.CEILING
    usable_share: float
    usable_rps: float | None = None
    base_load_rps: tuple[float, ...] = ()
    retest: tuple[Reason, ...] = ()
    unchecked: tuple[str, ...] = ()

    def usable_at(self, at: datetime) -> float | None:
        """Return what campaigns may ask for at an instant of the plan's zone, None without a test."""
        if self.usable_rps is None or not self.base_load_rps:
            return self.usable_rps
        return max(0.0, self.usable_rps - self.base_load_rps[at.hour])


@dataclass(frozen=True, slots=True)
class Instants:
    """When something happens in the three cases, None where it does not."""

    low: datetime | None
    likely: datetime | None
    high: datetime | None


@dataclass(frozen=True, slots=True)
class Probability:
    """The share of `samples` in which a campaign ends in time, and its 95 % interval."""

    share: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOutcome:
    """What becomes of a campaign's messages; shares are of its messages.

    Of its calls `cut_off_share` get no answer in time, and Braze answers `withheld_share` itself with a failure: both are
    not answered. `lost` messages go out without postings or not at all: from all calls of a message failing together in
    a service that stands overload well, over what was played, to each on a message of its own in one that does not.

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
    lost: Range
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
    ceiling carries but its deadline refuses, at the highest limit that the ceiling carries. `late_hours` says what of
    it goes out at night, and that it ends on the day after: notes, which refuse nothing.
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
    chance: Probability | None
    planned_peak_rps: int
    peak_rps: Range | None
    expected: SendOutcome | None
    as_planned: SendOutcome | None
    if_later: Later | None
    none_later: Reason | None
    rejected: tuple[Rejected, ...]
    braze: tuple[Reason, ...]
    late_hours: tuple[Reason, ...]
    retry: bool

    @property
    def open_speed(self) -> bool:
        """Whether its speed was asked for: it is to have a limit, and the plan tells none."""
        return self.kind == "rate_limited" and self.planned_limit_per_min is None


@dataclass(frozen=True, slots=True)
class SlowerSend:
    """A way out of a collision: one campaign gets a lower limit, and ends so much later."""

    campaign: str
    limit_per_min: int
    finishes_at: datetime
    later_min: int


@dataclass(frozen=True, slots=True)
class ShiftedSend:
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
    slow: SlowerSend | None
    shift: ShiftedSend | None
    limit_per_min: int | None
    planned_limit_per_min: int | None
    measured: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """How many instances the plan as wished needs, by the law fitted to measured sizes; `why` where it can't be said.

    `at_least` is no forecast: fewer would not do even if every instance added as much as the first. `probable`, where
    no number surely does, are as many as do as likely as not: so many are to be measured next.
    """

    wanted_rps: float
    needed: int | None = None
    at_least: int | None = None
    probable: int | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a whole plan.

    `if_evidence_held` is, with RETEST, the verdict that the numbers at hand would give; None without any.
    `campaigns` are in the plan's order. `planned` is the curve of the plan as it is, `advised` with the advised
    limits and without the campaigns that none is safe for. `assumptions` are all that is taken for granted of Braze:
    name, value and source of each.
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
    assumptions: tuple[Mapping[str, object], ...]

    @property
    def by_name(self) -> Mapping[str, CampaignJudgement]:
        """The campaigns, by name."""
        return {one.name: one for one in self.campaigns}
