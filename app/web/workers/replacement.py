"""When a gunicorn worker ends, others take the connections that it no longer does.

An ending worker takes no new connection while it waits 2 s for calls on those it has, and a new one must first read what it
needs. gunicorn ends workers that have answered their calls before it starts others, two at once if need be, and on a reload
all of them as soon as the new ones are forked. Whoever is left then has too much to do, or nobody is left, and calls that
wait longer than 2 s are cut off. So here a worker goes on until the one in its place answers.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import sys
import time
from contextlib import contextmanager
from ctypes import Structure, c_bool, c_double, c_int, sizeof
from functools import cache
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gunicorn.workers.base import Worker

APART_S = 10.0  # between one replacement and the next
FORGOTTEN_S = 60.0  # until a worker that was asked for is taken not to be coming
REPLACED_WITHIN_S = 6.0  # on a reload; gunicorn waits 10 s for those that end
_LOOK_S = 0.05


class _SharedState(Structure):
    """What all workers know, laid out in memory that they share."""

    _fields_ = (
        ("requested_s", c_double),  # when a worker asked for one in its place
        ("is_awaited", c_bool),  # whether that one has yet to answer
        ("reload_s", c_double),
        ("forked", c_int),  # workers that were forked on the reload
        ("ready", c_int),  # those of them that answer
    )


class WorkerReplacement:
    """What workers know of each other, in memory that all share: make it in the process they are forked from.

    The memory and its lock have no file anywhere, so that they need no room on any disk; the kernel takes the lock back
    from a worker that is killed.
    """

    def __init__(self, *, apart_s: float = APART_S, within_s: float = REPLACED_WITHIN_S) -> None:
        self._apart_s = apart_s
        self._within_s = within_s
        self._limit = sys.maxsize
        self._ending = False
        self._lock, self._threads_lock = os.memfd_create("worker_replacement"), Lock()
        self._shared = _SharedState.from_buffer(mmap.mmap(-1, sizeof(_SharedState)))
        self._shared.requested_s, self._shared.reload_s = -apart_s, -within_s

    def begin_reload(self, workers: int) -> None:
        """So many workers are about to be forked, and the others to be ended; call it in the process that forks."""
        with self._locked():
            self._shared.forked, self._shared.ready, self._shared.is_awaited = workers, 0, False
            self._shared.reload_s = time.monotonic()

    def take_over(self, worker: Worker) -> None:
        """Decide from now on when a worker ends; call it in its process."""
        self._limit, worker.max_requests = worker.max_requests, sys.maxsize
        signal.signal(signal.SIGTERM, lambda *_: self._end_when_replaced(worker))

    def ready(self, worker: Worker) -> None:
        """This worker answers from now on; if another one asked for it, gunicorn is told to end its oldest."""
        with self._locked():
            self._shared.ready += 1
            is_awaited, self._shared.is_awaited = bool(self._shared.is_awaited), False
        if is_awaited:
            os.kill(worker.ppid, signal.SIGTTOU)

    def after_call(self, worker: Worker) -> None:
        """Have a worker that has answered its calls replaced; one that is not the oldest asks again later."""
        if worker.nr >= self._limit and not self._ending and self._is_its_turn():
            worker.log.info("Asking for another worker after %d calls.", worker.nr)
            os.kill(worker.ppid, signal.SIGTTIN)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """While no other process and no other thread of this one is here: each stays for microseconds."""
        with self._threads_lock:
            fcntl.lockf(self._lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _is_its_turn(self) -> bool:
        with self._locked():
            now_s = time.monotonic()
            wait_s = FORGOTTEN_S if self._shared.is_awaited else self._apart_s
            if now_s - self._shared.requested_s < wait_s:
                return False
            self._shared.requested_s, self._shared.is_awaited = now_s, True
            return True

    def _end_when_replaced(self, worker: Worker) -> None:
        """End a worker when those of a reload answer, at once where there was none; gunicorn asks again and again."""
        if not self._is_reloading():
            worker.handle_exit(signal.SIGTERM, None)
        elif not self._ending:
            Thread(target=self._end_when_ready, args=(worker,), daemon=True).start()
        self._ending = True

    def _is_reloading(self) -> bool:
        in_time = time.monotonic() < self._shared.reload_s + self._within_s
        return in_time and bool(self._shared.ready < self._shared.forked)

    def _end_when_ready(self, worker: Worker) -> None:
        while self._is_reloading():
            time.sleep(_LOOK_S)
        worker.handle_exit(signal.SIGTERM, None)


@cache
def worker_replacement() -> WorkerReplacement:
    """The one that workers forked before and after a reload share, though gunicorn reads its settings anew."""
    return WorkerReplacement()
