"""Which posting a click was on: the one at its place in the list that the mail showed, whichever of the two is read first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence
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


_SHOWN = """
    SELECT rid, day, posting_ids
    FROM connected_jobs.exposure
    WHERE rid = ANY(%s) AND day BETWEEN %s AND %s
    ORDER BY sent_at, event_id
"""


def with_postings(driver: psycopg.Connection, clicks: Sequence[ClickRow]) -> list[ClickRow]:
    """Clicks that are about to be put, with the postings of the mails that were read already."""
    ours = [one for one in clicks if one.rid is not None and one.position is not None]
    if not ours:
        return list(clicks)
    days = {one.day for one in ours}
    shown: dict[str, list[tuple[date, Sequence[str]]]] = {}
    for rid, day, ids in driver.execute(
        _SHOWN, [list({one.rid for one in ours}), min(days) - LATEST, max(days)]
    ):
        shown.setdefault(rid, []).append((day, ids))
    return [replace(one, posting_id=_posting(one, shown.get(one.rid or "", ()))) for one in clicks]


def _posting(click: ClickRow, shown: Sequence[tuple[date, Sequence[str]]]) -> str | None:
    """The posting at a click's place in the last of the mails that it may be of."""
    place = click.position
    if place is None:
        return None
    fitting = (ids for day, ids in reversed(shown) if click.day - LATEST <= day <= click.day)
    ids = next(fitting, ())
    return ids[place - 1] if place <= len(ids) else None


def name_clicks(driver: psycopg.Connection, exposures: Sequence[ExposureRow]) -> None:
    """Give the clicks that were read before their mails their postings, now that these were put; in the same transaction."""
    if not exposures:
        return
    days = {one.day for one in exposures}
    driver.execute(
        _NAME,
        {
            "rids": list({one.rid for one in exposures}),
            "first_click": min(days),
            "last_click": max(days) + LATEST,
            "first_sent": min(days) - LATEST,
            "last_sent": max(days) + LATEST,
            "days": LATEST.days,
        },
    )
