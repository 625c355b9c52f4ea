"""Pieces of work that need not wait for each other, on as many cores as the caller gives."""

from __future__ import annotations

import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class _Cores:
    count: int
    first: Callable[[], None]


_ONE = _Cores(1, lambda: None)
_MOST = 8  # each process has working memory of its own
_cores: ContextVar[_Cores] = ContextVar("cores", default=_ONE)
_inherited: list[Callable[[int], Any]] = []  # filled before the fork: never pickled


@dataclass(frozen=True, slots=True)
class SubProgress:
    """Progress of a part of the work, passed on as progress of the whole: from one share of it to another.

    Attributes:
        progress: Called with the share of the whole that is done, from 0 to 1.
        first: The share that is done when the part begins.
        last: The share that is done when the part ends.
    """

    progress: Callable[[float], None]
    first: float
    last: float

    def __call__(self, share: float) -> None:
        """Pass on that this share of the part is done."""
        self.progress(self.first + share * (self.last - self.first))


def no_progress(_share: float) -> None:
    """Pass on nothing."""


@contextmanager
def split_over_workers(count: int, *, first: Callable[[], None] = _ONE.first) -> Iterator[None]:
    """Within this context, work is split over so many forked processes, which call `first` before anything else."""
    before = _cores.set(_Cores(min(count, _MOST), first))
    try:
        yield
    finally:
        _cores.reset(before)


@contextmanager
def started(
    work: Callable[[int], _Found], count: int, *, progress: Callable[[float], None] = no_progress
) -> Iterator[Iterator[_Found]]:
    """Start the work for each number below `count`; within this context the caller may do something else before it takes results.

    Processes share what is there when they are forked, and hand back what they find. Threads gain next to nothing
    here: between two short products of matrices they wait for the interpreter. On one core the work is done as what
    it finds is taken. `progress` is called with the share that was taken.

    Yields:
        An iterator over the results, in the order of the numbers.

    Raises:
        BrokenProcessPool: a process was killed.
    """
    cores = _cores.get()
    if cores.count <= 1 or not count:
        yield _report(map(work, range(count)), count, progress)
        return
    # One piece more than cores is better done by turns with the others than alone after them.
    processes = count if count <= cores.count + 1 else cores.count
    with fork_workers(work, processes, first=cores.first) as pool:
        yield _report(pool.map(run_inherited, range(count)), count, progress)


def parallel_map(
    work: Callable[[int], _Found], count: int, *, progress: Callable[[float], None] = no_progress
) -> Iterator[_Found]:
    """The results of the work for each number below `count`, in their order; a single piece is done in this process."""
    if count == 1:
        yield from _report(map(work, range(count)), count, progress)
        return
    with started(work, count, progress=progress) as found:
        yield from found


def _report(found: Iterator[_Found], count: int, progress: Callable[[float], None]) -> Iterator[_Found]:
    for number, each in enumerate(found, start=1):
        progress(number / count)
        yield each


@contextmanager
def fork_workers(
    work: Callable[[int], Any], processes: int, *, first: Callable[[], None]
) -> Iterator[ProcessPoolExecutor]:
    """Processes in which `run_inherited` does the work of a number, and which call `first` before anything else.

    They share what is there when they are forked; work they share out themselves they do alone.
    """
    _inherited.append(work)
    gc.freeze()  # the collector would touch, and so copy, what the processes share
    try:
        with ProcessPoolExecutor(
            processes,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_alone,
            initargs=(first,),
        ) as pool:
            yield pool
    finally:
        gc.unfreeze()
        _inherited.pop()


def run_inherited(number: int) -> Any:
    """Do the work that this process was forked for."""
    return _inherited[-1](number)


def _alone(first: Callable[[], None]) -> None:
    first()
    _cores.set(_ONE)
