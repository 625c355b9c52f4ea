"""Refresh runs in Postgres: begin, fill, finish and drop them; one function a statement."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.postgres.board.columns import TAKES_MAIL
from app.postgres.engines import DROP_WAIT_S
from app.serving.store import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import psycopg
    from sqlalchemy import Connection, Engine

    from app.recommend.ranked import RankedPosting


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run was made from; a refresh resumes a run only where these are the same.

    `digest` is of everything but the members' profiles, of which it holds when one changed last.
    """

    members: int
    postings: int
    activity: int
    chunk_members: int
    digest: str


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run being filled: `done` are the chunks that are in."""

    id: int
    started_at: datetime
    done: frozenset[int]


def insert_run(
    connection: Connection,
    inputs: RunInputs,
    options: Mapping[str, Any],
    *,
    recipe: str | None,
    started_at: datetime,
    cutoff_at: datetime,
) -> OpenRun:
    """Begin a run, of the usual lists or of a recipe, with an empty partition for its lists.

    The partition is made apart and attached: that waits for no reader and makes none wait.
    """
    run_id: int = connection.execute(
        text("""
            INSERT INTO connected_jobs.refresh_run (started_at, cutoff_at, inputs, options, recipe)
            VALUES (:started_at, :cutoff_at, CAST(:inputs AS jsonb), CAST(:options AS jsonb), :recipe)
            RETURNING id
        """),
        {
            "started_at": started_at,
            "cutoff_at": cutoff_at,
            "inputs": json.dumps(asdict(inputs)),
            "options": json.dumps(options),
            "recipe": recipe,
        },
    ).scalar_one()
    table = _partition(run_id)
    connection.execute(text(f"CREATE TABLE {table} (LIKE connected_jobs.recommendation_list INCLUDING ALL)"))
    # Nobody looks for what lists hold, and to count it takes Postgres most of a second while it answers calls.
    connection.execute(
        text(
            f"ALTER TABLE {table} ALTER posting_ids SET STATISTICS 0, ALTER reasons SET STATISTICS 0,"
            " ALTER anchors SET STATISTICS 0, ALTER anchored SET STATISTICS 0"
        )
    )
    connection.execute(
        text(
            f"ALTER TABLE connected_jobs.recommendation_list ATTACH PARTITION {table} FOR VALUES IN ({run_id})"
        )
    )
    return OpenRun(run_id, started_at, frozenset())


def select_unfinished_run(
    connection: Connection, inputs: RunInputs, options: Mapping[str, Any], *, recipe: str | None
) -> OpenRun | None:
    """The newest run of a recipe that was begun on the same data with the same options and never finished."""
    row = connection.execute(
        text("""
            SELECT r.id, r.started_at, ARRAY(SELECT c.chunk FROM connected_jobs.refresh_chunk c WHERE c.run_id = r.id)
            FROM connected_jobs.refresh_run r
            WHERE r.state = 'running'
              AND r.inputs = CAST(:inputs AS jsonb) AND r.options = CAST(:options AS jsonb)
              AND r.recipe IS NOT DISTINCT FROM CAST(:recipe AS text)
            ORDER BY r.id DESC
            LIMIT 1
        """),
        {"inputs": json.dumps(asdict(inputs)), "options": json.dumps(options), "recipe": recipe},
    ).one_or_none()
    return None if row is None else OpenRun(row[0], row[1], frozenset(row[2]))


def select_resumable_runs(connection: Connection) -> list[int]:
    """Of recipes other than the run's that was finished last, those that were begun on the board which that one saw."""
    return list(
        connection.execute(
            text("""
                SELECT r.id
                FROM connected_jobs.refresh_run r
                JOIN (
                    SELECT inputs, recipe
                    FROM connected_jobs.refresh_run
                    WHERE state = 'ready'
                    ORDER BY finished_at DESC NULLS LAST, id DESC
                    LIMIT 1
                ) last ON r.inputs = last.inputs AND r.recipe IS DISTINCT FROM last.recipe
                WHERE r.state = 'running'
            """)
        ).scalars()
    )


@dataclass(frozen=True, slots=True)
class ReadyRun:
    """A run whose lists are all in: how many members it was made for, and how long that took, 0 where it is not known."""

    run: Run
    members: int
    refresh_s: float


def select_ready_runs(connection: Connection) -> list[ReadyRun]:
    """Every run of the usual lists that has them, the one published last first, those that never were last."""
    rows = connection.execute(
        text("""
            SELECT r.id, r.cutoff_at, r.finished_at, (r.inputs ->> 'members')::int,
                   (SELECT sum(value::float) FROM jsonb_each_text(r.measures -> 'seconds'))
            FROM connected_jobs.refresh_run r
            LEFT JOIN connected_jobs.publication p ON p.run_id = r.id
            WHERE r.state = 'ready' AND r.recipe IS NULL
            GROUP BY r.id
            ORDER BY max(p.id) DESC NULLS LAST
        """)
    )
    return [ReadyRun(Run(row[0], row[1], row[2]), row[3], row[4] or 0.0) for row in rows]


