"""The refresh: read the board, fit, rank every member on all cores, publish the run whole."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.postgres import board_shape, runs
from app.postgres.board_snapshot import Snapshot, profiles, snapshot
from app.postgres.kept_models import drop_kept_models, write_kept_model
from app.postgres.offspring import end_with_parent
from app.postgres.ranking import rank_all
from app.recommend.cores import on_cores
from app.recommend.kept import keep
from app.recommend.refresh import Options, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import psycopg
    from sqlalchemy import Engine

    from app.postgres.left_out import LeftOut
    from app.postgres.ranking import RanksChunks
    from app.recommend.board import ActivityLog, Member, Posting, RankedPosting
    from app.recommend.refresh import Model

CHUNK = 1_000  # members ranked and written at once, by one process
# Activity that was not yet committed when the snapshot was taken is looked at again at send time.
LATE = timedelta(minutes=10)
_ONE_REFRESH = 4_250_112_028  # an advisory lock's number, as in `migrate`


class RefreshError(Exception):
    """The refresh cannot go on; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a refresh went.

    Attributes:
        ranked: Members ranked; of the others the lists of the run before stand.
        not_dropped: Old runs whose lists a reader held on to.
        seconds: By stage.
        left_out: Sentences on the board's rows that could not be used.
    """

    run_id: int
    members: int
    ranked: int
    postings: int
    activity: int
    resumed_chunks: int
    effective_at: datetime
    not_dropped: Sequence[int]
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: Sequence[str] = ()


def refresh(
    engine: Engine,
    *,
    options: Options | None = None,
    publication_delay: timedelta = timedelta(0),
    processes: int | None = None,
    chunk_members: int = CHUNK,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> RunReport:
    """Make a new run from the board as it is now and publish it.

    A refresh that was killed leaves a run nobody reads; the next one resumes it where the board is still the
    same, else begins anew and drops it.

    Args:
        engine: The database, with the right to read `board` and to write `connected_jobs`.
        options: What the recommender is told.
        publication_delay: How long campaigns under way keep the lists they have; the first run has no delay.
        processes: How many cores learn, and how many processes rank, at once (default: all).
        chunk_members: How many members are ranked and written at once, by one process.
        now: The clock.
        progress: Told each stage and the share of it that is done.

    Raises:
        RefreshError: another refresh is running, the board is empty or of another shape, or a process was killed.
    """
    options = options or Options()
    with only_refresh(engine):
        stages = Stages()
        with snapshot(engine) as board:
            read = _read(board, progress)
        stages.ended("read")
        inputs = read.inputs(chunk_members)
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
        measures = {"seconds": stages.seconds, "model": run.id}
        effective_at = publish(engine, run.id, model, measures, now=now(), delay=publication_delay)
        not_dropped = drop_unneeded_runs(engine, now())
        stages.ended("publish")
        return RunReport(
            run.id,
            inputs.members,
            inputs.members,
            inputs.postings,
            inputs.activity,
            len(run.done),
            effective_at,
            not_dropped,
            stages.seconds,
            read.left_out.sentences(),
        )


def roll_back(engine: Engine, *, now: datetime) -> tuple[int, int]:
    """Answer from the previously published run again, at once; returns the runs (left, taken up).

    Raises:
        RefreshError: there is no earlier run.
    """
    with engine.begin() as connection:
        published = list(dict.fromkeys(run_id for run_id, _ in runs.select_publications(connection)))
        if len(published) == 1 or not published:
            raise RefreshError("There is no earlier run to go back to: only one was published, or none.")
        runs.insert_publication(connection, published[1], now=now, effective_at=now)
    return published[0], published[1]


def drop_unneeded_runs(engine: Engine, now: datetime, *, wait_s: float = runs.DROP_WAIT_S) -> Sequence[int]:
    """Keep the run in force, those that are to follow it and the one before it; drop the lists of all others.

    Returns the runs left to the next refresh because a long transaction reads them; Postgres detaches one
    partition at a time, so those after it wait too. The caller holds the refresh lock.
    """
    with engine.connect() as connection:
        unneeded = runs.select_runs_to_drop(connection, _needed(runs.select_publications(connection), now))
    for place, run_id in enumerate(unneeded):
        if not runs.drop_run(engine, run_id, wait_s=wait_s):
            return unneeded[place:]
    drop_kept_models(engine, wait_s=wait_s)
    return ()


def _needed(publications: Sequence[tuple[int, datetime]], now: datetime) -> list[int]:
    """Runs that answers come from now or later, and the one to roll back to, of publications newest first."""
    needed: list[int] = []
    in_force = False
    for run_id, effective_at in publications:
        if run_id not in needed:
            if in_force:
                return [*needed, run_id]
            needed.append(run_id)
        in_force = in_force or effective_at <= now
    return needed


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


@contextmanager
def only_refresh(engine: Engine) -> Iterator[None]:
    """Nobody else makes runs meanwhile.

    Raises:
        RefreshError: somebody does.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text(f"SELECT pg_try_advisory_lock({_ONE_REFRESH})")).scalar():
            raise RefreshError("Another refresh is running on this database: wait for it to end.")
        try:
            yield
        finally:  # closing the connection would do it too, but a moment later than we return
            connection.execute(text(f"SELECT pg_advisory_unlock({_ONE_REFRESH})"))


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


def publish(
    engine: Engine, run_id: int, model: Model, measures: dict[str, Any], *, now: datetime, delay: timedelta
) -> datetime:
    """Make a run whose lists are all in the one that answers come from; returns from when on."""
    with engine.begin() as connection:
        runs.delete_lists_of_members_gone(connection, run_id)
    runs.analyze_run(engine, run_id)
    with engine.begin() as connection:
        first = not runs.select_publications(connection)
        effective_at = now if first else now + delay
        runs.replace_shelves(connection, run_id, model.shelves())
        runs.finish_run(connection, run_id, weights=model.weights.to_json(), measures=measures, now=now)
        runs.insert_publication(connection, run_id, now=now, effective_at=effective_at)
    return effective_at


def driver_of(connection: Any) -> psycopg.Connection:
    """The driver's connection under one of SQLAlchemy's, which types it loosely."""
    driver: psycopg.Connection = connection.connection.driver_connection
    return driver
