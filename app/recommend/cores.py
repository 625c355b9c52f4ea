"""Pieces of work that need not wait for each other, on as many cores as the caller gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_First = TypeVar("_First")
_Second = TypeVar("_Second")
_MOST = 8  # more would wait for the interpreter, and each piece has working memory of its own
_pool: ContextVar[ThreadPoolExecutor | None] = ContextVar("pool", default=None)


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Within it `do_each` works on so many cores, by threads: numpy lets go of the interpreter while it computes."""
    if count == 1:
        yield
        return
    with ThreadPoolExecutor(min(count, _MOST)) as pool:
        before = _pool.set(pool)
        try:
            yield
        finally:
            _pool.reset(before)


def do_each(work: Callable[[_First, _Second], object], pieces: Iterable[tuple[_First, _Second]]) -> None:
    """Do the work of each piece, in any order; what they write must not overlap."""
    pool = _pool.get()
    if pool is None:
        for piece in pieces:
            work(*piece)
    else:
        for _ in pool.map(lambda piece: work(*piece), pieces):
            pass
