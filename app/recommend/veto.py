"""Never show this: the one rule on which postings may appear in an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.recommend.board import Status

if TYPE_CHECKING:
    from datetime import date, datetime

BOARD_ZONE = ZoneInfo("Asia/Seoul")
NEVER = 0
ALWAYS = 10**9


def board_day(now: datetime) -> date:
    """The board's calendar day at an instant; a posting may be applied to until its deadline day ends."""
    return now.astimezone(BOARD_ZONE).date()


def vetoed(status: Status, deadline: date | None, *, today: date) -> bool:
    """Whether a posting is closed, hidden or past its deadline on the board's day `today`."""
    return status is not Status.OPEN or (deadline is not None and deadline < today)


def last_day(status: Status, deadline: date | None) -> int:
    """The last of the board's days on which a posting may be shown, as `date.toordinal` counts.

    `NEVER` for one that is not open, `ALWAYS` for one without a deadline: the veto as one comparison.
    """
    if status is not Status.OPEN:
        return NEVER
    return ALWAYS if deadline is None else deadline.toordinal()
