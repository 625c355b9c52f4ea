"""The refresh: read the board, fit, rank every member on all cores, publish the run whole."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from app.postgres.board import schema_check as board_shape
from app.postgres.board.snapshot import Snapshot, profiles, snapshot
from app.postgres.engines import driver_of
from app.postgres.lists import runs
from app.postgres.lists.model_store import write_kept_model
from app.postgres.lists.publications import Announcement
from app.postgres.lists.publishing import publish
from app.postgres.lists.refresh_lock import RefreshError, only_refresh, told_if_taken_over
from app.postgres.lists.shrinking import LEAST_PERCENT, guard_of
from app.recommend.incremental.saved_model import keep
from app.recommend.misfit_share import TOP, MisfitShare, misfit_share, shown_to
from app.recommend.parallel import on_cores
from app.recommend.recommender import Options, fit
from app.refresh.chunks import rank_all
from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime

    import psycopg
    from sqlalchemy import Engine

    from app.board.model import ActivityLog, Member, Posting, RankedPosting
    from app.postgres.board.left_out import LeftOut
    from app.recommend.recommender import Model
    from app.refresh.chunks import RanksChunks

_JUDGED = 1_000  # members whose lists are judged
CHUNK = 1_000  # members ranked and written at once, by one process
# Activity that was not yet committed when the snapshot was taken is looked at again at send time.
LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a refresh went.

    Attributes:
        ranked: Members ranked; of the others the lists of the run before stand.
        extent: Lists made and places in them, copied ones included.
        not_dropped: Old runs whose lists a reader held on to, or Postgres could not drop.
        seconds: By stage.
        left_out: Sentences on the board's rows that could not be used.
        same_jobs: Postings that are a job which another posting stands for.
        misfits: Share of the first ten places of some members' lists that misfit plainly; none of a run of what changed.
    """

    run_id: int
    members: int
    ranked: int
    postings: int
    activity: int
    resumed_chunks: int
    extent: runs.Extent
    effective_at: datetime
    not_dropped: Sequence[int]
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    same_jobs: int = 0
    misfits: float | None = None


