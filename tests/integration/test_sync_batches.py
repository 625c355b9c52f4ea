"""A run fills tables and reads them before Postgres knows how many rows there are: a batch costs what it holds all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from app.postgres.syncs import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS, BATCH = 5_000, 20
MOST = 2 * EVENTS  # all of them once, and once more to sort them: a small table is read whole
FILL = f"""
    ALTER TABLE connected_jobs.outbox SET (autovacuum_enabled = false);
    INSERT INTO connected_jobs.sync_destination (identity) VALUES ('there');
    INSERT INTO connected_jobs.outbox (destination_id, sync, once_key, member_id, happened_at, properties)
    SELECT d.id, 'applied', 'k' || n, 'm' || n, '2026-11-20T00:12:00+00:00', '{{}}'
    FROM connected_jobs.sync_destination AS d CROSS JOIN generate_series(1, {EVENTS}) AS n;
    INSERT INTO connected_jobs.attribute_sent (destination_id, member_id, sent, batches, before)
    SELECT d.id, 'k' || n, '{{"x": 1}}', '{{}}', '{{}}'
    FROM connected_jobs.sync_destination AS d CROSS JOIN generate_series(1, {EVENTS}) AS n
"""  # noqa: S608 - numbers of its own


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from nodes(one)


def rows_touched(plan: dict[str, Any]) -> float:
    """Rows that the parts of a plan gave or threw away, all times together."""
    counted = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    return float(sum(one["Actual Loops"] * sum(one.get(name, 0) for name in counted) for one in nodes(plan)))


CHANGED = {
    "_CLAIM": "SELECT count(*) FROM connected_jobs.outbox WHERE state = 'sending'",
    "_SETTLE": "SELECT count(*) FROM connected_jobs.outbox WHERE state = 'sent'",
    "_INTEND": "SELECT count(*) FROM connected_jobs.attribute_sent WHERE sent = '{}'",
    "_RESTORE": "SELECT count(*) FROM connected_jobs.attribute_sent WHERE sent = '{\"x\": 2}'",
}


@pytest.mark.parametrize("statement", CHANGED)
def test_a_batch_touches_its_own_rows_alone(database_url: str, statement: str) -> None:
    keys = [f"k{n}" for n in range(1, BATCH + 1)]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL)
        ((destination,),) = connection.execute("SELECT id FROM connected_jobs.sync_destination").fetchall()
        given = {
            "destination": destination, "sync": "applied", "most": BATCH, "batch": 1, "keys": keys, "passing": [],
            "states": ["sent"] * BATCH, "sentences": [""] * BATCH, "names": ['["x"]'] * BATCH, "before": ['{"x": 2}'] * BATCH,
        }  # fmt: skip
        asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(ledger, statement)}"
        ((told,),) = connection.execute(asked.encode(), given).fetchall()
        changed = connection.execute(CHANGED[statement].encode()).fetchall()
    assert changed == [(BATCH,)]
    assert rows_touched(told[0]["Plan"]) < MOST
