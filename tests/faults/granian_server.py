"""The service on Granian, as `CJ_SERVER=granian connected-jobs serve` starts it."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from app.cli.serving import GRANIAN
from tests.web.gunicorn_server import Server, ready_until_done

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def granian(database_url: str, folder: Path, *, workers: int = 2, **settings: str) -> Iterator[Server]:
    """Granian on a free loopback port, ready; stopped at the end."""
    if importlib.util.find_spec("granian") is None:
        pytest.skip("granian is not installed (the extra granian)")
    metrics, log = folder / "metrics", folder / "granian.log"
    metrics.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CJ_")},
        "DATABASE_URL": database_url,
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "CJ_BIND": f"127.0.0.1:{port}",
        "CJ_WORKERS": str(workers),
        "CJ_SERVER": "granian",
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(GRANIAN, env=environment, stdout=output, stderr=output)
    server = Server(port, log, metrics)
    with ready_until_done(server.port, log, process):
        yield server
