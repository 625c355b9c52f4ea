"""What a process that answers needs beside the application, whichever server runs it."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import resource
import shutil
import tempfile
from pathlib import Path

METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there gets a name of its own
# Answers make no cycles: looking for them often only costs the slowest calls.
GC_THRESHOLDS = (50_000, 20, 100)
OTHER_FILES = 64  # that a worker has open beside its connections: its log, its counts, its listening sockets
_MADE_HERE = "connected-jobs-metrics-"
_LOCK = "held"  # not the one that worker_counts takes for a moment


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
        made = Path(tempfile.mkdtemp(prefix=_MADE_HERE, dir=memory_dir()))
        _remove_deserted(made.parent)
        os.environ[METRICS_DIR] = str(made)
        _locked(made)  # and left so


def remove_metrics_dir() -> None:
    """Remove the directory if it was made here."""
    folder = Path(os.environ[METRICS_DIR])
    if folder.name.startswith(_MADE_HERE):
        shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> int | None:
    """Lock a directory for as long as this process or one forked from it has the file open; None where others do."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _remove_deserted(parent: Path) -> None:
    """Remove what services left that were killed; one that is just being made has no lock yet and is left alone."""
    for file in parent.glob(f"{_MADE_HERE}*/{_LOCK}"):
        with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
            lock = _locked(file.parent)
            if lock is not None:
                shutil.rmtree(file.parent, ignore_errors=True)
                os.close(lock)


def most_connections(wanted: int, *, beside: int) -> int:
    """How many connections a worker may have, which need an open file each; the limit of those is raised if it may be.

    Args:
        wanted: As many as are of use.
        beside: Open files that it needs for something else, such as connections to Postgres, at most.
    """
    beside += OTHER_FILES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < wanted + beside:
        allowed = wanted + beside if most == resource.RLIM_INFINITY else min(wanted + beside, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return wanted if allowed == resource.RLIM_INFINITY else max(1, min(wanted, allowed - beside))


def settle_memory() -> None:
    """Look for garbage seldom, and never in what lives as long as the process; call it when all of that is there.

    In a process that others are forked from it keeps theirs from being looked at, and so copied, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
