"""Deliveries and opens: sketches of distinct events and members, so that what is read twice counts once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.serving.distinct_members import DistinctMembers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import psycopg

CountKey = tuple[
    "date", str, str, str, str
]  # day in UTC, kind, campaign_id, canvas_id, variation_id; "" for none


@dataclass(slots=True)
class Tally:
    """Events of one count, and who had them, before they are put."""

    events: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)


def put_counts(driver: psycopg.Connection, counted: Mapping[CountKey, Tally]) -> None:
    """Add events to their sketches, in a transaction; one that is there already changes nothing."""
    for key in sorted(counted):
        _put(driver, key, counted[key])


def _put(driver: psycopg.Connection, key: CountKey, counted: Tally) -> None:
    row = driver.execute(
        """
        SELECT events, members
        FROM connected_jobs.mail_count
        WHERE (day, kind, campaign_id, canvas_id, variation_id) = (%s, %s, %s, %s, %s)
        FOR UPDATE
        """,
        key,
    ).fetchone()
    events, members = (
        (DistinctMembers(), DistinctMembers())
        if row is None
        else (DistinctMembers.unpacked(bytes(row[0])), DistinctMembers.unpacked(bytes(row[1])))
    )
    events.add(counted.events)
    members.add(counted.members)
    packed = [events.pack(), members.pack()]
    if row is not None and packed == [bytes(one) for one in row]:
        return
    driver.execute(
        """
        INSERT INTO connected_jobs.mail_count (day, kind, campaign_id, canvas_id, variation_id, events, members)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (day, kind, campaign_id, canvas_id, variation_id) DO UPDATE
        SET events = EXCLUDED.events, members = EXCLUDED.members
        """,
        [*key, *packed],
    )
