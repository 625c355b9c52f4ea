"""Why a verdict is as it is: codes for programs, and the numbers behind each."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NO_NUMBERS: Final[Mapping[str, object]] = {}


class ReasonCode(StrEnum):
    """Every reason there is, by the word that the JSON form has for it."""

    # Of a campaign: what refuses or decides a speed.
    FINISH_BY = auto()
    ABORT_72H = auto()
    NOT_TRIED = auto()
    END_OF_LIST = auto()
    NOTHING_TO_SEND = auto()
    IN_THE_PAST = auto()
    ALL_SKIPPED = auto()
    MAKES_LATE = auto()
    PUSHES_ASIDE = auto()
    NONE_LATER = auto()

    # Of the load tests.
    EVIDENCE_MISSING = auto()
    EVIDENCE_AHEAD = auto()
    EVIDENCE_UNCONFIRMED = auto()
    EVIDENCE_NONE = auto()
    EVIDENCE_FALLING = auto()
    EVIDENCE_SHORT = auto()
    EVIDENCE_LOWER_BOUND = auto()
    EVIDENCE_OLD = auto()
    EVIDENCE_FINGERPRINT = auto()
    EVIDENCE_TABLES = auto()
    EVIDENCE_INSTANCES = auto()
    EVIDENCE_UNTOLD = auto()
    EVIDENCE_HOST = auto()

    # Of the instances that a plan needs.
    INSTANCES_NO_EVIDENCE = auto()
    INSTANCES_ENOUGH = auto()
    INSTANCES_TOO_FEW_SIZES = auto()
    INSTANCES_UNMEASURED = auto()
    INSTANCES_BEYOND_MEASURED = auto()
    INSTANCES_NOT_SURE = auto()

    # What to choose in Braze.
    BRAZE_WAIT = auto()
    BRAZE_NO_LIMIT = auto()
    BRAZE_LIMIT = auto()
    BRAZE_RETRY = auto()
    BRAZE_ABORT = auto()
    BRAZE_BLANK = auto()

    # Of the hours at which a campaign sends.
    NIGHT = auto()
    NEXT_DAY = auto()

    # What a verdict takes for granted.
    NOTE_BEGUN = auto()
    NOTE_BREAKER = auto()
    NOTE_SKIPPED = auto()
    NOTE_UNCHECKED = auto()
    NOTE_SAME_MACHINE = auto()
    NOTE_OTHER_HOST = auto()
    NOTE_UNCOMMITTED = auto()
    NOTE_SHORT_SOAK = auto()
    NOTE_OTHER_INSTANCES = auto()
    NOTE_CALLS_ASSUMED = auto()
    NOTE_BURST_ASSUMED = auto()
    NOTE_OFFERED_ASSUMED = auto()
    NOTE_BASE_LOAD = auto()
    NOTE_BASE_LOAD_ALONE = auto()
    NOTE_TRIGGERED = auto()
    NOTE_CAREFUL = auto()
    NOTE_AT_ONCE = auto()
    NOTE_MINUTE = auto()
    NOTE_BEST_HOUR = auto()
    NOTE_NEAREST_EDGE = auto()
    NOTE_MIXED = auto()
    NOTE_SPARE = auto()
    NOTE_LOSSES = auto()
    NOTE_SPEED = auto()
    NOTE_NOT_TRIED = auto()
    NOTE_PLAY_CUT_SHORT = auto()
    NOTE_CHANCE_TOGETHER = auto()
    NOTE_PLAYS_ONLY = auto()

    # Of a campaign's templates and its time as Braze has them.
    TEMPLATE_NO_CALL = auto()
    TEMPLATE_UNSEEN = auto()
    TEMPLATE_NO_MEMBER = auto()
    TEMPLATE_NO_SEND = auto()
    TEMPLATE_URLS_DIFFER = auto()
    TEMPLATE_RETRY_ABORTS = auto()
    TEMPLATE_EXTRAS_ELSEWHERE = auto()
    TEMPLATE_EXTRAS_COUNT = auto()
    TEMPLATE_UNREAD = auto()
    BRAZE_GONE = auto()
    BRAZE_OTHER_TIME = auto()
    BRAZE_OTHER_KEY = auto()

    # What gives first above the ceiling that a load test found; CEILING where that was not told.
    LATENCY_SLO = auto()
    CUT_OFFS = auto()
    FAILURES = auto()
    LIMITER = auto()
    DATABASE = auto()
    SERVICE_WENT_AWAY = auto()
    CEILING = auto()


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is so: a code for programs, and the numbers that its sentence is filled with."""

    code: ReasonCode
    numbers: Mapping[str, object] = field(default_factory=lambda: NO_NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyCalls(Reason):
    """More calls come in one second than may be planned on; the code names what gives first above the ceiling.

    `limit_per_min` is the campaign's limit in messages a minute (None is without one), `peak_rps` the busiest second's
    calls in the minute that begins `at`, and `others` the campaigns that call in that minute, too. `base_rps` is what other
    traffic takes then; `usable_rps` is without it.
    """

    limit_per_min: int | None
    peak_rps: int
    usable_rps: float
    at: datetime
    others: tuple[str, ...]
    base_rps: float = 0.0
    numbers: Mapping[str, object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Give the same numbers by name, as every reason has them."""
        own = [one.name for one in fields(self) if one.name not in {"code", "numbers"}]
        object.__setattr__(self, "numbers", {name: getattr(self, name) for name in own})
