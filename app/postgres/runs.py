"""Refresh runs in Postgres: begun, filled, published, rolled back, dropped; one statement a verb."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import psycopg
    from sqlalchemy import Connection, Engine

    from app.recommend.board import RankedPosting


@dataclass(frozen=True, slots=True)
class Inputs:
    """What tells one board state from another, so that a refresh resumes only on the data it began with."""

    members: int
    postings: int
    activity: int
    newest: str


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run being filled: `done` are the chunks that are in."""

    id: int
    started_at: datetime
    done: frozenset[int]


def insert_run(
    connection: Connection,
    inputs: Inputs,
    options: Mapping[str, Any],
    *,
    started_at: datetime,
    cutoff_at: datetime,
) -> OpenRun:
    """Begin a run, with an empty partition for its lists.

    The partition is made apart and attached: that waits for no reader and makes none wait.
    """
    run_id: int = connection.execute(
        text("""
            INSERT INTO connected_jobs.refresh_run (started_at, cutoff_at, inputs, options)
            VALUES (:started_at, :cutoff_at, CAST(:inputs AS jsonb), CAST(:options AS jsonb))
            RETURNING id
        """),
        {
            "started_at": started_at,
            "cutoff_at": cutoff_at,
            "inputs": json.dumps(asdict(inputs)),
            "options": json.dumps(options),
        },
    ).scalar_one()
    table = _partition(run_id)
    connection.execute(text(f"CREATE TABLE {table} (LIKE connected_jobs.recommendation_list INCLUDING ALL)"))
    connection.execute(
        text(
            f"ALTER TABLE connected_jobs.recommendation_list ATTACH PARTITION {table} FOR VALUES IN ({run_id})"
        )
    )
    return OpenRun(run_id, started_at, frozenset())


def select_unfinished_run(
    connection: Connection, inputs: Inputs, options: Mapping[str, Any]
) -> OpenRun | None:
    """The newest run that was begun on the same data with the same options and never finished."""
    row = connection.execute(
        text("""
            SELECT r.id, r.started_at, ARRAY(SELECT c.chunk FROM connected_jobs.refresh_chunk c WHERE c.run_id = r.id)
            FROM connected_jobs.refresh_run r
            WHERE r.state = 'running'
              AND r.inputs = CAST(:inputs AS jsonb) AND r.options = CAST(:options AS jsonb)
            ORDER BY r.id DESC
            LIMIT 1
        """),
        {"inputs": json.dumps(asdict(inputs)), "options": json.dumps(options)},
    ).one_or_none()
    return None if row is None else OpenRun(row[0], row[1], frozenset(row[2]))


def copy_chunk(
    driver: psycopg.Connection, run_id: int, chunk: int, lists: Iterable[tuple[str, Sequence[RankedPosting]]]
) -> None:
    """Write a chunk's lists and that they are in, both or neither; members without a list have no row."""
    with driver.transaction(), driver.cursor() as cursor:
        written = 0
        with cursor.copy(
            "COPY connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["int8", "text", "text[]", "int2[]"])
            for member_id, ranked in lists:
                if ranked:
                    copy.write_row(
                        (run_id, member_id, [r.posting_id for r in ranked], [int(r.reason) for r in ranked])
                    )
                    written += 1
        cursor.execute(
            "INSERT INTO connected_jobs.refresh_chunk (run_id, chunk, members) VALUES (%s, %s, %s)",
            [run_id, chunk, written],
        )


def replace_shelves(
    connection: Connection, run_id: int, shelves: Mapping[tuple[str, str], Sequence[RankedPosting]]
) -> None:
    """Write a run's shelves."""
    connection.execute(text("DELETE FROM connected_jobs.shelf WHERE run_id = :run_id"), {"run_id": run_id})
    rows = [
        {
            "run_id": run_id,
            "category": category,
            "region": region,
            "posting_ids": [r.posting_id for r in ranked],
            "reasons": [int(r.reason) for r in ranked],
        }
        for (category, region), ranked in sorted(shelves.items())
    ]
    if rows:
        connection.execute(
            text("""
                INSERT INTO connected_jobs.shelf (run_id, category, region, posting_ids, reasons)
                VALUES (:run_id, :category, :region, :posting_ids, :reasons)
            """),
            rows,
        )


def finish_run(
    connection: Connection,
    run_id: int,
    *,
    weights: Mapping[str, Any],
    measures: Mapping[str, Any],
    now: datetime,
) -> None:
    """Mark a run whole: every list of it is in."""
    connection.execute(
        text("""
            UPDATE connected_jobs.refresh_run
            SET state = 'ready', finished_at = :now,
                weights = CAST(:weights AS jsonb), measures = CAST(:measures AS jsonb)
            WHERE id = :run_id
        """),
        {"run_id": run_id, "now": now, "weights": json.dumps(weights), "measures": json.dumps(measures)},
    )


def insert_publication(connection: Connection, run_id: int, *, now: datetime, effective_at: datetime) -> None:
    """From `effective_at` on answers come from this run."""
    connection.execute(
        text("""
            INSERT INTO connected_jobs.publication (run_id, published_at, effective_at)
            VALUES (:run_id, :now, :effective_at)
        """),
        {"run_id": run_id, "now": now, "effective_at": effective_at},
    )


def select_publications(connection: Connection) -> list[tuple[int, datetime]]:
    """Run and moment of every publication whose run still has its lists, newest first."""
    rows = connection.execute(
        text("""
            SELECT p.run_id, p.effective_at
            FROM connected_jobs.publication p
            JOIN connected_jobs.refresh_run r ON r.id = p.run_id
            WHERE r.state = 'ready'
            ORDER BY p.id DESC
        """)
    )
    return [(run_id, effective_at) for run_id, effective_at in rows]


def select_weights(connection: Connection, run_id: int) -> dict[str, Any] | None:
    """The weights a run was made with."""
    return connection.execute(
        text("SELECT weights FROM connected_jobs.refresh_run WHERE id = :run_id"), {"run_id": run_id}
    ).scalar_one_or_none()


def select_runs_to_drop(connection: Connection, keep: Sequence[int]) -> list[int]:
    """Runs that hold lists although nothing needs them."""
    return list(
        connection.execute(
            text("""
                SELECT id
                FROM connected_jobs.refresh_run
                WHERE state <> 'dropped' AND NOT id = ANY(:keep)
                ORDER BY id
            """),
            {"keep": list(keep)},
        ).scalars()
    )


def drop_run(engine: Engine, run_id: int) -> None:
    """Drop a run's lists and shelves; calls under way do not wait for it, nor it long for them."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        table = _partition(run_id)
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(
            text("UPDATE connected_jobs.refresh_run SET state = 'dropped' WHERE id = :run_id"),
            {"run_id": run_id},
        )
        attached = connection.execute(
            text("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:table)"),
            {"table": table},
        ).scalar_one_or_none()
        if attached is not None:
            how = "FINALIZE" if attached else "CONCURRENTLY"
            connection.execute(
                text(f"ALTER TABLE connected_jobs.recommendation_list DETACH PARTITION {table} {how}")
            )
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        for owned in ("shelf", "refresh_chunk"):
            connection.execute(
                text(f"DELETE FROM connected_jobs.{owned} WHERE run_id = :run_id"), {"run_id": run_id}
            )


def analyze_run(engine: Engine, run_id: int) -> None:
    """Tell the planner how large a run's partition is."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ANALYZE {_partition(run_id)}"))


def _partition(run_id: int) -> str:
    return f"connected_jobs.recommendation_list_{int(run_id)}"
