"""Campaigns as the send model and the planner see them: frozen values, no behaviour of Braze."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final, Literal, TypeAlias

from app.capacity.assumptions import Assumptions

Case = Literal["low", "likely", "high"]
Kind = Literal[
    "at_once", "rate_limited", "local_time_zones", "intelligent_timing", "triggered", "canvas_step"
]


@dataclass(frozen=True, slots=True)
class Range:
    """A number nobody knows exactly, as low <= likely <= high."""

    low: float
    likely: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> "Range":
        """Return the range of a known number."""
        return cls(value, value, value)

    def at(self, case: Case) -> float:
        """Return the number that `case` stands for."""
        return {"low": self.low, "likely": self.likely, "high": self.high}[case]


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """Every message is due at one moment; `at` is wall time in the company's zone."""

    at: datetime


@dataclass(frozen=True, slots=True)
class LocalTimeZones:
    """Every message is due at wall time `at` in its member's zone.

    `launched_at` (company's zone): members whose time has passed by then are late or skipped.
    """

    at: datetime
    launched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IntelligentTiming:
    """Each member at the local hour that suits them; members without data share one local time.

    `users_per_hour` has 24 weights, local midnight first. `fallback_share` is the share without data.
    """

    on: date
    users_per_hour: tuple[float, ...]
    fallback_share: float
    fallback_at: time
    launched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Messages fall due at random from `at` until `ends_at` (company's zone), as members act.

    `hourly` weighs the hours begun since `at`; None is an even spread.
    """

    at: datetime
    ends_at: datetime
    hourly: tuple[float, ...] | None = None


Timing: TypeAlias = AllAtOnce | LocalTimeZones | IntelligentTiming | Arrivals


@dataclass(frozen=True, slots=True)
class QuietHours:
    """No message starts from `begin` until `end`, in the member's zone; it may pass midnight."""

    begin: time
    end: time


CALLS_PER_RECIPIENT: Final = Range(1, 2, 3)  # connected_content/making_an_api_call: size for x2 or x3
BURST: Final = Range(1.2, 2, 4)  # assumed: Braze tries to spread evenly and promises nothing
ARRIVING_BURST: Final = Range(1, 1, 2)  # assumed: members act at random, Braze does not pace them
HOST: Final = "default"  # all campaigns call one host name, and share its breaker
PRIORITY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One planned send. `zones` are (IANA name, weight); empty means that all are in the company's zone.

    `calls_per_recipient` counts the renderings of one message that ask for its URL (HTML, text, AMP).
    `burst` is the peak second of a minute over its mean second, in messages.
    `finish_by` (company's zone) and `priority` (lower goes first) are wishes; of two messages queued
    at the same minute under a workspace limit, the campaign with the lower priority number starts first.
    `instances` of the service are to run when it is sent; None means those of now.
    """

    name: str
    kind: Kind
    audience: Range
    timing: Timing
    limit_per_min: int | None = None
    calls_per_recipient: Range = CALLS_PER_RECIPIENT
    burst: Range = BURST
    retry: bool = False
    abort_on_failure: bool = False
    host: str = HOST
    zones: tuple[tuple[str, float], ...] = ()
    quiet_hours: QuietHours | None = None
    finish_by: datetime | None = None
    priority: int = PRIORITY
    instances: int | None = None

    @property
    def open_speed(self) -> bool:
        """Whether it is to have a limit, and none is told: a verdict says which, and none can be played."""
        return self.kind == "rate_limited" and self.limit_per_min is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What all campaigns share: the company's zone, one optional limit, Braze's behaviour."""

    time_zone: str = "UTC"
    limit_per_min: int | None = None
    assumptions: Assumptions = field(default_factory=Assumptions)