def refresh(
    engine: Engine,
    *,
    options: Options | None = None,
    publication_delay: timedelta = timedelta(0),
    least_percent: int = LEAST_PERCENT,
    by: str | None = None,
    processes: int | None = None,
    chunk_members: int = CHUNK,
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> RunReport:
    """Make a new run from the board as it is now and publish it.

    A refresh that was killed leaves a run nobody reads; the next one resumes it where the board is still the
    same, else begins anew and drops it.

    Args:
        engine: The database, with the right to read `board` and to write `connected_jobs`.
        options: What the recommender is told.
        publication_delay: How long sends still begin with the lists there are; the first run has no delay.
        least_percent: How much of what the last refresh saw and made this one must; 0 is anything.
        by: Who publishes.
        processes: How many cores learn, and how many processes rank, at once (default: all).
        chunk_members: How many members are ranked and written at once, by one process.
        progress: Told each stage and the share of it that is done.

    Raises:
        RefreshError: another refresh is running, the board is empty or of another shape, or a process was killed.
        ShrunkError: the board or the lists are far smaller than last time.
    """
    options = options or Options()
    with only_refresh(engine) as lock:
        stages = Stages()
        with engine.connect() as connection:
            guard = guard_of(connection, least_percent=least_percent)
        with snapshot(engine) as board:
            read = _read(board, progress)
        stages.ended("read")
        inputs = read.inputs(chunk_members)
        guard.check_seen(runs.Seen(inputs.members, inputs.postings, inputs.activity))
        run = _begin(engine, inputs, options, taken_at=read.taken_at)
        with (
            closing(_ProfileReader(engine, read.member_ids, read.left_out)) as members,
            _on_all_cores(processes),
        ):
            model = fit(
                read.postings,
                read.member_ids,
                read.activity,
                members,
                now=run.started_at,
                options=options,
                progress=progress,
            )
        write_kept_model(engine, run.id, keep(model, read.postings))
        stages.ended("fit")

        def rank(
            driver: psycopg.Connection, positions: range, ids: Sequence[str]
        ) -> list[list[RankedPosting]]:
            return model.rank(positions, profiles(driver, ids, read.left_out))

        ranker = ChunkRanker(engine, rank, read.member_ids, run.id, chunk_members)
        rank_on_all_cores(ranker, run.done, processes, progress)
        stages.ended("rank")
        misfits = _misfits(engine, run.id, read, model)
        lock.ensure()
        published = publish(
            engine,
            run.id,
            model,
            read.postings,
            {
                "seconds": stages.seconds,
                "model": run.id,
                "rows_left_out": read.left_out.rows,
                "misfits": misfits.to_json(),
            },
            guard=guard,
            announced=Announcement(what="refresh", by=by, delay=publication_delay),
        )
        stages.ended("publish")
        return RunReport(
            run.id,
            inputs.members,
            inputs.members,
            inputs.postings,
            inputs.activity,
            len(run.done),
            published.extent,
            published.effective_at,
            published.not_dropped,
            stages.seconds,
            read.left_out.sentences(),
            same_jobs=published.same_jobs,
            misfits=misfits.any,
        )


def _misfits(engine: Engine, run_id: int, read: _Board, model: Model) -> MisfitShare:
    """How many of the first places of some members' lists misfit plainly."""
    ids = read.member_ids[:: max(1, len(read.member_ids) // _JUDGED)]
    with told_if_taken_over(), engine.connect() as connection:
        people = profiles(driver_of(connection), ids, read.left_out)
        tops = runs.select_tops(connection, run_id, ids, TOP)
    return misfit_share(shown_to(people, tops, model.stock, read.activity, read.member_ids), model.stock)


@dataclass(slots=True)
class Stages:
    """How long each stage took."""

    started_s: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def ended(self, stage: str) -> None:
        """The stage that was under way has ended."""
        now_s = time.monotonic()
        self.seconds[stage] = round(now_s - self.started_s, 3)
        self.started_s = now_s


@dataclass(frozen=True, slots=True)
class _Board:
    taken_at: datetime
    postings: Sequence[Posting]
    member_ids: Sequence[str]
    profiles_changed_at: datetime | None
    activity: ActivityLog
    left_out: LeftOut

    def inputs(self, chunk_members: int) -> runs.Inputs:
        digest = blake2b(digest_size=16)
        digest.update("\n".join([*self.member_ids, str(self.profiles_changed_at)]).encode())
        for posting in self.postings:
            state = f"{posting.updated_at} {posting.status} {posting.deadline} {posting.deadline_time}"
            digest.update(f"\n{posting.id} {state}".encode())
        for column in (self.activity.member, self.activity.posting, self.activity.kind, self.activity.at):
            digest.update(column.tobytes())
        return runs.Inputs(
            len(self.member_ids),
            len(self.postings),
            len(self.activity.at),
            chunk_members,
            digest.hexdigest(),
        )


def _read(board: Snapshot, progress: Callable[[str, float], None]) -> _Board:
    progress("read", 0.0)
    postings = read_postings(board)
    progress("read", 0.2)
    member_ids = board.member_ids()
    progress("read", 0.4)
    profiles_changed_at = board.profiles_changed_at()
    activity = board.activity([posting.id for posting in postings])
    progress("read", 1.0)
    return _Board(board.taken_at, postings, member_ids, profiles_changed_at, activity, board.left_out)


def read_postings(board: Snapshot) -> list[Posting]:
    """The catalogue, sorted by id.

    Raises:
        RefreshError: the board is of another shape, or has no postings.
    """
    if misfits := board_shape.misfits(board.connection):
        raise RefreshError(" ".join(misfits))
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


def _begin(engine: Engine, inputs: runs.Inputs, options: Options, *, taken_at: datetime) -> runs.OpenRun:
    chosen = asdict(options)
    with engine.begin() as connection:
        unfinished = runs.select_unfinished_run(connection, inputs, chosen)
        return unfinished or runs.insert_run(
            connection, inputs, chosen, started_at=taken_at, cutoff_at=taken_at - LATE
        )


class _ProfileReader:
    """Profiles by position in the sorted member ids, on a connection of its own."""

    def __init__(self, engine: Engine, member_ids: Sequence[str], left_out: LeftOut) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._member_ids = member_ids
        self._left_out = left_out

    def __call__(self, positions: Sequence[int]) -> list[Member]:
        ids = [self._member_ids[position] for position in positions]
        return profiles(driver_of(self._connection), ids, self._left_out)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class ChunkRanker:
    """Ranks members a chunk at a time and writes their lists.

    `rank` is told the members' places in `member_ids` and their ids, and has a connection to read what it needs.
    """

    engine: Engine
    rank: Callable[[psycopg.Connection, range, Sequence[str]], list[list[RankedPosting]]]
    member_ids: Sequence[str]
    run_id: int
    chunk_members: int

    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-len(self.member_ids) // self.chunk_members)

    def __call__(self, number: int) -> None:
        """Rank a chunk and write its lists."""
        first = number * self.chunk_members
        positions = range(first, min(first + self.chunk_members, len(self.member_ids)))
        ids = [self.member_ids[position] for position in positions]
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver = driver_of(connection)
            ranked = self.rank(driver, positions, ids)
            with told_if_taken_over():
                runs.copy_chunk(driver, self.run_id, number, zip(ids, ranked, strict=True))


def rank_on_all_cores(
    ranker: RanksChunks,
    done: Collection[int],
    processes: int | None,
    progress: Callable[[str, float], None],
) -> None:
    """Rank every chunk that is not in yet.

    Raises:
        RefreshError: a process was killed.
    """
    with _told_if_killed():
        rank_all(ranker, done, _at_once(processes), progress)


@contextmanager
def _on_all_cores(processes: int | None) -> Iterator[None]:
    with _told_if_killed(), on_cores(_at_once(processes), first=end_with_parent(signal.SIGKILL)):
        yield


@contextmanager
def _told_if_killed() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise RefreshError(
            "A process of the refresh was killed, most often for want of memory: run it again, it goes on where "
            "it stopped; --processes 1 needs the least memory."
        ) from error


def _at_once(processes: int | None) -> int:
    """How many cores to use: as many as asked for, or all."""
    return processes or os.cpu_count() or 1
