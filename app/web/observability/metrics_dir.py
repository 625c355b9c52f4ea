"""The directory in which all workers of an instance count, in shared memory where the system has it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there gets a name of its own
_PREFIX = "connected-jobs-metrics-"
_LOCK = "held"  # another file than the lock of a scrape


def memory_dir() -> str | None:
    """A directory in memory, whose files never wait for a disk; None where the system has none.

    A worker counts calls in files and touches one as its heartbeat; on a disk each could wait for other writes, and calls
    would wait too.
    """
    return str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None


def name_metrics_dir() -> None:
    """Make a directory for all workers to count in, unless the environment names one.

    Call it before prometheus_client is imported, which reads the variable then. A reload finds the variable set.
    """
    if METRICS_DIR not in os.environ:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory_dir()))
        _remove_orphaned(made.parent)
        os.environ[METRICS_DIR] = str(made)
        _lock(made)  # until the process ends


def remove_metrics_dir() -> None:
    """Remove the directory if it was made here."""
    folder = Path(os.environ[METRICS_DIR])
    if folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """Lock a directory while this process or a fork of it has the file open; returns None where others have the lock."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _remove_orphaned(parent: Path) -> None:
    """Remove directories of services that were killed; one that is just being made has no lock file and stays."""
    for file in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):  # another user's, or removed meanwhile
            lock = _lock(file.parent)
            if lock is not None:
                shutil.rmtree(file.parent, ignore_errors=True)
                os.close(lock)
