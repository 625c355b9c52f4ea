"""Which posting a click was on: the one at its place in the list that the mail showed, whichever of the two is read first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    import psycopg

    from app.postgres.feedback.rows import ClickRow, ExposureRow

LATEST: Final = timedelta(days=14)
"""A click that comes later after its mail is kept without a posting."""
_NAME = """
    UPDATE connected_jobs.click c
    SET posting_id = e.posting_id
    FROM (
        SELECT DISTINCT ON (k.day, k.event_id) k.day, k.event_id, x.posting_ids[k.position] AS posting_id
        FROM connected_jobs.click k
        JOIN connected_jobs.exposure x ON x.rid = k.rid
        WHERE k.rid = ANY(%(rids)s) AND k.position IS NOT NULL
          AND k.day BETWEEN %(first_click)s AND %(last_click)s
          AND x.rid = ANY(%(rids)s) AND x.day BETWEEN %(first_sent)s AND %(last_sent)s
          AND x.day BETWEEN k.day - %(days)s::int AND k.day
        ORDER BY k.day, k.event_id, x.sent_at DESC, x.event_id DESC
    ) e
    WHERE c.day = e.day AND c.event_id = e.event_id AND c.posting_id IS DISTINCT FROM e.posting_id
      AND c.day BETWEEN %(first_click)s AND %(last_click)s AND e.posting_id IS NOT NULL
"""


def name_postings(
    driver: psycopg.Connection, clicks: Sequence[ClickRow], exposures: Sequence[ExposureRow]
) -> None:
    """Give the clicks of mails, of which clicks or exposures were just put, their postings; in the same transaction."""
    clicked = [one for one in clicks if one.rid is not None and one.position is not None]
    if clicked:
        days = {one.day for one in clicked}
        _name(driver, {one.rid or "" for one in clicked}, days, (min(days) - LATEST, max(days)))
    if exposures:
        days = {one.day for one in exposures}
        _name(driver, {one.rid for one in exposures}, (min(days), max(days) + LATEST), days)


def _name(
    driver: psycopg.Connection, rids: Collection[str], clicked: Collection[date], sent: Collection[date]
) -> None:
    driver.execute(
        _NAME,
        {
            "rids": list(rids),
            "first_click": min(clicked),
            "last_click": max(clicked),
            "first_sent": min(sent),
            "last_sent": max(sent),
            "days": LATEST.days,
        },
    )
