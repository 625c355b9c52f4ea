"""gunicorn for the WSGI peers: the service's own values, and of its hooks the one that settles memory."""

from __future__ import annotations

import os
import runpy
from typing import TYPE_CHECKING

from loadtest.bench.peers.given import tune_garbage_collection

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker

_NOT_FOR_PEERS = ("wsgi_app",)
globals().update(
    {
        name: value
        for name, value in runpy.run_path(os.environ["BENCH_GUNICORN_CONF"]).items()
        if isinstance(value, (str, int, float, list))
        and name not in _NOT_FOR_PEERS
        and not name.startswith("_")
    }
)


def post_worker_init(worker: Worker) -> None:  # noqa: ARG001 - gunicorn calls it with the worker
    """As the service does."""
    tune_garbage_collection()
