"""What a worker tells the planner through Postgres: that its instance runs, and what it counted.

Its statements are not prepared: a table that is not there yet, before a migration, must not keep the pool from
connecting.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from app.postgres.serving_pool import Statement
from app.serving.instance import BEAT_EVERY_S

if TYPE_CHECKING:
    from app.postgres.serving_pool import ServingPool
    from app.serving.counting import Batch
    from app.serving.instance import Instance

# Each worker tells of its instance; one that another told of just now is left alone.
_BEAT = Statement(
    b"beat",
    f"""
    INSERT INTO connected_jobs.instance AS i (id, fingerprint, workers, settings, started_at)
    VALUES ($1::text, $2::text, $3::integer, $4::jsonb, $5::timestamptz)
    ON CONFLICT (id) DO UPDATE
    SET fingerprint = excluded.fingerprint, workers = excluded.workers, settings = excluded.settings,
        started_at = excluded.started_at, beat_at = now()
    WHERE i.beat_at < now() - interval '{BEAT_EVERY_S / 2} s' OR i.started_at <> excluded.started_at
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
        VALUES ($1::text, $2::bigint, now())
        ON CONFLICT (worker) DO UPDATE SET number = excluded.number, at = excluded.at
        WHERE f.number < excluded.number
        RETURNING worker
    ), counted AS (
        SELECT c.campaign, c.send, to_timestamp(c.second) AS second, c.calls, c.degraded
        FROM unnest($3::text[], $4::text[], $5::bigint[], $6::integer[], $7::integer[])
             AS c (campaign, send, second, calls, degraded), fresh
        ORDER BY 1, 2, 3
    ), sends AS (
        INSERT INTO connected_jobs.send AS s (campaign, send, first_at, last_at)
        SELECT campaign, send, min(second), max(second)
        FROM counted
        GROUP BY 1, 2
        ORDER BY 1, 2
        ON CONFLICT (campaign, send) DO UPDATE
        SET first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at)
    ), sketches AS (
        INSERT INTO connected_jobs.send_sketch (campaign, send, worker, sketch)
        SELECT k.campaign, k.send, k.part, decode(k.sketch, 'base64')
        FROM unnest($8::text[], $9::text[], $10::text[], $11::text[]) AS k (campaign, send, part, sketch), fresh
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


def beat(pool: ServingPool, instance: Instance) -> None:
    """Tell that an instance runs; raises `UnavailableError`."""
    values = [
        instance.id,
        instance.fingerprint,
        instance.workers,
        json.dumps(instance.settings),
        instance.started_at,
    ]
    pool.rows(_BEAT, values)


class PostgresCounts:
    """Counts added through the serving pool: see `app.serving.counting.CountsStore`."""

    def __init__(self, pool: ServingPool) -> None:
        self._pool = pool

    def add(self, batch: Batch) -> None:
        """Add a batch, unless it is in already; raises `UnavailableError`."""
        seconds, sketches = batch.seconds, batch.sketches
        values = [
            batch.worker,
            batch.number,
            [one.campaign for one in seconds],
            [one.send for one in seconds],
            [one.second for one in seconds],
            [one.calls for one in seconds],
            [one.degraded for one in seconds],
            [one.campaign for one in sketches],
            [one.send for one in sketches],
            [one.part for one in sketches],
            [b64encode(one.sketch).decode() for one in sketches],
        ]
        self._pool.rows(_ADD, values)
