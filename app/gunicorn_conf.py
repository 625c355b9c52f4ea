"""How gunicorn runs the service; `connected-jobs serve` uses it too."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

GC_THRESHOLDS = (
    50_000,
    20,
    100,
)  # answers make no cycles: looking for them often only costs the slowest calls

METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
_settings = Settings.from_env()
_own_metrics_dir = None if METRICS_DIR in os.environ else tempfile.mkdtemp(prefix="connected-jobs-metrics-")
if _own_metrics_dir:
    os.environ[METRICS_DIR] = (
        _own_metrics_dir  # prometheus_client looks when it is imported, so it is not yet
    )

wsgi_app = "app.wsgi:create()"
bind = [_settings.bind]
workers = _settings.workers
worker_class = "gthread"
threads = _settings.threads
preload_app = True  # one copy of code and model in memory, and workers that start within a moment
backlog = 64  # calls that wait longer than this many others would be cut off anyway
worker_connections = 1000
keepalive = 75  # a sender's connections outlive the pauses between its batches
max_requests = 200_000  # whatever leaks slowly ends with its worker
max_requests_jitter = 50_000  # and not all workers at once
graceful_timeout = 10
timeout = 30
accesslog = None  # a line a call costs more than the answer; the service samples its own
control_socket_disable = True  # else gunicorn makes a socket in the home directory
limit_request_line = 4094  # a member id of 200 characters is at most 2,400 bytes, percent-encoded
limit_request_fields = 50
limit_request_field_size = 8190


def post_worker_init(worker: Worker) -> None:
    """Start the worker's watch when its application is loaded, before its first call."""
    from app.wsgi import start_worker  # noqa: PLC0415 - the metrics directory had to be set before

    start_worker(worker)
    gc.collect()
    gc.freeze()  # what lives as long as the worker is not looked at again
    gc.set_threshold(*GC_THRESHOLDS)


def child_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - gunicorn calls it with both
    """Let go of a dead worker's gauges; its counts stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - the metrics directory had to be set before

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # prometheus_client has no types here


def on_exit(server: Arbiter) -> None:  # noqa: ARG001 - gunicorn calls it with the arbiter
    """Remove the metrics directory if we made it."""
    if _own_metrics_dir:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
