"""The refresh of what changed: a new run in which most lists are those of the run before.

The model (factors, weights, prices and all else that was learned) is that of the last whole refresh. Ranked again are
members with activity since the run before, or an application that arrived late, with an edited profile, without a list,
with a list that holds a posting
which may not be shown as it was, and those to whom a new posting is offered: the readers of the postings most like
it. Everybody else's list is copied, and is what the model would say again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import text

from app.board.model import ActivityLog, Kind
from app.postgres.board.snapshot import profiles, snapshot
from app.postgres.lists import runs
from app.postgres.lists.model_store import read_kept_model
from app.postgres.lists.publications import Announcement
from app.postgres.lists.publishing import publish
from app.postgres.lists.refresh_lock import RefreshError, only_refresh
from app.postgres.lists.shrinking import LEAST_PERCENT, guard_of, seen_by_changed
from app.recommend.incremental.saved_model import Kept, KeptModelError
from app.recommend.incremental.update import Carried, carry
from app.refresh.whole import (
    CHUNK,
    LATE,
    ChunkRanker,
    RunReport,
    Stages,
    rank_on_all_cores,
    read_postings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import psycopg
    from sqlalchemy import Connection, Engine

    from app.board.model import Posting, RankedPosting

LATE_APPLICATIONS = timedelta(days=3)  # logs that are filled nightly, and a night that failed
HEAD = 10  # places of a list that are looked at to see whom a new posting is offered to
_ACTIVITY = """
    SELECT member_id, posting_id, kind, floor(extract(epoch FROM greatest('epoch', least(occurred_at, now()))))::bigint
    FROM board.activity
    WHERE member_id = ANY(%s) AND kind IN ('view', 'scrap', 'apply') AND occurred_at IS NOT NULL
"""


def refresh_changed(
    engine: Engine,
    *,
    publication_delay: timedelta = timedelta(0),
    least_percent: int = LEAST_PERCENT,
    by: str | None = None,
    processes: int | None = None,
    chunk_members: int = CHUNK,
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> RunReport:
    """Make a new run from the one published last and what changed since, and publish it.

    One that was killed leaves a run nobody reads, which the next refresh drops.

    Args:
        engine: As for a whole refresh.
        publication_delay: How long sends still begin with the lists there are.
        least_percent: How much of what the last refresh saw and made this one must; 0 is anything.
        by: Who publishes.
        processes: How many rank at once (default: one a core).
        chunk_members: How many members are ranked and written at once, by one process.
        progress: Told each stage and the share of it that is done.

    Raises:
        RefreshError: there is no run to go on from, another refresh is running, or a process was killed.
        ShrunkError: the board or the lists are far smaller than last time.
    """
    with only_refresh(engine) as lock:
        stages = Stages()
        with engine.connect() as connection:
            guard = guard_of(connection, least_percent=least_percent)
        with snapshot(engine) as board:
            progress("read", 0.0)
            before, kept = _before(board.connection)
            postings = read_postings(board)
            carried = carry(kept, postings, now=board.taken_at)
            progress("read", 0.5)
            members, touched = _members(board.connection, before, carried, postings)
            guard.check_seen(
                seen_by_changed(board.connection, guard, members=members, postings=len(postings))
            )
            progress("read", 1.0)
        stages.ended("read")
        inputs = runs.Inputs(
            members, len(postings), 0, chunk_members, f"changed since run {before.id} at {board.taken_at}"
        )
        with engine.begin() as connection:
            run = runs.insert_run(
                connection,
                inputs,
                before.options,
                started_at=board.taken_at,
                cutoff_at=board.taken_at - LATE,
            )
            runs.copy_lists(connection, run.id, before.id, but=touched)
        stages.ended("copy")

        def rank(driver: psycopg.Connection, _: range, ids: Sequence[str]) -> list[list[RankedPosting]]:
            return rank_again(carried, driver, ids)

        ranker = ChunkRanker(engine, rank, touched, run.id, chunk_members)
        rank_on_all_cores(ranker, (), processes, progress)
        stages.ended("rank")
        lock.ensure()
        published = publish(
            engine,
            run.id,
            carried.model,
            postings,
            {"seconds": stages.seconds, "model": before.model_run_id, "rows_left_out": board.left_out.rows},
            guard=guard,
            announced=Announcement(what="changed", by=by, delay=publication_delay, instead_of=before.id),
        )
        stages.ended("publish")
        return RunReport(
            run.id,
            members,
            len(touched),
            len(postings),
            0,
            0,
            published.extent,
            published.effective_at,
            published.not_dropped,
            stages.seconds,
            board.left_out.sentences(),
            same_jobs=published.same_jobs,
        )


@dataclass(frozen=True, slots=True)
class _Before:
    """The run published last: since when there may be changes, and which run's model it was made with."""

    id: int
    cutoff_at: datetime
    options: Mapping[str, object]
    model_run_id: int


