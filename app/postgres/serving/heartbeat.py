"""What a worker writes to Postgres for the planner: its instance's heartbeat, and what it counted.

Its statements are not prepared: a table that is not there yet, before a migration, must not keep the pool from
connecting.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from app.postgres.serving.pool import Statement, UntranslatableError
from app.runtime.instance import BEAT_EVERY_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.postgres.serving.pool import ServingPool
    from app.runtime.instance import Instance
    from app.serving.send_counts import CountBatch

MOST_KEYS = 10_000
# Each worker sends its instance's heartbeat; where another worker has just sent one, nothing is written.
_HEARTBEAT = Statement(
    b"beat",
    f"""
    INSERT INTO connected_jobs.instance AS i (id, fingerprint, workers, settings, started_at)
    VALUES ($1::text, $2::text, $3::integer, $4::jsonb, $5::timestamptz)
    ON CONFLICT (id) DO UPDATE
    SET fingerprint = excluded.fingerprint, workers = excluded.workers, settings = excluded.settings,
        started_at = excluded.started_at, beat_at = pg_catalog.now()
    WHERE i.beat_at < pg_catalog.now() - interval '{BEAT_EVERY_S / 2} s' OR i.started_at <> excluded.started_at
    RETURNING id
    """.encode(),
    planned_anew=True,
)
# A batch is added where its number is new, all of it or nothing. In order, so that two workers never wait for
# each other.
_ADD = Statement(
    b"add_counts",
    b"""
    WITH fresh AS (
        INSERT INTO connected_jobs.send_flush AS f (worker, number, at)
        VALUES ($1::text, $2::bigint, pg_catalog.now())
        ON CONFLICT (worker) DO UPDATE SET number = excluded.number, at = excluded.at
        WHERE f.number < excluded.number
        RETURNING worker
    ), counted AS (
        SELECT c.campaign, c.send, pg_catalog.to_timestamp(c.second) AS second, c.calls, c.degraded
        FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::bigint[]),
                        pg_catalog.unnest($6::integer[]), pg_catalog.unnest($7::integer[]))
             AS c (campaign, send, second, calls, degraded), fresh
        ORDER BY 1, 2, 3
    ), sends AS (
        INSERT INTO connected_jobs.send AS s (campaign, send, first_at, last_at)
        SELECT campaign, send, pg_catalog.min(second), pg_catalog.max(second)
        FROM counted
        GROUP BY 1, 2
        ORDER BY 1, 2
        ON CONFLICT (campaign, send) DO UPDATE
        SET first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at)
    ), sketches AS (
        INSERT INTO connected_jobs.send_sketch (campaign, send, worker, sketch)
        SELECT k.campaign, k.send, k.part, pg_catalog.decode(k.sketch, 'base64')
        FROM ROWS FROM (pg_catalog.unnest($8::text[]), pg_catalog.unnest($9::text[]), pg_catalog.unnest($10::text[]),
                        pg_catalog.unnest($11::text[]))
             AS k (campaign, send, part, sketch), fresh
        ON CONFLICT (campaign, send, worker) DO UPDATE SET sketch = excluded.sketch
    ), seconds AS (
        INSERT INTO connected_jobs.send_second AS s (campaign, send, second, calls, degraded)
        SELECT campaign, send, second, calls, degraded
        FROM counted
        ON CONFLICT (campaign, send, second) DO UPDATE
        SET calls = s.calls + excluded.calls, degraded = s.degraded + excluded.degraded
    )
    SELECT worker FROM fresh
    """,
    planned_anew=True,
)


_KEYS = Statement(
    b"campaign_keys",
    f"""
    SELECT DISTINCT key
    FROM connected_jobs.campaign
    WHERE removed_at IS NULL
    LIMIT {MOST_KEYS}
    """.encode(),
    planned_anew=True,
)


def select_campaign_keys(pool: ServingPool) -> list[str]:
    """The names, in calls, of the campaigns on record; raises `UnavailableError`."""
    return [str(key) for (key,) in pool.rows(_KEYS)]


def send_heartbeat(pool: ServingPool, instance: Instance) -> None:
    """Store that an instance runs; raises `UnavailableError`."""
    values = [
        instance.id,
        instance.fingerprint,
        instance.workers,
        json.dumps(instance.settings),
        instance.started_at,
    ]
    pool.rows(_HEARTBEAT, values)


class PostgresSendCounts:
    """Counts added through the serving pool: see `app.serving.send_counts.CountsStore`."""

    def __init__(self, pool: ServingPool) -> None:
        self._pool = pool

    def add(self, batch: CountBatch) -> None:
        """Add a batch, unless it is in already; raises `UnavailableError`.

        Where the database's encoding lacks a character of a campaign's or a send's name, they are added with it
        escaped: one name must not keep the others from being counted.
        """
        try:
            self._pool.rows(_ADD, _values(batch, str))
        except UntranslatableError:
            self._pool.rows(_ADD, _values(batch, _escape))


def _values(batch: CountBatch, named: Callable[[str], str]) -> list[object]:
    seconds, sketches = batch.seconds, batch.sketches
    return [
        batch.worker,
        batch.number,
        [named(one.campaign) for one in seconds],
        [named(one.send) for one in seconds],
        [one.second for one in seconds],
        [one.calls for one in seconds],
        [one.degraded for one in seconds],
        [named(one.campaign) for one in sketches],
        [named(one.send) for one in sketches],
        [one.part for one in sketches],
        [b64encode(one.sketch).decode() for one in sketches],
    ]


def _escape(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()
