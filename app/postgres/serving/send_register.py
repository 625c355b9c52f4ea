"""The register of sends in Postgres: which run each send keeps, for all workers (`app.serving.sends.SendRegister`).

Its statements are not prepared: a table that is not there yet, before a migration, must not keep the pool from
connecting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.postgres.serving.pool import Statement
from app.postgres.serving.reads import CLOCK, rows_of_the_primary
from app.serving.sends import HeldSend
from app.serving.store import SEPARATOR, Run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from app.postgres.serving.pool import ServingPool
    from app.runtime.deadline import Deadline

MOST_ROWS = 200_000  # sends registered at once, for all campaigns; those used longest ago go first
_MOST_PRUNED = 20_000  # in one statement, which must end within a call's time
_IN_FORCE = """
    SELECT p.run_id
    FROM connected_jobs.publication p
    JOIN connected_jobs.refresh_run r ON r.id = p.run_id AND r.state = 'ready'
    WHERE p.effective_at <= pg_catalog.now() AND pg_catalog.to_jsonb(r) ->> 'recipe' IS NULL
    ORDER BY p.id DESC
    LIMIT 1
"""
_OVER = """(s.until <= pg_catalog.now() OR NOT EXISTS (
                SELECT FROM connected_jobs.refresh_run k WHERE k.id = s.run_id AND k.state = 'ready'))"""
# Who comes first registers a send and everybody else is told; one that is over begins anew. It keeps its run for so
# long, or until a publication moves it.
_REGISTER = f"""
    WITH written AS (
        INSERT INTO connected_jobs.send_run AS s (campaign, send, run_id, first_at, last_at, until)
        SELECT m.campaign, m.send, m.run_id, pg_catalog.now(), pg_catalog.now(), least(
            pg_catalog.now() + pg_catalog.make_interval(secs => {{hold}}::float8),
            (SELECT pg_catalog.min(p.effective_at) FROM connected_jobs.publication p
             JOIN connected_jobs.refresh_run o ON o.id = p.run_id AND pg_catalog.to_jsonb(o) ->> 'recipe' IS NULL
             WHERE p.moves_sends AND p.run_id < m.run_id AND p.effective_at > pg_catalog.now()))
        FROM {{met}} AS m (campaign, send, run_id)
        ORDER BY 1, 2
        ON CONFLICT (campaign, send) DO UPDATE
        SET last_at = excluded.last_at,
            run_id = CASE WHEN {_OVER} THEN excluded.run_id ELSE s.run_id END,
            first_at = CASE WHEN {_OVER} THEN excluded.first_at ELSE s.first_at END,
            until = CASE WHEN {_OVER} THEN excluded.until ELSE s.until END
        RETURNING campaign, send, run_id, first_at, until, last_at
    )
    SELECT w.campaign, w.send, w.first_at, w.until, w.last_at, r.id, r.cutoff_at, r.finished_at
    FROM written w
    JOIN connected_jobs.refresh_run r ON r.id = w.run_id AND r.state = 'ready'
"""
_CLAIM = _REGISTER.format(hold="$3", met=f"(SELECT $1::text, $2::text, f.run_id FROM ({_IN_FORCE}) f)")
_MET = _REGISTER.format(
    hold="$4",
    met="ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::bigint[]))",
)
_OTHERS = f"""
    SELECT s.campaign, s.send, s.first_at, s.until, s.last_at, r.id, r.cutoff_at, r.finished_at
    FROM connected_jobs.send_run s
    JOIN connected_jobs.refresh_run r ON r.id = s.run_id AND r.state = 'ready'
    WHERE s.until > pg_catalog.now() AND (
        s.run_id IS DISTINCT FROM ({_IN_FORCE}) OR s.campaign = ANY ($2::text[]) AND s.first_at < $3::timestamptz)
    ORDER BY s.last_at DESC
    LIMIT $1::bigint
"""
# Locked rows are being written by another worker; waiting for them could deadlock.
_PRUNE = """
    WITH over AS (
        SELECT campaign, send
        FROM connected_jobs.send_run
        WHERE until <= pg_catalog.now() OR last_at < (
            SELECT last_at FROM connected_jobs.send_run ORDER BY last_at DESC OFFSET $1::bigint - 1 LIMIT 1)
        LIMIT $2::bigint
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM connected_jobs.send_run s
        USING over
        WHERE s.campaign = over.campaign AND s.send = over.send
        RETURNING 1
    )
    SELECT pg_catalog.count(*) FROM gone
"""


def _statement(name: str, sql: str) -> Statement:
    return Statement(name.encode(), sql.encode(), planned_anew=True)


_CLAIM_SEND = _statement("claim_send", _CLAIM)
_REGISTER_SENDS = _statement("register_sends", _MET)
_OTHER_SENDS = _statement("other_sends", _OTHERS)
_PRUNE_SENDS = _statement("prune_sends", _PRUNE)


class PostgresSendRegister:
    """The register through a pool that may write; whatever goes wrong on the way is an `UnavailableError`.

    `standby` is where answers are read, if elsewhere.
    """

    def __init__(self, pool: ServingPool, standby: ServingPool | None = None) -> None:
        self._pool = pool
        self._standby = standby or pool

    def clock(self) -> datetime:
        """The server's clock."""
        now: datetime = rows_of_the_primary(self._pool, self._standby, CLOCK)[0][0]
        return now

    def claim(self, key: str, hold: timedelta, deadline: Deadline) -> HeldSend | None:
        """A send as it is registered, by this on the run in force where it is not yet; None before any run."""
        rows = self._pool.rows(_CLAIM_SEND, [*key.split(SEPARATOR), hold.total_seconds()], deadline)
        return _held_send(rows[0]) if rows else None

    def register(self, sends: Sequence[HeldSend], hold: timedelta) -> list[HeldSend]:
        """Register sends that are not yet, note that all of them are used, and say how they are registered."""
        campaigns, names = zip(*(one.key.split(SEPARATOR) for one in sends), strict=True)
        runs = [one.run.id for one in sends]
        rows = self._pool.rows(_REGISTER_SENDS, [list(campaigns), list(names), runs, hold.total_seconds()])
        return [_held_send(row) for row in rows]

    def registered_sends(self, most: int, campaigns: Sequence[str], before: datetime) -> list[HeldSend]:
        """The sends on other runs than the one in force, and some campaigns' that began before; those used last first."""
        return [_held_send(row) for row in self._pool.rows(_OTHER_SENDS, [most, list(campaigns), before])]

    def prune(self) -> None:
        """Delete the sends that are over, and those used longest ago where there are too many."""
        self._pool.rows(_PRUNE_SENDS, [MOST_ROWS, _MOST_PRUNED])


def _held_send(row: tuple[Any, ...]) -> HeldSend:
    campaign, send, first_at, until, used_at, run_id, cutoff_at, finished_at = row
    return HeldSend(
        f"{campaign}{SEPARATOR}{send}", Run(run_id, cutoff_at, finished_at), first_at, until, used_at
    )