def select_last_finished_at(connection: Connection) -> datetime | None:
    """When the newest of the runs that have their lists was finished, None where there is none."""
    finished_at: datetime | None = connection.execute(
        text(
            "SELECT max(finished_at) FROM connected_jobs.refresh_run WHERE state = 'ready' AND recipe IS NULL"
        )
    ).scalar()
    return finished_at


def copy_chunk(
    driver: psycopg.Connection, run_id: int, chunk: int, lists: Iterable[tuple[str, Sequence[RankedPosting]]]
) -> None:
    """Write a chunk's lists and that they are in, both or neither; members without a list have no row."""
    with driver.transaction(), driver.cursor() as cursor:
        written = 0
        with cursor.copy(
            "COPY connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons, anchors, anchored)"
            " FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["int8", "text", "text[]", "bytea", "text[]", "bytea"])
            for member_id, ranked in lists:
                if ranked:
                    copy.write_row(
                        (
                            run_id,
                            member_id,
                            [r.posting_id for r in ranked],
                            bytes(r.mark for r in ranked),
                            *_anchors(ranked),
                        )
                    )
                    written += 1
        cursor.execute(
            "INSERT INTO connected_jobs.refresh_chunk (run_id, chunk, members) VALUES (%s, %s, %s)",
            [run_id, chunk, written],
        )


def is_chunk_in(connection: Connection, run_id: int, chunk: int) -> bool:
    """Whether a chunk's lists are written."""
    found: bool = connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM connected_jobs.refresh_chunk WHERE run_id = :run AND chunk = :chunk)"
        ),
        {"run": run_id, "chunk": chunk},
    ).scalar_one()
    return found


def _anchors(ranked: Sequence[RankedPosting]) -> tuple[list[str] | None, bytes | None]:
    """What the reasons of a list name, ids and names in turn, and by place which of them it is, from 1; 0 for none."""
    number = {anchor: at for at, anchor in enumerate(dict.fromkeys(r.anchor for r in ranked if r.anchor), 1)}
    if not number:
        return None, None
    anchored = bytes(number[r.anchor] if r.anchor else 0 for r in ranked)
    return [text for anchor in number for text in anchor], anchored.rstrip(b"\0")


def select_tops(
    connection: Connection, run_id: int, member_ids: Sequence[str], count: int
) -> dict[str, list[str]]:
    """The first postings of some members' lists."""
    rows = connection.execute(
        text(f"""
            SELECT member_id, posting_ids[1\\:{int(count)}]
            FROM {_partition(run_id)}
            WHERE run_id = :run_id AND member_id = ANY(:member_ids)
        """),
        {"run_id": run_id, "member_ids": list(member_ids)},
    )
    return {row[0]: row[1] for row in rows}


def copy_lists(connection: Connection, run_id: int, before_id: int, *, but: Sequence[str]) -> int:
    """Take over an earlier run's lists, but for some members; returns how many."""
    return connection.execute(
        text(f"""
            INSERT INTO {_partition(run_id)} (run_id, member_id, posting_ids, reasons, anchors, anchored)
            SELECT :run_id, member_id, posting_ids, reasons, anchors, anchored
            FROM {_partition(before_id)}
            WHERE member_id <> ALL(:but)
        """),
        {"run_id": run_id, "but": list(but)},
    ).rowcount


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
            "reasons": bytes(r.reason for r in ranked),
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


def replace_same_jobs(connection: Connection, run_id: int, groups: Sequence[Sequence[str]]) -> None:
    """Write which postings are one job in a run."""
    connection.execute(text("DELETE FROM connected_jobs.same_job WHERE run_id = :run_id"), {"run_id": run_id})
    if groups:
        connection.execute(
            text("INSERT INTO connected_jobs.same_job (run_id, posting_ids) VALUES (:run_id, :posting_ids)"),
            [{"run_id": run_id, "posting_ids": list(group)} for group in groups],
        )


