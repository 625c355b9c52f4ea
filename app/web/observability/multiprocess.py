"""All workers' counts, read together; the counts of dead workers are merged into one file.

prometheus_client keeps a file of counts for every process there ever was and reads them all at each scrape. With
workers recycled every few minutes, a scrape takes a second after a month. It also needs the server to report each
worker that ended, which not every server can. Here a scrape finds out by itself which workers are alive.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from app.web.observability.counts_file import NOT_WHOLE, bytes_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric

_DEAD = 0  # the process number in the name of the merged file; no process has it
_KINDS = ("counter", "histogram")
_PID_OF_FILE = re.compile(r"[a-z_]+_([1-9]\d*)\.db")
_log = logging.getLogger("connected_jobs.metrics")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def exposition(directory: Path, *, alive: Callable[[int], bool] = _alive) -> bytes:
    """All metrics in Prometheus's text format: counts of all workers there ever were, gauges of those alive."""
    merge_dead_workers(directory, alive)
    with _lock_file(directory) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        registry = CollectorRegistry()
        _Collector(registry, str(directory))  # type: ignore[no-untyped-call] # prometheus_client has no types here
        return generate_latest(registry)


class _Collector(MultiProcessCollector):
    """As its base, but a scrape leaves out a torn file and reads the others.

    While the disk is full a worker's file is empty for a moment; a dying process may leave a torn file.
    """

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in Path(self._path).glob("*.db")]
        try:
            return self._merged(files)
        except (OSError, *NOT_WHOLE):
            return self._merged([file for file in files if _is_whole(file)])

    def _merged(self, files: list[str]) -> Iterable[Metric]:
        return self.merge(files, accumulate=True)  # type: ignore[no-untyped-call, no-any-return] # same


def _is_whole(file: str | Path) -> bool:
    try:
        _read_counts(file)
    except (OSError, *NOT_WHOLE):
        return False
    return True


def _read_counts(file: str | Path) -> dict[str, float]:
    """Counts by key, a JSON list; raises what is in `NOT_WHOLE`."""
    read = MmapedDict.read_all_values_from_file(file)  # type: ignore[no-untyped-call] # same
    counts = {key: value for key, value, _timestamp, _position in read}
    for key in counts:
        json.loads(key)
    return counts


def merge_dead_workers(directory: Path, alive: Callable[[int], bool] = _alive) -> bool:
    """Remove dead workers' gauges and add their counts to the merged file.

    No scrape reads meanwhile, so counts never go down. What cannot be done now is left to the next scrape; no count is
    lost.

    Returns:
        Whether it was done.
    """
    try:
        with _lock_file(directory) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            named = [_PID_OF_FILE.fullmatch(path.name) for path in directory.glob("*.db")]
            for pid in {int(name[1]) for name in named if name}:
                if not alive(pid):
                    _add_worker(directory, pid)
    except OSError:  # another scrape, a full disk
        return False
    return True


def _add_worker(directory: Path, pid: int) -> None:
    for gauges in directory.glob(f"gauge_live*_{pid}.db"):
        gauges.unlink(missing_ok=True)
    for kind in _KINDS:
        own = directory / f"{kind}_{pid}.db"
        if own.exists():
            _add_counts(own, directory / f"{kind}_{_DEAD}.db")


def _add_counts(own: Path, gone: Path) -> None:
    """Add a dead worker's counts to the merged file and remove the worker's file."""
    sums: dict[str, float] = defaultdict(float)
    for counted in (own, gone):
        for key, value in _read_or_set_aside(counted).items():
            sums[key] += value
    made = gone.with_suffix(".new")
    with made.open(
        "wb"
    ) as file:  # allocates all blocks first: a write to a mapped page without one kills the process
        os.posix_fallocate(file.fileno(), 0, bytes_for(sums))
    counts = MmapedDict(str(made))  # type: ignore[no-untyped-call] # same
    for key, value in sums.items():
        counts.write_value(key, value, 0.0)  # type: ignore[no-untyped-call] # same
    counts.close()  # type: ignore[no-untyped-call] # same
    made.replace(gone)
    own.unlink(missing_ok=True)


def _read_or_set_aside(file: Path) -> dict[str, float]:
    """The counts in a file; empty if the file is empty or damaged. A damaged file is kept under another name."""
    try:
        return _read_counts(file) if file.stat().st_size else {}
    except FileNotFoundError:
        return {}
    except NOT_WHOLE:
        spoilt = file.replace(file.with_suffix(".spoilt"))
        _log.warning("the counts in %s cannot be read and are left out; see %s", file, spoilt)
        return {}


@contextmanager
def _lock_file(directory: Path) -> Iterator[int]:
    with (directory / "lock").open("a") as file:
        yield file.fileno()
