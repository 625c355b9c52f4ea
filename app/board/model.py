"""The board's nouns as plain values: posting, member, activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time  # noqa: TC003 - postings are saved and read back by their annotations
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Education(IntEnum):
    """The lowest education a posting asks for, or the highest a member has."""

    NONE = 0
    HIGH_SCHOOL = 1
    ASSOCIATE = 2
    BACHELOR = 3
    MASTER = 4
    DOCTOR = 5


class Status(StrEnum):
    """A posting's status; only an open one may be shown."""

    OPEN = "open"
    CLOSED = "closed"
    HIDDEN = "hidden"


class Closes(StrEnum):
    """How a posting closes: on its deadline, when it is filled, or never."""

    ON_DATE = "on_date"
    WHEN_FILLED = "when_filled"
    ALWAYS_OPEN = "always_open"


class ActivityKind(IntEnum):
    """What a member did with a posting, from the weakest sign of interest to the strongest.

    The board's own log has views, scraps and applications. A click is a person's, on a posting in a mail, of which the
    board logged no view.
    """

    VIEW = 1
    CLICK = 2
    SCRAP = 3
    APPLY = 4


BOARD_KINDS = (
    ActivityKind.VIEW,
    ActivityKind.SCRAP,
    ActivityKind.APPLY,
)  # those that the board's own log has


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A job ad.

    Categories are codes of any vocabulary. A region is a path from large to small joined by "/"
    ("101000/강남구"), or `remote` or `hybrid`. Career is in years; None means no bound. Salary is in units of
    `salary_unit`, a currency and a period ("KRW/year"). The deadline is the last day to apply, in Asia/Seoul; applications
    close at `deadline_time`, or at the end of that day without one. A posting that does not name its company has an empty
    `company` and a `company_id` that no other posting has.
    """

    id: str
    title: str
    company_id: str
    company: str
    categories: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    career_min_years: float | None = None
    career_max_years: float | None = None
    education: Education | None = None
    employment_types: tuple[str, ...] = ()
    salary_min: float | None = None
    salary_max: float | None = None
    salary_unit: str | None = None
    skills: tuple[str, ...] = ()
    opened_at: datetime
    deadline: date | None = None
    deadline_time: time | None = None
    closes: Closes = Closes.WHEN_FILLED
    status: Status = Status.OPEN
    url: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person on the board, with what their profile says and when it last changed; nothing protected is read."""

    id: str
    categories: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    career_years: float | None = None
    education: Education | None = None
    skills: tuple[str, ...] = ()
    desired_salary: float | None = None
    salary_unit: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActivityLog:
    """What members did: n rows as columns, sorted by (member, at, posting, kind).

    Attributes:
        member: (n,) int32, positions in the sorted member ids.
        posting: (n,) int32, positions in the catalogue.
        kind: (n,) int8, values of `ActivityKind`.
        at: (n,) int64, seconds since 1970 UTC.
        itself: (n,) bool, false where the activity was on another posting of the same job; None where it never was.
    """

    member: NDArray[np.int32]
    posting: NDArray[np.int32]
    kind: NDArray[np.int8]
    at: NDArray[np.int64]
    itself: NDArray[np.bool_] | None = None
