"""A worker's background thread: it runs periodic tasks, which keep memory up to date with Postgres."""

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

# The interpreter's switch interval while a task computes, instead of Python's 5 ms: a call waits for the interpreter some
# six times, and a new publication's shelves take a quarter of a second to compute.
SWITCH_INTERVAL_S = 0.0005
NO_CONNECTION, UNEXPECTED = "pool", "unexpected"
_log = logging.getLogger("connected_jobs.background")


@dataclass(slots=True)
class PeriodicTask:
    """A function that runs every `every_s` seconds; if it raises, it runs again next time.

    Attributes:
        name: In logs, metrics and readiness.
        every_s: Seconds from one start to the next.
        run: The function; may raise `UnavailableError`.
        asks_store: Whether it needs a connection to the store.
        due_s: When it is due, by the scheduler's clock.
        failed: Whether its last run failed.
    """

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
        """Run the tasks that are due; returns the seconds until the next one is.

        When a task got no connection, the others that need one are skipped.
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
        """Run a task; returns the kind of its failure, None where it succeeded."""
        try:
            task.run()
        except UnavailableError as error:
            return error.kind
        except Exception:  # noqa: BLE001 - an unexpected failure must not end the thread that runs the other tasks
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
    """Let other threads have the interpreter sooner, while a task runs."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
