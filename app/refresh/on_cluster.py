"""Chunks ranked by the workers of a Dask cluster: the one module that knows Dask.

The model goes through Postgres, not through the cluster: a whole refresh stores it before anybody is ranked, and a worker
reads it once. A task is a run, a chunk's number and its members' ids. Workers are plain `dask worker` processes of the same
image with a `DATABASE_URL` of their own, and write the lists themselves. So a worker that dies costs a chunk, which another
ranks, and a scheduler that dies costs nothing that is in: the next refresh goes on there.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import psycopg
from distributed import Client, KilledWorker, Security, as_completed
from distributed.comm.core import connect
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import DBAPIError

from app.postgres.board.snapshot import snapshot
from app.postgres.engines import batch_engine, driver_of
from app.postgres.lists import runs
from app.postgres.lists.model_store import read_model
from app.postgres.lists.refresh_lock import RefreshError, raise_if_taken_over
from app.postgres.refusals import refusal
from app.recommend.incremental.saved_model import SavedModelError
from app.recommend.incremental.update import reopen
from app.refresh.folded_in import rank_again
from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sqlalchemy import Engine

    from app.recommend.incremental.update import UpdatedModel
    from app.refresh.chunks import ChunkRanker

CONNECT_S = 10
AHEAD = 4  # chunks that wait at the scheduler for each thread of a worker: it holds the ids of no more
RESUME = "Run it again: it goes on where it stopped."


@dataclass(frozen=True, slots=True)
class DaskCluster:
    """A cluster that somebody else runs, connected to."""

    address: str
    client: Client

    def rank(
        self, ranker: ChunkRanker, done: Collection[int], progress: Callable[[str, float], None]
    ) -> None:
        """Rank and write every chunk that is not in yet.

        Args:
            ranker: Says which chunks there are, and of whom.
            done: Numbers of the chunks that are in.
            progress: Called with the stage and the share of it that is done.

        Raises:
            RefreshError: the cluster could not do it; what it did is in.
        """
        left = [number for number in range(ranker.chunks()) if number not in done]
        progress("rank", 0.0)
        waiting = iter(left)
        try:
            ahead = AHEAD * max(1, sum(self.client.nthreads().values()))
            first = [self._submit(ranker, number) for number in islice(waiting, ahead)]
            ranked = as_completed(first, loop=self.client.loop)
            for count, chunk in enumerate(ranked, start=1):
                chunk.result()
                progress("rank", count / len(left))
                if (number := next(waiting, None)) is not None:
                    ranked.add(self._submit(ranker, number))
        except (SavedModelError, SettingsError, psycopg.Error, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            said = refusal(cause) if isinstance(cause, psycopg.Error) else str(error)
            raise RefreshError(f"A worker of the cluster cannot rank: {said} {RESUME}") from error
        except KilledWorker as error:
            raise RefreshError(
                f"The workers that took the chunk of {error.task} died one after the other, most often for want of "
                f"memory. {RESUME}"
            ) from error
        except (CancelledError, OSError, RuntimeError) as error:
            raise RefreshError(
                f"The cluster at {self.address} did not end its work ({_said(error)}). {RESUME}"
            ) from error

    def _submit(self, ranker: ChunkRanker, number: int) -> Any:
        return self.client.submit(
            rank_chunk,
            ranker.run_id,
            number,
            ranker.ids(number),
            key=f"run {ranker.run_id} chunk {number}",
        )


@contextmanager
def dask_cluster(address: str) -> Iterator[DaskCluster]:
    """Connect to a scheduler, `tcp://host:port` or `tls://host:port`; certificates as Dask's own configuration names them.

    Raises:
        RefreshError: nobody answers there, or it has no workers.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told in a sentence
    try:
        asyncio.run(_reach(address))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise RefreshError(
            f"No Dask scheduler answers at {address} ({_said(error)}): give --on the address that `dask scheduler` printed, "
            "and the certificates that it asks for."
        ) from error
    client = Client(address, timeout=CONNECT_S, set_as_default=False)
    try:
        if not client.nthreads():
            raise RefreshError(
                f"The scheduler at {address} has no workers: start `dask worker {address}` first."
            )
        yield DaskCluster(address, client)
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=CONNECT_S)


async def _reach(address: str) -> None:
    """Connect once: a client that cannot would try on in the background."""
    comm = await connect(address, timeout=CONNECT_S, **Security().get_connection_args("client"))
    await comm.close()


def rank_chunk(run_id: int, number: int, ids: Sequence[str]) -> None:
    """Rank a chunk and write its lists, on a worker; nothing is done twice for one that is in.

    Raises:
        RefreshError: another refresh took the run over.
        SavedModelError: this worker's database has no model of the run, or its program is of another version.
        SettingsError: this worker has no `DATABASE_URL`.
    """
    engine = _engine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if runs.is_chunk_in(connection, run_id, number):
            return
        driver = driver_of(connection)
        ranked = rank_again(_model(run_id), driver, ids)
        with raise_if_taken_over():
            try:
                runs.copy_chunk(driver, run_id, number, zip(ids, ranked, strict=True))
            except UniqueViolation:
                if not runs.is_chunk_in(connection, run_id, number):
                    raise


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return batch_engine(Settings.from_env().required_database_url)


@lru_cache(maxsize=1)
def _model(run_id: int) -> UpdatedModel:
    """The run's model, read once by each process."""
    with snapshot(_engine()) as board:
        return reopen(read_model(board.connection, run_id), board.postings())


def _said(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
