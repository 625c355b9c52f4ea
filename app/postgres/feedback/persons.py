"""Whether clicks are a person's: the rule's findings are kept with each click."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from app.feedback.persons import BURST_S, RULE_VERSION, MessageClick, scanner_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import psycopg

_FETCHED: Final = 20_000
_AT_ONCE: Final = 200_000
_MARKED: Final = ("marked",)  # by Braze, without a reason
_Found = tuple[Any, Any, bool, str | None]


def judge_clicks(reader: psycopg.Connection, writer: psycopg.Connection, first: date, last: date) -> int:
    """Find which clicks of these days are a person's; returns for how many that is new or another than before.

    All clicks of a message are looked at together, those on links without a rid and of the second before midnight too. What stays as it was is not
    written. Written is by `_AT_ONCE`, in order of the key: killed anywhere, the next run finds the rest.

    Args:
        reader: Reads, in one transaction.
        writer: Writes and commits.
        first: The first day, in UTC.
        last: The last.
    """
    changed = 0
    batch: list[_Found] = []
    for found in _findings(reader, first, last):
        batch.append(found)
        if len(batch) == _AT_ONCE:
            changed += _update(writer, batch)
            batch = []
    return changed + _update(writer, batch)


def _findings(reader: psycopg.Connection, first: date, last: date) -> Iterator[_Found]:
    """The clicks whose finding is not the one that is kept."""
    begin = datetime.combine(first, time(), UTC) - timedelta(seconds=BURST_S)
    with reader.transaction(), reader.cursor(name="clicks") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(
            """
            SELECT coalesce('b ' || braze_user || ' ' || dispatch_id, 'r ' || rid, 'b ' || braze_user) AS message,
                day, event_id, extract(epoch FROM at)::bigint, coalesce(link, posting_id, ''), suspect, suspected,
                extract(epoch FROM sent_at)::bigint, person, why, rule_version
            FROM connected_jobs.click
            WHERE day BETWEEN %s::date - 1 AND %s AND at >= %s
            ORDER BY message
            """,
            [first, last, begin],
        )
        for _message, rows in groupby(cursor, itemgetter(0)):
            yield from _of_message(list(rows), first)


def _of_message(rows: list[tuple[Any, ...]], first: date) -> Iterator[_Found]:
    clicks = [
        MessageClick(at=at, link=link, suspected=suspected or (_MARKED if suspect else None), sent_at=sent_at)
        for _message, _day, _id, at, link, suspect, suspected, sent_at, *_kept in rows
    ]
    for row, why in zip(rows, scanner_reasons(clicks), strict=True):
        _message, day, event_id, *_evidence, person, kept_why, version = row
        if day >= first and (person, kept_why, version) != (why is None, why, RULE_VERSION):
            yield day, event_id, why is None, why


def _update(writer: psycopg.Connection, found: list[_Found]) -> int:
    if not found:
        return 0
    with writer.transaction():
        writer.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS judged (day date, event_id uuid, person boolean, why text)"
            " ON COMMIT DROP"
        )
        with writer.cursor().copy("COPY pg_temp.judged FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["date", "uuid", "bool", "text"])
            for row in sorted(found, key=itemgetter(0, 1)):
                copy.write_row(row)
        writer.execute("ANALYZE pg_temp.judged")
        return writer.execute(
            """
            UPDATE connected_jobs.click c
            SET person = j.person, why = j.why, rule_version = %s
            FROM pg_temp.judged j
            WHERE c.day = j.day AND c.event_id = j.event_id
            """,
            [RULE_VERSION],
        ).rowcount
