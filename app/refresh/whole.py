"""The refresh: read the board, fit, rank every member on all cores, publish the run whole."""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from app.postgres.board import schema_check
from app.postgres.board.snapshot import Snapshot, profiles, snapshot
from app.postgres.engines import driver_of
from app.postgres.lists import runs
from app.postgres.lists.model_store import write_model
from app.postgres.lists.publications import Announcement
from app.postgres.lists.refresh_lock import RefreshError, hold_refresh_lock, raise_if_taken_over
from app.recommend.incremental.saved_model import SavedModel
from app.recommend.misfit_share import TOP, MisfitShare, misfit_share, shown_lists
from app.recommend.parallel import split_over_workers
from app.recommend.recommender import fit
from app.refresh.chunks import HERE, ChunkRanker, cores, raise_if_killed
from app.refresh.mailed import job_places, mailed_members, read_mails, shown_to
from app.refresh.publish import publish
from app.refresh.recipes import USUAL
from app.refresh.report import RunReport, Stages
from app.refresh.shrink_guard import LEAST_PERCENT, shrink_guard
from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import psycopg
    from sqlalchemy import Engine

    from app.board.model import ActivityLog, Member, Posting
    from app.postgres.board.left_out import LeftOutRows
    from app.recommend.mailed.clicks import MailedMembers
    from app.recommend.ranked import RankedPosting
    from app.recommend.recommender import Recommender
    from app.refresh.chunks import Ranking
    from app.refresh.mailed import KnownMails
    from app.refresh.publish import PublishedRun
    from app.refresh.recipes import Recipe

_JUDGED_MEMBERS = 1_000  # members whose lists are judged
# Activity that was not yet committed when the snapshot was taken is looked at again at send time.
COMMIT_MARGIN = timedelta(minutes=10)


