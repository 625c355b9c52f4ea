"""Workers that end after so many calls do so one at a time, whatever makes them due together.

An ending gunicorn worker takes no new connection while it waits 2 s for calls on those it has, and the one that takes
its place must first read what it needs. Were both of two workers to end in the same moment, nobody would take a new
connection meanwhile, and calls that wait longer than 2 s are cut off.
"""

from __future__ import annotations

import sys
import time
from multiprocessing import Lock
from multiprocessing.sharedctypes import RawValue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker

APART_S = 5.0


class Recycling:
    """Who may end, and when: make it in the process that the workers are forked from."""

    def __init__(self, *, apart_s: float = APART_S) -> None:
        self._apart_s = apart_s
        self._limit = sys.maxsize
        self._turn = Lock()
        self._last_s = RawValue("d", -apart_s)  # when a worker last ended; all of them see it

    def take_over(self, worker: Worker) -> None:
        """Keep gunicorn from ending a worker at its `max_requests`; call it in the worker's process."""
        self._limit, worker.max_requests = worker.max_requests, sys.maxsize

    def after_call(self, worker: Worker) -> None:
        """Let a worker end that has answered its calls, if none other has just done so."""
        if worker.nr >= self._limit and worker.alive and self._may_end():
            worker.log.info("Ending this worker after %d calls.", worker.nr)
            worker.alive = False

    def _may_end(self) -> bool:
        if not self._turn.acquire(block=False):
            return False
        try:
            now_s = time.monotonic()
            if now_s - self._last_s.value < self._apart_s:
                return False
            self._last_s.value = now_s
            return True
        finally:
            self._turn.release()
