"""Never show this: the one rule on which postings may appear in an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.recommend.board import Status

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

BOARD_ZONE = ZoneInfo("Asia/Seoul")


def board_day(now: datetime) -> date:
    """The board's calendar day at an instant; a posting may be applied to until its deadline day ends."""
    return now.astimezone(BOARD_ZONE).date()


def vetoed(status: Status, deadline: date | None, *, today: date) -> bool:
    """Whether a posting is closed, hidden or past its deadline on the board's day `today`."""
    return status is not Status.OPEN or (deadline is not None and deadline < today)


def allowed(
    posting_id: str, status: Status, deadline: date | None, *, today: date, applied: Collection[str]
) -> bool:
    """Whether a posting may be shown to a member who already applied to `applied`."""
    return posting_id not in applied and not vetoed(status, deadline, today=today)
