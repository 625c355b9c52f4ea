"""The veto: the rule that keeps closed, hidden and expired postings out of every answer."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from app.board.model import Status

BOARD_ZONE = ZoneInfo("Asia/Seoul")
NEVER = 0
ALWAYS = 10**12
NO_END_YEAR = 2099  # a deadline in this year or later, such as 2099-12-31 or 9999-12-31, means none


class Ends(Protocol):
    """The fields that say until when a posting may be shown."""

    @property
    def status(self) -> Status:
        """Open, closed or hidden."""

    @property
    def deadline(self) -> date | None:
        """The last day to apply."""

    @property
    def deadline_time(self) -> time | None:
        """The time on that day at which applications close; None for its end."""


def board_day(now: datetime) -> date:
    """The board's calendar day at an instant."""
    return now.astimezone(BOARD_ZONE).date()


def last_moment(end: datetime) -> tuple[date, time | None]:
    """An instant at which applications close, as a day and a time on it; midnight is the end of the day before."""
    local = end.astimezone(BOARD_ZONE).replace(tzinfo=None)
    if local.time() == time():
        return local.date() - timedelta(days=1), None
    return local.date(), local.time()


def vetoed(posting: Ends, now: datetime) -> bool:
    """Whether a posting is closed, hidden or past its deadline."""
    return shown_until(posting) <= now.timestamp()


def shown_until(posting: Ends) -> int:
    """The second since 1970 UTC from which on a posting may not be shown, so that the veto is one comparison.

    `NEVER` for a posting that is not open, `ALWAYS` for an open one without a deadline.
    """
    if posting.status is not Status.OPEN:
        return NEVER
    return ALWAYS if posting.deadline is None else end_of(posting.deadline, posting.deadline_time)


@lru_cache(maxsize=4_096)
def end_of(day: date, at: time | None = None) -> int:
    """The end of a day in the board's zone, or a time on it, in seconds since 1970 UTC."""
    local = datetime.combine(day, time()) + timedelta(days=1) if at is None else datetime.combine(day, at)
    return int(local.replace(tzinfo=BOARD_ZONE).timestamp())
