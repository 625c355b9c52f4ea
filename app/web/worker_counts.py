"""What workers counted, read together; a worker that is gone is added to those gone before it.

prometheus_client keeps a file of counts for every process there ever was, and reads them all at each scrape: with
workers recycled every few minutes that grows to a second a scrape in a month.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 1.0  # gunicorn's master waits no longer for a scrape that hangs
_GONE = 0  # no process has this number
_KINDS = ("counter", "histogram")
_HEAD, _ENTRY = 8, 4 + 8 + 16  # bytes of a file of counts, and of an entry beside its key


def exposition(directory: Path) -> bytes:
    """All workers' metrics in Prometheus's text format."""
    with _lock_file(directory) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call] # prometheus_client has no types here
        return generate_latest(registry)


def add_to_the_gone(directory: Path, pid: int, *, patience_s: float = PATIENCE_S) -> bool:
    """Let go of a dead worker's gauges and add its counts to those of the workers gone before.

    Counts never go down by it, because no scrape reads meanwhile. Where it cannot be done the worker's files stay,
    which costs later scrapes a moment and no count. gunicorn's master calls it, so it never raises.

    Returns:
        Whether it was done.
    """
    try:
        with _lock_file(directory) as lock:
            if not _locked(lock, patience_s):
                return False
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call] # same
            for kind in _KINDS:
                own = directory / f"{kind}_{pid}.db"
                if own.exists():
                    _add(own, directory / f"{kind}_{_GONE}.db")
    except (OSError, RuntimeError):  # a full disk, a torn file: no reason for gunicorn's master to end
        return False
    return True


def _add(own: Path, gone: Path) -> None:
    """Replace the counts of the gone by those and a worker's own, whose file ends."""
    sums: dict[str, float] = defaultdict(float)
    for counted in (own, gone):
        if counted.exists():
            for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(counted):  # type: ignore[no-untyped-call] # same
                sums[key] += value
    made = gone.with_suffix(".new")
    with made.open("wb") as file:  # room for all of it: a write to a map that the disk has no room for kills
        os.posix_fallocate(file.fileno(), 0, _HEAD + sum(len(key.encode()) + _ENTRY for key in sums))
    counts = MmapedDict(str(made))  # type: ignore[no-untyped-call] # same
    for key, value in sums.items():
        counts.write_value(key, value, 0.0)  # type: ignore[no-untyped-call] # same
    counts.close()  # type: ignore[no-untyped-call] # same
    made.replace(gone)
    own.unlink()


@contextmanager
def _lock_file(directory: Path) -> Iterator[int]:
    with (directory / "lock").open("a") as file:
        yield file.fileno()


def _locked(lock: int, patience_s: float) -> bool:
    """Whether nobody else reads or writes now, or in a moment."""
    end_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end_s:
                return False
            time.sleep(0.01)
        else:
            return True
