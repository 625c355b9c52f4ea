"""Applications of the board credited to mails, a whole day at a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from app.feedback.attribution import RULE_VERSION, Touch, Windows, credit
from app.postgres.board.load import ERASE_OR_MERGE
from app.postgres.feedback.partitions import OUTCOME, create_partitions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import psycopg

    from app.feedback.attribution import Basis


class OutcomeRow(NamedTuple):
    """An application and the mail that it is credited to; `arm` is None where the mail had none."""

    member_id: str
    posting_id: str
    occurred_at: datetime
    rid: str
    campaign: str
    arm: str | None
    basis: Basis
    lag: timedelta
    rule_version: int


_TYPES = ["text", "text", "timestamptz", "text", "text", "text", "text", "interval", "int4"]
# A board's own tables may compare its ids in any collation; ours go by bytes.
_TOUCHES = """
WITH application AS MATERIALIZED (
    SELECT DISTINCT member_id COLLATE "C" AS member_id, posting_id COLLATE "C" AS posting_id, occurred_at
    FROM board.activity
    WHERE kind = 'apply' AND occurred_at >= %(begin)s AND occurred_at < %(end)s
)
SELECT a.member_id, a.posting_id, a.occurred_at, c.at, true, c.posting_id IS NOT DISTINCT FROM a.posting_id, c.rid, c.campaign,
    coalesce(c.arm, '')
FROM application a
JOIN connected_jobs.click c ON c.member_id = a.member_id
WHERE c.person AND c.rid IS NOT NULL AND c.campaign IS NOT NULL AND c.day BETWEEN %(first_click)s AND %(day)s
    AND c.at BETWEEN a.occurred_at - %(click)s::interval AND a.occurred_at
UNION ALL
SELECT a.member_id, a.posting_id, a.occurred_at, e.sent_at, false, true, e.rid, e.campaign, coalesce(e.arm, '')
FROM application a
JOIN connected_jobs.exposure e ON e.member_id = a.member_id
WHERE a.posting_id = ANY (e.posting_ids) AND e.day BETWEEN %(first_mail)s AND %(day)s
    AND e.sent_at BETWEEN a.occurred_at - %(seen)s::interval AND a.occurred_at
ORDER BY 1, 2, 3
"""


def put_outcomes(driver: psycopg.Connection, day: date, windows: Windows) -> tuple[int, int]:
    """Credit the applications of a day (UTC) anew, in one transaction; returns how many are credited, and how many rows that changed.

    What stays as it was is not written. An erasure under way is waited for, and finds what this leaves.
    """
    with driver.transaction():
        driver.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ERASE_OR_MERGE])
        create_partitions(driver, OUTCOME, [day])
        driver.execute(
            "CREATE TEMPORARY TABLE credited (LIKE connected_jobs.outcome INCLUDING DEFAULTS) ON COMMIT DROP"
        )
        found = list(_credited(driver, day, windows))
        with driver.cursor().copy("COPY pg_temp.credited FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(_TYPES)
            for row in found:
                copy.write_row(row)
        begin, end = _bounds(day)
        gone = driver.execute(
            """
            DELETE FROM connected_jobs.outcome o
            WHERE o.occurred_at >= %s AND o.occurred_at < %s AND NOT EXISTS (
                SELECT FROM pg_temp.credited c
                WHERE (c.member_id, c.posting_id, c.occurred_at) = (o.member_id, o.posting_id, o.occurred_at)
                    AND (c.rid, c.campaign, c.basis, c.lag, c.rule_version) = (o.rid, o.campaign, o.basis, o.lag, o.rule_version)
                    AND c.arm IS NOT DISTINCT FROM o.arm
            )
            """,
            [begin, end],
        ).rowcount
        new = driver.execute(
            """
            INSERT INTO connected_jobs.outcome
            SELECT c.*
            FROM pg_temp.credited c
            WHERE NOT EXISTS (
                SELECT FROM connected_jobs.erased_member x WHERE x.member_hash = sha256(convert_to(c.member_id, 'UTF8'))
            )
            ON CONFLICT DO NOTHING
            """
        ).rowcount
    return len(found), gone + new


def _bounds(day: date) -> tuple[datetime, datetime]:
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1)


def _credited(driver: psycopg.Connection, day: date, windows: Windows) -> Iterator[OutcomeRow]:
    begin, end = _bounds(day)
    click = max(windows.clicked, windows.drawn)
    asked: dict[str, Any] = {
        "day": day,
        "begin": begin,
        "end": end,
        "click": click,
        "seen": windows.seen,
        "first_click": (begin - click).date(),
        "first_mail": (begin - windows.seen).date(),
    }
    with driver.cursor(name="touches") as cursor:
        cursor.itersize = 20_000
        cursor.execute(_TOUCHES, asked)
        for (member_id, posting_id, occurred_at), rows in groupby(cursor, itemgetter(0, 1, 2)):
            touches = [
                Touch(at=at, click=is_click, same_posting=same, rid=rid, campaign=campaign, arm=arm)
                for *_application, at, is_click, same, rid, campaign, arm in rows
            ]
            if found := credit(occurred_at, touches, windows):
                yield OutcomeRow(
                    member_id, posting_id, occurred_at, found.touch.rid, found.touch.campaign,
                    found.touch.arm or None, found.basis, found.lag, RULE_VERSION,
                )  # fmt: skip
