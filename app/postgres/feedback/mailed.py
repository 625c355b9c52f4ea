"""What members were shown in mails, and what they clicked, as far as lists are made from it.

Exposures are never read whole: Postgres adds up what decides, for the members of a chunk at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.board.model import ActivityKind
from app.postgres.board.snapshot import NUMBERED, copy_activity, join_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    import numpy as np
    import psycopg
    from numpy.typing import NDArray
    from sqlalchemy import Connection

_CLICKS = f"""
    COPY (
        {NUMBERED}
        SELECT member.position,
               posting.position,
               {ActivityKind.CLICK:d}::smallint,
               floor(extract(epoch FROM max(least(c.at, now()))))::bigint
        FROM connected_jobs.click c
        JOIN member ON member.id = c.member_id
        JOIN posting ON posting.id = c.posting_id
        WHERE c.person AND c.day >= (now() - %s::interval)::date - 1
        GROUP BY 1, 2
    ) TO STDOUT (FORMAT binary)
"""
_MEMBER_CLICKS = """
    SELECT member_id, posting_id, floor(extract(epoch FROM max(least(at, now()))))::bigint
    FROM connected_jobs.click
    WHERE member_id = ANY(%s) AND posting_id IS NOT NULL AND person AND day >= (now() - %s::interval)::date - 1
    GROUP BY 1, 2
"""
# A click that nobody has judged yet may be a person's: what was clicked is not known to be ignored.
_SHOWN = """
    WITH clicked AS (
        SELECT member_id, posting_id, max(at) AS at
        FROM connected_jobs.click
        WHERE member_id = ANY(%(ids)s) AND person IS NOT FALSE AND day >= (%(since)s::timestamptz)::date - 1
        GROUP BY 1, 2
    )
    SELECT e.member_id, p.id, count(*), min(p.position), floor(extract(epoch FROM max(e.sent_at)))::bigint
    FROM connected_jobs.exposure e
    CROSS JOIN LATERAL unnest(e.posting_ids) WITH ORDINALITY AS p (id, position)
    LEFT JOIN clicked c ON c.member_id = e.member_id AND c.posting_id = p.id
    WHERE e.member_id = ANY(%(ids)s) AND e.day >= (%(since)s::timestamptz)::date - 1
      AND e.sent_at > %(since)s AND e.sent_at <= %(until)s AND (c.at IS NULL OR e.sent_at > c.at)
    GROUP BY 1, 2
"""
_MAILS = """
    WITH clicked AS (
        SELECT member_id, rid, array_agg(DISTINCT posting_id) AS ids
        FROM connected_jobs.click
        WHERE member_id = ANY(%(ids)s) AND posting_id IS NOT NULL AND person IS NOT FALSE
          AND day >= (%(since)s::timestamptz)::date - 1
        GROUP BY 1, 2
    )
    SELECT e.member_id, floor(extract(epoch FROM e.sent_at))::bigint, e.posting_ids, coalesce(c.ids, '{}')
    FROM connected_jobs.exposure e
    LEFT JOIN clicked c ON c.member_id = e.member_id AND c.rid = e.rid
    WHERE e.member_id = ANY(%(ids)s) AND e.day >= (%(since)s::timestamptz)::date - 1
      AND e.sent_at > %(since)s AND e.sent_at <= %(until)s
    ORDER BY e.member_id COLLATE "C", e.sent_at, e.event_id
"""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A posting that a member was shown and has not clicked since.

    Attributes:
        member_id: The member.
        posting_id: The posting.
        times: In how many mails.
        highest: The best position in them, from 1.
        last_s: When it was last shown, seconds since 1970.
    """

    member_id: str
    posting_id: str
    times: int
    highest: int
    last_s: int


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail: its member, when it was sent (seconds since 1970), the postings shown, and those of them that were clicked."""

    member_id: str
    sent_s: int
    posting_ids: Sequence[str]
    clicked: Sequence[str]


def has_mails(connection: Connection) -> bool:
    """Whether anything is known of any mail that went out."""
    return bool(
        connection.execute(
            text("""
                SELECT EXISTS (SELECT FROM connected_jobs.exposure) OR EXISTS (SELECT FROM connected_jobs.click)
            """)
        ).scalar_one()
    )


def select_read_state(connection: Connection) -> str:
    """A text that changes with whatever is read of what became of mails."""
    return str(
        connection.execute(text("SELECT count(*), max(read_at) FROM connected_jobs.currents_file")).one()
    )


def copy_clicks(
    driver: psycopg.Connection, posting_ids: Sequence[str], within: timedelta
) -> NDArray[np.void]:
    """Persons' clicks of mailable members on these postings, the last of each pair.

    Fields are `member`, a place among the sorted ids of mailable members, `posting`, a place in `posting_ids`, `kind`, and
    `at`, seconds since 1970.
    """
    return join_parts(copy_activity(driver, _CLICKS, list(posting_ids), within))


def select_member_clicks(
    driver: psycopg.Connection, ids: Sequence[str], within: timedelta
) -> Iterator[tuple[str, str, int]]:
    """Persons' clicks of some members: member id, posting id and when last (s since 1970), in no order."""
    yield from driver.execute(_MEMBER_CLICKS, [list(ids), within])


def select_shown(
    driver: psycopg.Connection, ids: Sequence[str], *, since: datetime, until: datetime
) -> Iterator[ShownRow]:
    """What some members were shown in mails sent after `since` and up to `until`, and have not clicked since."""
    for row in driver.execute(_SHOWN, {"ids": list(ids), "since": since, "until": until}):
        yield ShownRow(*row)


def select_mails(
    driver: psycopg.Connection, ids: Sequence[str], *, since: datetime, until: datetime
) -> Iterator[MailRow]:
    """The mails that some members got, by member and time."""
    for row in driver.execute(_MAILS, {"ids": list(ids), "since": since, "until": until}):
        yield MailRow(*row)
