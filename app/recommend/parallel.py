"""Independent pieces of work, run on as many cores as the caller allows, in forked processes."""

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

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Cores:
    count: int
    first: Callable[[], None]


_ONE = _Cores(1, lambda: None)
_MOST = 8  # processes; each needs working memory of its own
_cores: ContextVar[_Cores] = ContextVar("cores", default=_ONE)
_tasks: list[Callable[[int], Any]] = []  # filled before the fork, so that nothing is pickled


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
    """Within this context, work is split over `count` forked processes; each calls `first` when it starts."""
    before = _cores.set(_Cores(min(count, _MOST), first))
    try:
        yield
    finally:
        _cores.reset(before)


@contextmanager
def start_parallel(
    work: Callable[[int], _Result], count: int, *, progress: Callable[[float], None] = no_progress
) -> Iterator[Iterator[_Result]]:
    """Start the work for each number below `count`; the caller may do something else before it takes results.

    Forked processes share the memory of this one and return their results. Threads gain next to nothing here: they wait
    for the interpreter between short products of matrices. On one core each piece is done when its result is taken.
    `progress` is called with the share of results taken.

    Yields:
        An iterator over the results, in the order of the numbers.

    Raises:
        BrokenProcessPool: a process was killed.
    """
    cores = _cores.get()
    if cores.count <= 1 or not count:
        yield _report(map(work, range(count)), count, progress)
        return
    # One piece more than there are cores gets a process too: sharing cores is quicker than running it alone at the end.
    processes = count if count <= cores.count + 1 else cores.count
    with fork_workers(work, processes, first=cores.first) as pool:
        yield _report(pool.map(run_task, range(count)), count, progress)


def parallel_map(
    work: Callable[[int], _Result], count: int, *, progress: Callable[[float], None] = no_progress
) -> Iterator[_Result]:
    """The results of the work for each number below `count`, in their order; a single piece is done in this process."""
    if count == 1:
        yield from _report(map(work, range(count)), count, progress)
        return
    with start_parallel(work, count, progress=progress) as found:
        yield from found


def _report(found: Iterator[_Result], count: int, progress: Callable[[float], None]) -> Iterator[_Result]:
    for number, each in enumerate(found, start=1):
        progress(number / count)
        yield each


@contextmanager
def fork_workers(
    work: Callable[[int], Any], processes: int, *, first: Callable[[], None]
) -> Iterator[ProcessPoolExecutor]:
    """A pool of forked processes, in which `run_task` does the work of a number; each calls `first` when it starts.

    They share the memory of this process. Work that they would split further they do themselves.
    """
    _tasks.append(work)
    gc.freeze()  # the collector would write to shared pages, which copies them
    try:
        with ProcessPoolExecutor(
            processes,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_initialize_worker,
            initargs=(first,),
        ) as pool:
            yield pool
    finally:
        gc.unfreeze()
        _tasks.pop()


def run_task(number: int) -> Any:
    """Do the work of a number, in a forked process."""
    return _tasks[-1](number)


def _initialize_worker(first: Callable[[], None]) -> None:
    first()
    _cores.set(_ONE)