def finish_run(
    connection: Connection,
    run_id: int,
    *,
    weights: Mapping[str, Any],
    measures: Mapping[str, Any],
) -> bool:
    """Mark a run whole: every list of it is in; False where another refresh dropped it meanwhile."""
    done = connection.execute(
        text("""
            UPDATE connected_jobs.refresh_run
            SET state = 'ready', finished_at = clock_timestamp(),
                weights = CAST(:weights AS jsonb), measures = CAST(:measures AS jsonb)
            WHERE id = :run_id AND state = 'running'
        """),
        {"run_id": run_id, "weights": json.dumps(weights), "measures": json.dumps(measures)},
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a run holds: members with a list, and places in all of the lists."""

    lists: int
    places: int


def select_extent(connection: Connection, run_id: int) -> Extent:
    """How much a run holds, by reading it."""
    row = connection.execute(
        text(f"SELECT count(*), coalesce(sum(cardinality(posting_ids)), 0) FROM {_partition(run_id)}")
    ).one()
    return Extent(*row)


@dataclass(frozen=True, slots=True)
class BoardCounts:
    """What a refresh saw of the board; a refresh of what changed does not count activity."""

    members: int
    postings: int
    activity: int | None


def select_board_counts(connection: Connection, run_id: int) -> tuple[BoardCounts, Extent | None]:
    """What a published run was made of, and how much it holds where it says so."""
    row = connection.execute(
        text("""
            SELECT (r.inputs ->> 'members')::bigint, (r.inputs ->> 'postings')::bigint,
                   coalesce(nullif((r.inputs ->> 'activity')::bigint, 0), (m.inputs ->> 'activity')::bigint),
                   (r.measures ->> 'lists')::bigint, (r.measures ->> 'places')::bigint
            FROM connected_jobs.refresh_run r
            LEFT JOIN connected_jobs.refresh_run m ON m.id = (r.measures ->> 'model')::bigint
            WHERE r.id = :run_id
        """),
        {"run_id": run_id},
    ).one()
    members, postings, activity, lists, places = row
    extent = None if lists is None or places is None else Extent(lists, places)
    return BoardCounts(members or 0, postings or 0, activity), extent


def count_activity(connection: Connection, most: int) -> int:
    """How many rows of activity there are, counted up to `most`."""
    count: int = connection.execute(
        text("SELECT count(*) FROM (SELECT FROM board.activity LIMIT :most) a"), {"most": most}
    ).scalar_one()
    return count


def replace_shelf_pool(connection: Connection, run_id: int, postings: bytes) -> None:
    """Write the postings that a run's profiles are ranked over, as they are now."""
    connection.execute(
        text("""
            INSERT INTO connected_jobs.shelf_pool (run_id, postings) VALUES (:run_id, :postings)
            ON CONFLICT (run_id) DO UPDATE SET postings = excluded.postings
        """),
        {"run_id": run_id, "postings": postings},
    )


def select_runs_to_drop(connection: Connection, keep: Sequence[int]) -> list[int]:
    """Runs that hold lists although nothing needs them; one whose dropping was cut short comes first."""
    return list(
        connection.execute(
            text("""
                SELECT r.id
                FROM connected_jobs.refresh_run r
                LEFT JOIN pg_class c ON c.oid = to_regclass('connected_jobs.recommendation_list_' || r.id)
                LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
                WHERE (r.state <> 'dropped' OR c.oid IS NOT NULL) AND NOT r.id = ANY(:keep)
                ORDER BY i.inhdetachpending IS TRUE DESC, r.id
            """),
            {"keep": list(keep)},
        ).scalars()
    )


def drop_run(engine: Engine, run_id: int, *, wait_s: float = DROP_WAIT_S) -> bool:
    """Drop a run's lists and shelves; no call waits for it.

    A transaction that began to read the lists before may hold on to them: then they stay after `wait_s`, out of
    sight of everybody else, and False says that this is to be called again.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = {round(wait_s * 1000)}"))
        connection.execute(
            text("UPDATE connected_jobs.refresh_run SET state = 'dropped' WHERE id = :run_id"),
            {"run_id": run_id},
        )
        for owned in ("shelf", "shelf_pool", "same_job", "refresh_chunk"):
            connection.execute(
                text(f"DELETE FROM connected_jobs.{owned} WHERE run_id = :run_id"), {"run_id": run_id}
            )
        try:
            _drop_partition(connection, _partition(run_id))
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            return False
    return True


def _drop_partition(connection: Connection, table: str) -> None:
    """Detach the partition without blocking readers, then drop it; resume where an earlier attempt was cut short."""
    detaching = connection.execute(
        text("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:table)"),
        {"table": table},
    ).scalar_one_or_none()
    if detaching is not None:
        how = "FINALIZE" if detaching else "CONCURRENTLY"
        connection.execute(
            text(f"ALTER TABLE connected_jobs.recommendation_list DETACH PARTITION {table} {how}")
        )
    connection.execute(text(f"DROP TABLE IF EXISTS {table}"))


def delete_lists(connection: Connection, member_id: str) -> int:
    """Delete a member's list from every run, those that are being made or dropped included; returns how many."""
    runs = connection.execute(
        text("""
            SELECT id
            FROM connected_jobs.refresh_run
            WHERE to_regclass('connected_jobs.recommendation_list_' || id) IS NOT NULL
        """)
    ).scalars()
    return sum(
        connection.execute(
            text(f"DELETE FROM {_partition(run_id)} WHERE run_id = :run_id AND member_id = :member_id"),
            {"run_id": run_id, "member_id": member_id},
        ).rowcount
        for run_id in runs.all()
    )


def delete_lists_of_members_gone(connection: Connection, run_id: int) -> int:
    """Delete the lists of members who withdrew or were erased while the run was made; returns how many."""
    return connection.execute(
        text(f"""
            DELETE FROM {_partition(run_id)} l
            WHERE NOT EXISTS (
                SELECT FROM board.member m
                WHERE m.id COLLATE "C" = l.member_id AND {TAKES_MAIL}
            )
        """)
    ).rowcount


def analyze_run(engine: Engine, run_id: int) -> None:
    """Let Postgres's planner count a run's partition."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ANALYZE {_partition(run_id)}"))


def _partition(run_id: int) -> str:
    return f"connected_jobs.recommendation_list_{int(run_id)}"
