"""Serve with Granian instead of gunicorn: the same application, settings and metrics; see docs/decisions/worker-class.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings import Settings, SettingsError
from app.web.observability.logs import log_uncaught
from app.web.observability.metrics_dir import name_metrics_dir, remove_metrics_dir
from app.web.workers.process import tune_garbage_collection

if TYPE_CHECKING:
    from flask import Flask

BACKLOG = 128  # the least that Granian takes
MOST_CONNECTIONS = 512  # that a worker looks after at once, idle ones included
HEADER_READ_MS = 5_000  # a head that has not come by then never will in time
# Between a new worker and the end of the one it replaces, which answers until the new one can.
RESPAWN_S = 5.0
STOP_S = 10


def application() -> Flask:
    """What each worker answers with, its scheduler started."""
    from app.wsgi import create, start  # noqa: PLC0415 - the metrics directory had to be set before

    app = create()
    log_uncaught()
    start(app)
    tune_garbage_collection()
    return app


def serve(settings: Settings) -> None:
    """Serve until stopped.

    Raises:
        SettingsError: Granian is not installed.
    """
    try:
        from granian.constants import Interfaces  # noqa: PLC0415 - an extra
        from granian.http import HTTP1Settings  # noqa: PLC0415 - same
        from granian.server import Server  # noqa: PLC0415 - same
    except ImportError as error:
        raise SettingsError(
            "CJ_SERVER=granian needs Granian: install the extra with `uv sync --extra granian`."
        ) from error
    name_metrics_dir()
    try:
        Server(
            "app.granian_serving:application",
            factory=True,
            interface=Interfaces.WSGI,
            workers=settings.workers,
            blocking_threads=settings.threads,
            backpressure=MOST_CONNECTIONS,
            backlog=BACKLOG,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_MS),
            respawn_failed_workers=True,
            respawn_interval=RESPAWN_S,
            workers_kill_timeout=STOP_S,
            **_address(settings.bind),
        ).serve()
    finally:
        remove_metrics_dir()


def _address(bind: str) -> dict[str, Any]:
    """Where to listen, in Granian's words."""
    if bind.startswith("unix:"):
        return {"uds": Path(bind.removeprefix("unix:"))}
    host, _, port = bind.rpartition(":")
    return {"address": host.strip("[]") or "0.0.0.0", "port": int(port)}  # noqa: S104 - ":8080" is every address


if __name__ == "__main__":
    try:
        serve(Settings.from_env())
    except SettingsError as error:
        sys.exit(f"connected-jobs: {error}")
