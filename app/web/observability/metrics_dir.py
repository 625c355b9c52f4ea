"""The directory in which all workers of an instance count, in memory where there is some."""

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
_LOCK = "held"  # not the one that a scrape takes for a moment


def memory_dir() -> str | None:
    """A directory whose files never wait for a disk, and don't fail when it is full; None where there is none.

    A worker counts calls in files and touches one to say that it lives: on a disk each could wait for a write of
    somebody else's, and calls with it.
    """
    return str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None


def name_metrics_dir() -> None:
    """Give all workers one directory to count in, where the environment names none.

    Call it before prometheus_client is imported, which looks then. A reload finds it named.
    """
    if METRICS_DIR not in os.environ:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory_dir()))
        _remove_orphaned(made.parent)
        os.environ[METRICS_DIR] = str(made)
        _lock(made)  # and left so


def remove_metrics_dir() -> None:
    """Remove the directory if it was made here."""
    folder = Path(os.environ[METRICS_DIR])
    if folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """Lock a directory for as long as this process or one forked from it has the file open; None where others do."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _remove_orphaned(parent: Path) -> None:
    """Remove what services left that were killed; one that is just being made has no lock yet and is left alone."""
    for file in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
            lock = _lock(file.parent)
            if lock is not None:
                shutil.rmtree(file.parent, ignore_errors=True)
                os.close(lock)
