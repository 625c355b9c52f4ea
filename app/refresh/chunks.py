"""Chunks of members ranked on all cores: by forked processes, which share a model's memory."""

from __future__ import annotations

import signal
from concurrent.futures import as_completed
from typing import TYPE_CHECKING, Protocol

from app.recommend.parallel import do_inherited, forked
from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class RanksChunks(Protocol):
    """Ranks the members of a chunk and writes their lists."""

    def chunks(self) -> int:
        """How many chunks there are."""

    def __call__(self, number: int) -> None:
        """Rank a chunk, by its number from 0."""


def rank_all(
    ranker: RanksChunks, done: Collection[int], processes: int, progress: Callable[[str, float], None]
) -> None:
    """Rank and write every chunk that is not in yet, in forked processes that share the model's memory.

    Raises:
        BrokenProcessPool: one of them was killed.
    """
    chunks = [number for number in range(ranker.chunks()) if number not in done]
    progress("rank", 0.0)
    if processes == 1 or len(chunks) <= 1:
        for count, number in enumerate(chunks, start=1):
            ranker(number)
            progress("rank", count / len(chunks))
        return
    first = end_with_parent(signal.SIGKILL)
    with forked(ranker, min(processes, len(chunks)), first=first) as pool:
        ranked = [pool.submit(do_inherited, number) for number in chunks]
        try:
            for count, chunk in enumerate(as_completed(ranked), start=1):
                chunk.result()
                progress("rank", count / len(chunks))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # else it would rank all that is left before it ends
            raise
