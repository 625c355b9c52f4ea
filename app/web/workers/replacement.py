"""A gunicorn worker that is to be recycled goes on until its replacement answers.

By itself gunicorn ends a worker that has answered `max_requests` calls before it starts another, perhaps two at once, and
on a reload it ends all of them as soon as the new ones are forked. An ending worker accepts no connection while it waits
2 s for calls on those it has, and a new one must first read shelves and credentials. The workers left would be
overloaded, or none would be left, and Braze cuts calls off after 2 s.
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

APART_S = 10.0  # between two replacements
FORGOTTEN_S = 60.0  # after which a requested worker is no longer waited for
REPLACED_WITHIN_S = 6.0  # on a reload; gunicorn gives ending workers 10 s
_LOOK_S = 0.05


class _SharedState(Structure):
    """The state that all workers share, in shared memory."""

    _fields_ = (
        ("requested_s", c_double),  # when a worker last requested its replacement, monotonic
        ("is_awaited", c_bool),  # whether the replacement does not answer yet
        ("reload_s", c_double),  # when the last reload began, monotonic
        ("forked", c_int),  # workers that the reload forks
        ("ready", c_int),  # those of them that answer
    )


class WorkerReplacement:
    """Coordinates the replacement of workers; make it in the master, before workers are forked.

    Its shared memory and lock are files in memory, so they need no disk; the kernel releases the lock of a worker that is
    killed.
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
        """Note that a reload is about to fork so many workers and end the others; call it in the master."""
        with self._locked():
            self._shared.forked, self._shared.ready, self._shared.is_awaited = workers, 0, False
            self._shared.reload_s = time.monotonic()

    def take_over(self, worker: Worker) -> None:
        """Take over from gunicorn when a worker ends; call it in the worker."""
        self._limit, worker.max_requests = worker.max_requests, sys.maxsize
        signal.signal(signal.SIGTERM, lambda *_: self._end_when_replaced(worker))

    def ready(self, worker: Worker) -> None:
        """Note that this worker answers now; if it is a requested replacement, gunicorn ends its oldest worker."""
        with self._locked():
            self._shared.ready += 1
            is_awaited, self._shared.is_awaited = bool(self._shared.is_awaited), False
        if is_awaited:
            os.kill(worker.ppid, signal.SIGTTOU)

    def after_call(self, worker: Worker) -> None:
        """Request a replacement for a worker that has answered its calls, unless it is another's turn."""
        if worker.nr >= self._limit and not self._ending and self._is_its_turn():
            worker.log.info("Asking for another worker after %d calls.", worker.nr)
            os.kill(worker.ppid, signal.SIGTTIN)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock, against other processes and other threads; it is held for microseconds."""
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
        """End a worker at once, or during a reload when the new workers answer; gunicorn may signal repeatedly."""
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
    """The one object shared by workers forked before and after a reload, although gunicorn reads its settings again."""
    return WorkerReplacement()
