"""Chunks of members ranked on all cores: by forked processes, which share a model's memory."""

from __future__ import annotations

import os
import signal
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from app.postgres.engines import driver_of
from app.postgres.lists import runs
from app.postgres.lists.refresh_lock import RefreshError, raise_if_taken_over
from app.recommend.parallel import fork_workers, run_task
from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import psycopg
    from sqlalchemy import Engine

    from app.recommend.ranked import RankedPosting

CHUNK_MEMBERS = 1_000  # members ranked and written at once, by one process


class RanksChunks(Protocol):
    """Ranks the members of a chunk and writes their lists."""

    def chunks(self) -> int:
        """How many chunks there are."""

    def __call__(self, number: int) -> None:
        """Rank a chunk, by its number from 0."""


@dataclass(frozen=True, slots=True)
class ChunkRanker:
    """Ranks members a chunk at a time and writes their lists.

    Attributes:
        engine: The database.
        rank: Takes a connection to read what it needs, the members' places in `member_ids` and their ids; returns a
            list for each of them.
        member_ids: Every member to rank, sorted.
        run_id: The run that the lists are of.
        chunk_members: How many members are a chunk; the last may have fewer.
    """

    engine: Engine
    rank: Callable[[psycopg.Connection, range, Sequence[str]], list[list[RankedPosting]]]
    member_ids: Sequence[str]
    run_id: int
    chunk_members: int

    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-len(self.member_ids) // self.chunk_members)

    def ids(self, number: int) -> list[str]:
        """The members of a chunk."""
        return [self.member_ids[position] for position in self._positions(number)]

    def __call__(self, number: int) -> None:
        """Rank a chunk and write its lists."""
        positions, ids = self._positions(number), self.ids(number)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver = driver_of(connection)
            ranked = self.rank(driver, positions, ids)
            with raise_if_taken_over():
                runs.copy_chunk(driver, self.run_id, number, zip(ids, ranked, strict=True))

    def _positions(self, number: int) -> range:
        first = number * self.chunk_members
        return range(first, min(first + self.chunk_members, len(self.member_ids)))


class Cluster(Protocol):
    """Ranks on other machines, by the model that the run has stored."""

    def rank(
        self, ranker: ChunkRanker, done: Collection[int], progress: Callable[[str, float], None]
    ) -> None:
        """Rank and write every chunk that is not in yet."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """How members are ranked.

    Attributes:
        chunk_members: How many are ranked and written at a time.
        cluster: Who ranks them; None for processes of this machine.
    """

    chunk_members: int = CHUNK_MEMBERS
    cluster: Cluster | None = None

    def rank(
        self,
        ranker: ChunkRanker,
        done: Collection[int],
        processes: int | None,
        progress: Callable[[str, float], None],
    ) -> None:
        """Rank and write every chunk that is not in yet, here in `processes` or on the cluster; raises `RefreshError`."""
        if self.cluster is None:
            rank_all(ranker, done, processes, progress)
        else:
            self.cluster.rank(ranker, done, progress)


HERE = Ranking()


def rank_all(
    ranker: RanksChunks, done: Collection[int], processes: int | None, progress: Callable[[str, float], None]
) -> None:
    """Rank and write every chunk that is not in yet, in forked processes that share the model's memory.

    Args:
        ranker: Ranks a chunk.
        done: Numbers of the chunks that are in.
        processes: How many processes rank at once; None for one a core.
        progress: Called with the stage and the share of it that is done.

    Raises:
        RefreshError: one of the processes was killed.
    """
    chunks = [number for number in range(ranker.chunks()) if number not in done]
    progress("rank", 0.0)
    if cores(processes) == 1 or len(chunks) <= 1:
        for count, number in enumerate(chunks, start=1):
            ranker(number)
            progress("rank", count / len(chunks))
        return
    first = end_with_parent(signal.SIGKILL)
    with raise_if_killed(), fork_workers(ranker, min(cores(processes), len(chunks)), first=first) as pool:
        ranked = [pool.submit(run_task, number) for number in chunks]
        try:
            for count, chunk in enumerate(as_completed(ranked), start=1):
                chunk.result()
                progress("rank", count / len(chunks))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # else it would rank all that is left before it ends
            raise


def cores(processes: int | None) -> int:
    """How many processes to use: as many as asked for, or one a core."""
    return processes or os.cpu_count() or 1


@contextmanager
def raise_if_killed() -> Iterator[None]:
    """Turn the end of a forked process that was killed into a sentence.

    Raises:
        RefreshError: a process was killed.
    """
    try:
        yield
    except BrokenProcessPool as error:
        raise RefreshError(
            "A process of the refresh was killed, most often for want of memory: run it again, it goes on where "
            "it stopped; --processes 1 needs the least memory."
        ) from error
