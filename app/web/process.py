"""What a process that answers needs beside the application, whichever server runs it."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path

METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
# Answers make no cycles: looking for them often only costs the slowest calls.
GC_THRESHOLDS = (50_000, 20, 100)
_MADE_HERE = "connected-jobs-metrics-"


def name_metrics_dir() -> None:
    """Give all workers one directory to count in, where the environment names none.

    Call it before prometheus_client is imported, which looks then. A reload finds it named.
    """
    if METRICS_DIR not in os.environ:
        os.environ[METRICS_DIR] = tempfile.mkdtemp(prefix=_MADE_HERE)


def remove_metrics_dir() -> None:
    """Remove the directory if it was made here."""
    folder = Path(os.environ[METRICS_DIR])
    if folder.name.startswith(_MADE_HERE):
        shutil.rmtree(folder, ignore_errors=True)


def settle_memory() -> None:
    """Look for garbage seldom, and never in what lives as long as the process; call it when all of that is there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
