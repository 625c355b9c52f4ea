"""The loop's tables come out the same whatever the order in which rows are put, and however often."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from app.postgres.connecting import connect
from app.postgres.feedback import partitions
from app.postgres.feedback.rows import (
    ClickRow,
    ExposureRow,
    MailEventRow,
    put_clicks,
    put_exposures,
    put_mail_events,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SENT = ExposureRow(
    day=AT.date(),
    event_id=UUID(int=1),
    rid="r1",
    member_id="m-1",
    braze_user="b1",
    campaign="weekly",
    source="personalized",
    shown=3,
    posting_ids=["p-1", "p-2"],
    sent_at=AT,
)
CLICKED = ClickRow(
    day=AT.date(), event_id=UUID(int=2), rid="r1", member_id=None, nameless=True, braze_user="b1", at=AT
)
BOUNCED = MailEventRow(
    day=AT.date(), event_id=UUID(int=3), kind="bounce", member_id="m-1", braze_user="b1", at=AT
)


def stored(driver: psycopg.Connection, table: str) -> list[tuple[Any, ...]]:
    return driver.execute(
        SQL("SELECT t.*::text FROM {} t ORDER BY 1").format(Identifier("connected_jobs", table))
    ).fetchall()


def test_rows_are_put_into_their_days_once(database_url: str) -> None:
    with connect(database_url) as driver:
        other = replace(SENT, event_id=UUID(int=9), day=date(2026, 12, 31), sent_at=AT + timedelta(days=41))
        assert put_exposures(driver, [SENT, other]) == 2
        assert put_exposures(driver, [other, SENT]) == 0
        assert put_clicks(driver, [CLICKED, CLICKED]) == 1
        assert put_mail_events(driver, [BOUNCED]) == 1
        driver.commit()
        assert partitions.select_partitions(driver, partitions.EXPOSURE) == [SENT.day, other.day]
        assert len(stored(driver, "exposure")) == 2


def test_copies_of_an_event_are_merged_field_by_field_in_any_order(database_url: str) -> None:
    copies = [
        CLICKED,
        replace(CLICKED, member_id="m-1", nameless=False, sent_at=AT - timedelta(hours=1)),
        replace(CLICKED, suspected=["ip_address"], suspect=True, position=2),
        replace(CLICKED, suspected=["ip_address", "user_agent"], suspect=False, link="l"),
    ]
    found = set()
    with connect(database_url) as driver:
        for order in itertools.permutations(copies):
            for batches in ([order], [[one] for one in order], [order[:2], order[2:], order[1:3]]):
                found.add(after(driver, batches))
    assert len(found) == 1
    (only,) = found
    assert "m-1" in only
    assert "user_agent" in only


def after(driver: psycopg.Connection, batches: Sequence[Sequence[ClickRow]]) -> str:
    driver.execute("TRUNCATE connected_jobs.click")
    for batch in batches:
        put_clicks(driver, batch)
    text = str(stored(driver, "click"))
    driver.commit()
    return text


def test_what_the_rule_found_of_a_click_stays_when_it_is_read_again(database_url: str) -> None:
    with connect(database_url) as driver:
        put_clicks(driver, [CLICKED])
        driver.execute("UPDATE connected_jobs.click SET person = true, why = 'one link', rule_version = 1")
        put_clicks(driver, [replace(CLICKED, position=4)])
        row = driver.execute(
            "SELECT person, why, rule_version, position FROM connected_jobs.click"
        ).fetchone()
    assert row == (True, "one link", 1, 4)


def test_parts_of_a_day_and_of_a_month_are_dropped_whole(database_url: str) -> None:
    with connect(database_url, autocommit=True) as driver:
        days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 12, 31)]
        with driver.transaction():
            partitions.create_partitions(driver, partitions.CLICK, days)
            partitions.create_partitions(driver, partitions.OUTCOME, days)
        assert partitions.select_partitions(driver, partitions.OUTCOME) == [
            date(2026, 1, 1),
            date(2026, 2, 1),
            date(2026, 12, 1),
        ]
        assert partitions.drop_partitions(driver, partitions.CLICK, days[1]) == [days[0]]
        assert partitions.drop_partitions(driver, partitions.OUTCOME, days[1]) == [date(2026, 1, 1)]
        assert partitions.select_partitions(driver, partitions.CLICK) == days[1:]
