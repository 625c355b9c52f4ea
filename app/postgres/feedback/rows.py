"""Rows of the loop's tables, put in any order and any number of times with the same end.

Two copies of one event (the same day and id) are merged column by column: a value wins over none, the greater of two over
the other, texts by their bytes.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotations
from datetime import date, datetime  # noqa: TC003 - same
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID  # noqa: TC003 - same

import msgspec

from app.postgres.feedback.partitions import (
    AIRBRIDGE_EVENT,
    CLICK,
    EXPOSURE,
    MAIL_EVENT,
    Partitioned,
    create_partitions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg


class ExposureRow(msgspec.Struct, frozen=True, kw_only=True):
    """Postings shown to a member in a mail that went out; `day` is that of `sent_at`, in UTC.

    `member_id` is None, and `nameless` true, where the event named no member; `shown` counts the postings, also those
    whose ids were left out of `posting_ids`.
    """

    table: ClassVar[Partitioned] = EXPOSURE

    day: date
    event_id: UUID
    rid: str
    member_id: str | None
    braze_user: str
    nameless: bool = False
    campaign: str
    campaign_id: str | None = None
    variation_id: str | None = None
    canvas_id: str | None = None
    dispatch_id: str | None = None
    source: str
    arm: str | None = None
    shown: int
    posting_ids: Sequence[str]
    sent_at: datetime


class ClickRow(msgspec.Struct, frozen=True, kw_only=True):
    """A click, a person's or a scanner's; `day` is that of `at`, in UTC.

    `link` tells the links of a message apart and says nothing else. `suspect` and `suspected` are what Braze says of
    bots, None where it says nothing. `person`, `why` and `rule_version` are what our own rule found, None before.
    """

    table: ClassVar[Partitioned] = CLICK

    day: date
    event_id: UUID
    rid: str | None
    member_id: str | None
    braze_user: str
    nameless: bool = False
    campaign: str | None = None
    campaign_id: str | None = None
    variation_id: str | None = None
    canvas_id: str | None = None
    dispatch_id: str | None = None
    arm: str | None = None
    variant: str | None = None
    posting_id: str | None = None
    position: int | None = None
    link: str | None = None
    at: datetime
    sent_at: datetime | None = None
    suspect: bool | None = None
    suspected: Sequence[str] | None = None
    person: bool | None = None
    why: str | None = None
    rule_version: int | None = None


class MailEventRow(msgspec.Struct, frozen=True, kw_only=True):
    """A bounce, spam mark, unsubscription, abort, retry, enrolment or change of consent; `day` is that of `at`, in UTC."""

    table: ClassVar[Partitioned] = MAIL_EVENT

    day: date
    event_id: UUID
    kind: str
    member_id: str | None
    braze_user: str
    nameless: bool = False
    campaign_id: str | None = None
    variation_id: str | None = None
    canvas_id: str | None = None
    dispatch_id: str | None = None
    rid: str | None = None
    campaign: str | None = None
    arm: str | None = None
    at: datetime
    why: str | None = None


class AirbridgeEventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as Airbridge counted it; `day` is that of `at`, in UTC.

    `event_id` is Airbridge's own, or a hash of the row where a file has none; `source` is web, app or tracking-link;
    `member_id` is None where Airbridge did not know; `rid` is out of the event's attributes or its deep link.
    """

    table: ClassVar[Partitioned] = AIRBRIDGE_EVENT

    day: date
    event_id: UUID
    source: str
    member_id: str | None
    category: str
    action: str | None
    label: str | None
    value: float | None
    channel: str | None
    campaign: str | None
    ad_group: str | None
    ad_creative: str | None
    rid: str | None
    at: datetime


Row = ExposureRow | ClickRow | MailEventRow | AirbridgeEventRow
_KEY = ("day", "event_id")
_TYPES = {
    "day": "date",
    "event_id": "uuid",
    "nameless": "bool",
    "shown": "int4",
    "position": "int4",
    "rule_version": "int4",
    "posting_ids": "text[]",
    "suspected": "text[]",
    "suspect": "bool",
    "person": "bool",
    "sent_at": "timestamptz",
    "at": "timestamptz",
    "value": "float8",
}
_MERGED = {
    # A copy that names the member wins over a name that only `braze_user` knew.
    "member_id": "CASE WHEN t.nameless = EXCLUDED.nameless THEN GREATEST(t.member_id, EXCLUDED.member_id)"
    " WHEN t.nameless THEN EXCLUDED.member_id ELSE t.member_id END",
    "nameless": "t.nameless AND EXCLUDED.nameless",
}