def refresh(
    engine: Engine,
    *,
    recipe: Recipe = USUAL,
    publication_delay: timedelta = timedelta(0),
    least_percent: int = LEAST_PERCENT,
    by: str | None = None,
    processes: int | None = None,
    ranking: Ranking = HERE,
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> RunReport:
    """Make a new run from the board as it is now and publish it.

    The run of a refresh that was killed is resumed by the next one if the board is unchanged, else dropped.

    Args:
        engine: The database, with the right to read `board` and to write `connected_jobs`.
        recipe: The recommender's options, and what the lists are published as.
        publication_delay: How long sends still begin with the current lists; the first run has no delay.
        least_percent: The smallest share of the last refresh's counts that is accepted; 0 accepts anything.
        by: Who publishes.
        processes: How many processes fit and rank at once (default: one a core).
        ranking: How members are ranked; a cluster ranks by what its workers read, whole and as of the fit.
        progress: Called with each stage and the share of it that is done.

    Raises:
        RefreshError: another refresh is running, the board is empty or of another shape, or a process was killed.
        ShrunkError: the board or the lists are far smaller than last time.
    """
    with hold_refresh_lock(engine) as lock:
        stages = Stages()
        guard = shrink_guard(engine, least_percent=least_percent, recipe=recipe.name)
        board = _read(engine, progress)
        stages.end("read")
        inputs = board.inputs(ranking.chunk_members)
        guard.check_seen(runs.BoardCounts(inputs.members, inputs.postings, inputs.activity))
        run = _begin(engine, inputs, recipe, taken_at=board.taken_at)
        mailed = _fit(engine, board, recipe, now=run.started_at, processes=processes, progress=progress)
        write_model(engine, run.id, SavedModel.of(model := mailed.recommender, board.postings))
        stages.end("fit")
        ranking.rank(_ranker(engine, board, mailed, run.id, ranking), run.done, processes, progress)
        stages.end("rank")
        misfits = _misfits(engine, run.id, board, model)
        announced = Announcement(what="refresh", by=by, delay=publication_delay, recipe=recipe.name)
        lock.ensure()
        measures = _measures(run, stages, board, misfits)
        published = publish(engine, run.id, model, board.postings, measures, guard=guard, announced=announced)
        stages.end("publish")
        return _report(run, inputs, published, stages, board, misfits)


def _fit(
    engine: Engine,
    board: _Board,
    recipe: Recipe,
    *,
    now: datetime,
    processes: int | None,
    progress: Callable[[str, float], None],
) -> MailedMembers:
    """The model of the whole board and what mails taught, on as many cores as there are processes.

    Raises:
        RefreshError: a process was killed.
    """
    with (
        closing(_ProfileReader(engine, board.member_ids, board.left_out)) as members,
        raise_if_killed(),
        split_over_workers(cores(processes), first=end_with_parent(signal.SIGKILL)),
    ):
        model = fit(
            board.postings,
            board.member_ids,
            board.activity,
            members,
            now=now,
            options=recipe.options,
            progress=progress,
        )
        return mailed_members(engine, model, board.mails, board.activity, board.member_ids, members)


def _ranker(
    engine: Engine, board: _Board, mailed: MailedMembers, run_id: int, ranking: Ranking
) -> ChunkRanker:
    """Ranks every member by their place in the board, with the profile they have when their chunk is ranked.

    Exposures are read then too: those of mails sent before the snapshot, also where they became known after it.
    """
    model = mailed.recommender
    job_of = job_places(model) if board.mails.any and model.options.learn_from_mails else None

    def rank(driver: psycopg.Connection, positions: range, ids: Sequence[str]) -> list[list[RankedPosting]]:
        shown = None if job_of is None else shown_to(driver, ids, job_of, now=model.now)
        return mailed.rank(positions, profiles(driver, ids, board.left_out), shown=shown)

    return ChunkRanker(engine, rank, board.member_ids, run_id, ranking.chunk_members)


def _misfits(engine: Engine, run_id: int, board: _Board, model: Recommender) -> MisfitShare:
    """How many of the first places of some members' lists misfit plainly; of `_JUDGED_MEMBERS` members or twice as many."""
    ids = board.member_ids[:: max(1, len(board.member_ids) // _JUDGED_MEMBERS)]
    with raise_if_taken_over(), engine.connect() as connection:
        people = profiles(driver_of(connection), ids, board.left_out)
        tops = runs.select_tops(connection, run_id, ids, TOP)
    return misfit_share(
        shown_lists(people, tops, model.catalogue, board.activity, board.member_ids), model.catalogue
    )


def _measures(run: runs.OpenRun, stages: Stages, board: _Board, misfits: MisfitShare) -> dict[str, object]:
    """What the run's row keeps of how the refresh went, as JSON values."""
    return {
        "seconds": stages.seconds,
        "model": run.id,
        "rows_left_out": board.left_out.rows,
        "misfits": misfits.to_json(),
    }


def _report(
    run: runs.OpenRun,
    inputs: runs.RunInputs,
    published: PublishedRun,
    stages: Stages,
    board: _Board,
    misfits: MisfitShare,
) -> RunReport:
    return RunReport(
        run_id=run.id,
        members=inputs.members,
        ranked=inputs.members,
        postings=inputs.postings,
        activity=inputs.activity,
        resumed_chunks=len(run.done),
        extent=published.extent,
        effective_at=published.effective_at,
        not_dropped=published.not_dropped,
        seconds=stages.seconds,
        left_out=board.left_out.sentences(),
        same_jobs=published.same_jobs,
        misfits=misfits.any,
    )


@dataclass(frozen=True, slots=True)
class _Board:
    taken_at: datetime
    postings: Sequence[Posting]
    member_ids: Sequence[str]
    profiles_changed_at: datetime | None
    activity: ActivityLog
    mails: KnownMails
    left_out: LeftOutRows

    def inputs(self, chunk_members: int) -> runs.RunInputs:
        digest = blake2b(digest_size=16)
        digest.update("\n".join([*self.member_ids, str(self.profiles_changed_at), self.mails.state]).encode())
        for posting in self.postings:
            state = f"{posting.updated_at} {posting.status} {posting.deadline} {posting.deadline_time}"
            digest.update(f"\n{posting.id} {state}".encode())
        for log in (self.activity, self.mails.clicks):
            for column in (log.member, log.posting, log.kind, log.at):
                digest.update(column.tobytes())
        return runs.RunInputs(
            len(self.member_ids),
            len(self.postings),
            len(self.activity.at),
            chunk_members,
            digest.hexdigest(),
        )


def _read(engine: Engine, progress: Callable[[str, float], None]) -> _Board:
    """The whole board but for profiles, by one instant.

    Raises:
        RefreshError: the board is of another shape, or has no postings.
    """
    progress("read", 0.0)
    with snapshot(engine) as board:
        postings = read_postings(board)
        progress("read", 0.2)
        member_ids = board.member_ids()
        progress("read", 0.4)
        profiles_changed_at = board.profiles_changed_at()
        posting_ids = [posting.id for posting in postings]
        activity, mails = board.activity(posting_ids), read_mails(board, posting_ids)
        progress("read", 1.0)
        return _Board(
            board.taken_at, postings, member_ids, profiles_changed_at, activity, mails, board.left_out
        )


def read_postings(board: Snapshot) -> list[Posting]:
    """The catalogue, sorted by id.

    Raises:
        RefreshError: the board is of another shape, or has no postings.
    """
    if found := schema_check.mismatches(board.connection):
        raise RefreshError(" ".join(found))
    postings = board.postings()
    if not postings:
        raise RefreshError(
            " ".join(
                [
                    "The board has no postings: import them first, or check the views in schema board.",
                    *board.left_out.sentences(),
                ]
            )
        )
    return postings


def _begin(engine: Engine, inputs: runs.RunInputs, recipe: Recipe, *, taken_at: datetime) -> runs.OpenRun:
    chosen = asdict(recipe.options)
    with engine.begin() as connection:
        unfinished = runs.select_unfinished_run(connection, inputs, chosen, recipe=recipe.name)
        return unfinished or runs.insert_run(
            connection,
            inputs,
            chosen,
            recipe=recipe.name,
            started_at=taken_at,
            cutoff_at=taken_at - COMMIT_MARGIN,
        )


class _ProfileReader:
    """Profiles by position in the sorted member ids, on a connection of its own."""

    def __init__(self, engine: Engine, member_ids: Sequence[str], left_out: LeftOutRows) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._member_ids = member_ids
        self._left_out = left_out

    def __call__(self, positions: Sequence[int]) -> list[Member]:
        ids = [self._member_ids[position] for position in positions]
        return profiles(driver_of(self._connection), ids, self._left_out)

    def close(self) -> None:
        self._connection.close()
