"""A worker's background thread runs periodic tasks, which keep what is in memory near to what is in Postgres."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# While a task computes, a call gets the interpreter back after so long instead of Python's 5 ms: it asks for it some
# six times, and a publication's shelves take a quarter of a second of computing.
GIVE_WAY_S = 0.0005
NO_CONNECTION, UNEXPECTED = "pool", "unexpected"
_log = logging.getLogger("connected_jobs.background")


@dataclass(slots=True)
class PeriodicTask:
    """Something to do every `every_s` seconds; if it raises, it is tried again next time."""

    name: str
    every_s: float
    run: Callable[[], None]
    asks_store: bool = True
    due_s: float = field(default=0.0)
    failed: bool = field(default=False)


class Scheduler:
    """Runs tasks in turn, each when it is due, until stopped."""

    def __init__(
        self,
        tasks: Sequence[PeriodicTask],
        *,
        on_failure: Callable[[str, str], None] = lambda _task, _kind: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = tasks
        self._on_failure = on_failure
        self._clock = clock
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def failing(self) -> list[str]:
        """Names of the tasks whose last run failed."""
        return [task.name for task in self._tasks if task.failed]

    def run_due(self) -> float:
        """Run what is due now; returns the seconds until the next task is.

        When one task waited for a connection in vain, the others do not wait too.
        """
        store_is_gone = False
        with _short_switch_interval():
            for task in self._tasks:
                if task.due_s <= self._clock():
                    task.due_s = self._clock() + task.every_s
                    failure = "skipped" if store_is_gone and task.asks_store else self._run(task)
                    task.failed = failure is not None
                    if failure is not None:
                        store_is_gone = store_is_gone or failure == NO_CONNECTION
                        self._on_failure(task.name, failure)
        return max(0.0, min(task.due_s for task in self._tasks) - self._clock())

    def _run(self, task: PeriodicTask) -> str | None:
        """Run a task; returns what kept it from its end."""
        try:
            task.run()
        except UnavailableError as error:
            return error.kind
        except Exception:  # noqa: BLE001 - a row nobody foresaw must not end the thread that watches the others
            _log.exception("the task %s failed", task.name)
            return UNEXPECTED
        return None

    def start(self) -> None:
        """Run everything once, then go on in the background."""
        self.run_due()
        self._thread = threading.Thread(target=self._loop, name="background", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the background thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(self.run_due()):
            pass


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    """Let other threads have the interpreter sooner."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(GIVE_WAY_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