def _before(connection: Connection) -> tuple[_Before, Kept]:
    row = connection.execute(
        text("""
            SELECT r.id, r.cutoff_at, r.options, coalesce((r.measures ->> 'model')::bigint, r.id)
            FROM connected_jobs.publication p
            JOIN connected_jobs.refresh_run r ON r.id = p.run_id
            WHERE r.state = 'ready'
            ORDER BY p.id DESC
            LIMIT 1
        """)
    ).one_or_none()
    if row is None:
        raise RefreshError("There is no run to go on from: run `connected-jobs refresh` first.")
    try:
        return _Before(*row), read_kept_model(connection, row[3])
    except KeptModelError as error:
        raise RefreshError(
            f"The model of run {row[0]} cannot be taken up ({error}) Run `connected-jobs refresh`."
        ) from error


def _members(
    connection: Connection, before: _Before, carried: Carried, postings: Sequence[Posting]
) -> tuple[int, list[str]]:
    """How many members take mail, and which of them are to be ranked again, sorted."""
    recent = {posting.id for posting in postings if posting.updated_at >= before.cutoff_at}
    found = connection.execute(
        text(rf"""
            WITH active AS MATERIALIZED (
                SELECT DISTINCT member_id
                FROM board.activity
                WHERE occurred_at > :since AND kind IN ('view', 'scrap', 'apply')
                UNION
                SELECT a.member_id
                FROM board.activity a
                JOIN connected_jobs.recommendation_list l ON l.run_id = :run AND l.member_id = a.member_id
                WHERE a.occurred_at > :late AND a.kind = 'apply' AND a.posting_id = ANY(l.posting_ids)
            )
            SELECT m.id,
                   a.member_id IS NOT NULL
                   OR m.updated_at >= :since
                   OR l.member_id IS NULL
                   OR EXISTS (SELECT FROM unnest(l.posting_ids) p WHERE p <> ALL(:open) OR p = ANY(:replaced))
                   OR EXISTS (SELECT FROM unnest(l.posting_ids[1\:{HEAD}]) p WHERE p = ANY(:like))
            FROM board.member m
            LEFT JOIN active a ON a.member_id = m.id
            LEFT JOIN connected_jobs.recommendation_list l ON l.run_id = :run AND l.member_id = m.id
            WHERE m.mail_consent AND m.withdrawn_at IS NULL AND m.id <> ''
            ORDER BY m.id COLLATE "C"
        """),
        {
            "since": before.cutoff_at,
            "late": before.cutoff_at - LATE_APPLICATIONS,
            "run": before.id,
            "open": carried.open_ids(),
            "replaced": sorted(carried.replaced & recent),
            "like": sorted(carried.like(recent)),
        },
    ).all()
    touched: dict[str, bool] = {}  # a view may have a member twice
    for member_id, is_touched in found:
        touched[member_id] = is_touched or touched.get(member_id, False)
    return len(touched), [member_id for member_id, is_touched in touched.items() if is_touched]


def rank_again(carried: Carried, driver: psycopg.Connection, ids: Sequence[str]) -> list[list[RankedPosting]]:
    """The lists that a kept model makes for members, from their profiles and activity as they are now."""
    people = profiles(driver, ids)
    model = carried.about(_activity(driver, ids, carried), people)
    return model.rank(range(len(ids)), people)


def _activity(driver: psycopg.Connection, ids: Sequence[str], carried: Carried) -> ActivityLog:
    """What members did, by their places in `ids` and the postings' in the model."""
    place = {member_id: at for at, member_id in enumerate(ids)}
    position_of, stands_for = carried.position_of, carried.stands_for
    rows = [
        (place[member], position_of[posting], Kind[kind.upper()], at, posting in stands_for)
        for member, posting, kind, at in driver.execute(_ACTIVITY, [list(ids)])
        if posting in position_of
    ]
    member, posting, kind, at, itself = np.array(rows, np.int64).reshape(-1, 5).T
    order = np.lexsort((kind, posting, at, member))
    return ActivityLog(
        member[order].astype(np.int32),
        posting[order].astype(np.int32),
        kind[order].astype(np.int8),
        at[order],
        itself[order].astype(np.bool_),
    )
