"""The refresh of what changed: a new run in which most lists are those of the run before.

The model (factors, weights, prices and all else that was fitted) is that of the last whole refresh. Ranked again are
members with activity since the run before, or an application that arrived late; with an edited profile; without a
list; with a list that holds a posting which may not be shown as it was; and those to whom a new posting is offered:
the readers of the postings most like it. Everybody else's list is copied, and is what the model would say again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.postgres.board.snapshot import snapshot
from app.postgres.lists import runs
from app.postgres.lists.changes import PreviousRun, select_members, select_previous_run
from app.postgres.lists.model_store import read_model
from app.postgres.lists.publications import Announcement
from app.postgres.lists.refresh_lock import RefreshError, hold_refresh_lock
from app.recommend.incremental.saved_model import SavedModel, SavedModelError
from app.recommend.incremental.update import UpdatedModel, update
from app.refresh.chunks import CHUNK_MEMBERS, ChunkRanker, rank_all
from app.refresh.folded_in import rank_again
from app.refresh.publish import publish
from app.refresh.report import RunReport, Stages
from app.refresh.shrink_guard import LEAST_PERCENT, count_seen, shrink_guard
from app.refresh.whole import COMMIT_MARGIN, read_postings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg
    from sqlalchemy import Connection, Engine

    from app.board.model import Posting
    from app.postgres.board.left_out import LeftOutRows
    from app.postgres.board.snapshot import Snapshot
    from app.recommend.ranked import RankedPosting
    from app.refresh.publish import PublishedRun
    from app.refresh.shrink_guard import ShrinkGuard


def refresh_changed(
    engine: Engine,
    *,
    publication_delay: timedelta = timedelta(0),
    least_percent: int = LEAST_PERCENT,
    by: str | None = None,
    processes: int | None = None,
    chunk_members: int = CHUNK_MEMBERS,
    recipe: str | None = None,
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> RunReport:
    """Make a new run from the one published last and what changed since, and publish it.

    A refresh that is killed leaves an unpublished run, which the next refresh drops.

    Args:
        engine: As for a whole refresh.
        publication_delay: How long sends still begin with the current lists.
        least_percent: The smallest share of the last refresh's counts that is accepted; 0 accepts anything.
        by: Who publishes.
        processes: How many processes rank at once (default: one a core).
        chunk_members: How many members one process ranks and writes at a time.
        recipe: Whose lists, in place of the usual ones; with the options and the model of its last whole refresh.
        progress: Called with each stage and the share of it that is done.

    Raises:
        RefreshError: there is no run to go on from, another refresh is running, or a process was killed.
        ShrunkError: the board or the lists are far smaller than last time.
    """
    with hold_refresh_lock(engine) as lock:
        stages = Stages()
        guard = shrink_guard(engine, least_percent=least_percent, recipe=recipe)
        with snapshot(engine) as board:
            changes = _read(board, guard, recipe, progress)
        stages.end("read")
        run_id = _begin(engine, board, changes, chunk_members)
        stages.end("copy")
        rank_all(_ranker(engine, changes, run_id, chunk_members), (), processes, progress)
        stages.end("rank")
        model, announced = changes.updated.recommender, _announced(changes, by, publication_delay)
        measures = _measures(changes, stages, board.left_out)
        lock.ensure()
        published = publish(
            engine, run_id, model, changes.postings, measures, guard=guard, announced=announced
        )
        stages.end("publish")
        return _report(run_id, changes, published, stages, board.left_out)


def _measures(changes: _Changes, stages: Stages, left_out: LeftOutRows) -> dict[str, object]:
    return {
        "seconds": stages.seconds,
        "model": changes.previous.model_run_id,
        "rows_left_out": left_out.rows,
    }


def _announced(changes: _Changes, by: str | None, delay: timedelta) -> Announcement:
    return Announcement(
        what="changed", by=by, delay=delay, instead_of=changes.previous.id, recipe=changes.recipe
    )


@dataclass(frozen=True, slots=True)
class _Changes:
    """What changed since the run published last.

    Attributes:
        recipe: Of which lists; None for the usual ones.
        previous: That run.
        updated: Its model over the board as it is now.
        postings: The board's postings, sorted by id.
        members: How many members take mail.
        touched: Ids of those to be ranked again, sorted.
    """

    recipe: str | None
    previous: PreviousRun
    updated: UpdatedModel
    postings: Sequence[Posting]
    members: int
    touched: Sequence[str]


def _read(
    board: Snapshot, guard: ShrinkGuard, recipe: str | None, progress: Callable[[str, float], None]
) -> _Changes:
    """What changed, by one instant of the board.

    Raises:
        RefreshError: there is no run to go on from, or the board has no postings.
        ShrunkError: the board is far smaller than last time.
    """
    progress("read", 0.0)
    previous, saved = _previous(board.connection, recipe)
    postings = read_postings(board)
    updated = update(saved, postings, now=board.taken_at)
    progress("read", 0.5)
    recent = {posting.id for posting in postings if posting.updated_at >= previous.cutoff_at}
    members = select_members(
        board.connection,
        previous,
        shown=updated.open_ids(),
        replaced=updated.replaced & recent,
        similar=updated.similar(recent),
    )
    guard.check_seen(count_seen(board.connection, guard, members=len(members), postings=len(postings)))
    progress("read", 1.0)
    touched = [member_id for member_id, is_touched in members.items() if is_touched]
    return _Changes(recipe, previous, updated, postings, len(members), touched)


def _previous(connection: Connection, recipe: str | None) -> tuple[PreviousRun, SavedModel]:
    """The run to go on from and its model.

    Raises:
        RefreshError: there is none, or the model cannot be read.
    """
    previous = select_previous_run(connection, recipe)
    whole = "connected-jobs refresh" + ("" if recipe is None else f" --recipe {recipe}")
    if previous is None:
        raise RefreshError(f"There is no run to go on from: run `{whole}` first.")
    try:
        return previous, read_model(connection, previous.model_run_id)
    except SavedModelError as error:
        raise RefreshError(
            f"The model of run {previous.id} cannot be taken up ({error}) Run `{whole}`."
        ) from error


def _begin(engine: Engine, board: Snapshot, changes: _Changes, chunk_members: int) -> int:
    """Begin a run that holds the lists of all who are not ranked again; returns its number."""
    previous = changes.previous
    inputs = runs.RunInputs(
        changes.members,
        len(changes.postings),
        0,
        chunk_members,
        f"changed since run {previous.id} at {board.taken_at}",
    )
    with engine.begin() as connection:
        run = runs.insert_run(
            connection,
            inputs,
            previous.options,
            recipe=changes.recipe,
            started_at=board.taken_at,
            cutoff_at=board.taken_at - COMMIT_MARGIN,
        )
        runs.copy_lists(connection, run.id, previous.id, but=changes.touched)
    return run.id


def _ranker(engine: Engine, changes: _Changes, run_id: int, chunk_members: int) -> ChunkRanker:
    """Ranks the members whose lists must be made again, by their profiles and activity as they are now."""

    def rank(driver: psycopg.Connection, _: range, ids: Sequence[str]) -> list[list[RankedPosting]]:
        return rank_again(changes.updated, driver, ids)

    return ChunkRanker(engine, rank, changes.touched, run_id, chunk_members)


def _report(
    run_id: int, changes: _Changes, published: PublishedRun, stages: Stages, left_out: LeftOutRows
) -> RunReport:
    return RunReport(
        run_id=run_id,
        members=changes.members,
        ranked=len(changes.touched),
        postings=len(changes.postings),
        extent=published.extent,
        effective_at=published.effective_at,
        not_dropped=published.not_dropped,
        seconds=stages.seconds,
        left_out=left_out.sentences(),
        same_jobs=published.same_jobs,
    )
