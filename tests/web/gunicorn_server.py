"""The service as it runs in production: gunicorn through its own settings file, in processes of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.serving import GUNICORN
from tests.web.wire import call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READY_S = 30.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `log` is what it wrote, `metrics` the directory its workers count in."""

    port: int
    log: Path
    metrics: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def gunicorn(
    database_url: str,
    folder: Path,
    *,
    workers: int = 2,
    within: Sequence[str] = (),
    command: Sequence[str] = GUNICORN,
    **settings: str,
) -> Iterator[Server]:
    """Gunicorn on a free loopback port, ready; its listening socket is ours, so nobody can take the port between.

    Args:
        database_url: Of the database that it reads.
        folder: Where its log, counts and snapshot go.
        workers: How many.
        within: A command that replaces itself with the one it is given, to change what the service finds.
        command: What starts gunicorn.
        settings: More of its environment.
    """
    metrics, log = folder / "metrics", folder / "gunicorn.log"
    metrics.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CJ_")},
            "DATABASE_URL": database_url,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "CJ_BIND": f"fd://{listener.fileno()}",
            "CJ_WORKERS": str(workers),
            "CJ_THREADS": "4",
            "CJ_SNAPSHOT": str(folder / "saved.json"),
            **settings,
        }
        process = subprocess.Popen(
            [*within, *command], env=environment, stdout=output, stderr=output, pass_fds=[listener.fileno()]
        )
        server = Server(listener.getsockname()[1], log, Path(environment["PROMETHEUS_MULTIPROC_DIR"]))
        with ready_until_done(server.port, log, process):
            yield server


@contextmanager
def ready_until_done(port: int, log: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Wait until a server that was just started is ready; stop it at the end."""
    try:
        _wait_until_ready(port, log, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            if call(port, "/health/ready").status == 200:
                return
        except (OSError, IndexError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server is not ready: {log.read_text(errors='replace')}")