def put_exposures(driver: psycopg.Connection, rows: Iterable[ExposureRow]) -> int:
    """Put exposures into their days, in one transaction; returns how many were new."""
    return _put(driver, ExposureRow, rows)


def put_clicks(driver: psycopg.Connection, rows: Iterable[ClickRow]) -> int:
    """Put clicks into their days, in one transaction; returns how many were new."""
    return _put(driver, ClickRow, rows)


def put_mail_events(driver: psycopg.Connection, rows: Iterable[MailEventRow]) -> int:
    """Put mail events into their days, in one transaction; returns how many were new."""
    return _put(driver, MailEventRow, rows)


def put_airbridge_events(driver: psycopg.Connection, rows: Iterable[AirbridgeEventRow]) -> int:
    """Put events of Airbridge's raw data into their days, in one transaction; returns how many were new."""
    return _put(driver, AirbridgeEventRow, rows)


def _put(driver: psycopg.Connection, kind: type[Row], rows: Iterable[Any]) -> int:
    """Copy rows to a table of this transaction, and merge that into the real one."""
    columns = kind.__struct_fields__
    values_of = attrgetter(*columns)
    merged: dict[tuple[date, UUID], tuple[Any, ...]] = {}
    for row in rows:
        values = values_of(row)
        key = (row.day, row.event_id)
        merged[key] = values if key not in merged else _merge(columns, merged[key], values)
    if not merged:
        return 0
    with driver.transaction(), driver.cursor() as cursor:
        create_partitions(driver, kind.table, {day for day, _ in merged})
        name = f"put_{kind.table.name}"
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} (LIKE connected_jobs.{kind.table.name}) ON COMMIT DROP"
        )
        cursor.execute(f"TRUNCATE pg_temp.{name}")
        with cursor.copy(f"COPY pg_temp.{name} ({', '.join(columns)}) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types([_TYPES.get(column, "text") for column in columns])
            for values in merged.values():
                copy.write_row(values)
        cursor.execute(_merging(kind.table.name, columns))
        new: int = cursor.fetchone()[0]  # type: ignore[index] # an aggregate has one row
    return new


def _merging(table: str, columns: Sequence[str]) -> str:
    """The statement that merges what was copied, writes no row that stays the same, and counts what was not there before."""
    rest = [column for column in columns if column not in _KEY]
    special = _MERGED if "nameless" in columns else {}
    merged = [special.get(column, f"GREATEST(t.{column}, EXCLUDED.{column})") for column in rest]
    return f"""
        WITH put AS (
            INSERT INTO connected_jobs.{table} AS t ({", ".join(columns)})
            SELECT {", ".join(columns)} FROM pg_temp.put_{table} ORDER BY day, event_id
            ON CONFLICT (day, event_id) DO UPDATE SET ({", ".join(rest)}) = ROW({", ".join(merged)})
            WHERE ROW({", ".join(f"t.{column}" for column in rest)}) IS DISTINCT FROM ROW({", ".join(merged)})
        )
        SELECT count(*)
        FROM pg_temp.put_{table} p
        WHERE NOT EXISTS (
            SELECT FROM connected_jobs.{table} t WHERE t.day = p.day AND t.event_id = p.event_id
        )
    """


def _merge(columns: Sequence[str], one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two copies of one event, merged as the statement merges them."""
    if "nameless" not in columns:
        return tuple(map(_greatest, one, other))
    nameless = columns.index("nameless")
    return tuple(
        (one[nameless] and other[nameless])
        if column == "nameless"
        else _named(mine, theirs, one[nameless], other[nameless])
        if column == "member_id"
        else _greatest(mine, theirs)
        for column, mine, theirs in zip(columns, one, other, strict=True)
    )


def _named(mine: str | None, theirs: str | None, mine_nameless: bool, theirs_nameless: bool) -> str | None:  # noqa: FBT001 - as the rows have it
    if mine_nameless == theirs_nameless:
        greatest: str | None = _greatest(mine, theirs)
        return greatest
    return theirs if mine_nameless else mine


def _greatest(mine: Any, theirs: Any) -> Any:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return max(mine, theirs)
