"""Who is measured, and how each is started."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.bench.database import COMMAND, PEERS
from loadtest.bench.processes import output_of
from loadtest.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.bench.database import BoardDatabase


class PeerKind(Enum):
    """What runs a peer: the service's own command, the same WSGI server, or uvicorn."""

    SERVICE = "service"
    WSGI = "wsgi"
    ASGI = "asgi"


@dataclass(frozen=True, slots=True)
class Peer:
    """One contender; `reads` says whether it must ask Postgres once a call, `server` overrides the run's."""

    key: str
    name: str
    kind: PeerKind
    app: str = ""
    reads: bool = False
    one_member: bool = False
    server: str | None = None


ALL = (
    Peer("a", "this service, one member again and again", PeerKind.SERVICE, one_member=True),
    Peer("b", "this service, cold: another member each call", PeerKind.SERVICE, reads=True),
    Peer("c", "Flask, the same bytes", PeerKind.WSGI, f"{PEERS}.flask_static:app"),
    Peer("d", "Flask, the same read with psycopg", PeerKind.WSGI, f"{PEERS}.flask_read:app", reads=True),
    Peer("e", "FastAPI, the same read with asyncpg", PeerKind.ASGI, f"{PEERS}.fastapi_read:app", reads=True),
    Peer("f", "WSGI, the same bytes", PeerKind.WSGI, f"{PEERS}.wsgi_static:app"),
    Peer("e2", "FastAPI, the same work", PeerKind.ASGI, f"{PEERS}.fastapi_same_work:app", reads=True),
    Peer("bg", "this service, cold, on Granian", PeerKind.SERVICE, reads=True, server="granian"),
)
USUAL = ("a", "b", "c", "d", "e", "f", "e2")
SERVERS = ("gunicorn", "granian")
# So few of its latest lists does the service keep here that a walk through all members is cold.
KEPT_LISTS = 1_000
UNREACHED_RPS = 1_000_000  # both rate lines are on and do their work, and nothing here is over them


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What all servers of a run have alike."""

    server: str
    workers: int
    threads: int
    pool: int
    folder: Path

    def of(self, peer: Peer) -> str:
        """The server a peer runs on."""
        return "uvicorn" if peer.kind is PeerKind.ASGI else peer.server or self.server


def choose(keys: Sequence[str]) -> list[Peer]:
    """The peers of these keys, in this order.

    Raises:
        BenchError: there is no such peer.
    """
    known = {peer.key: peer for peer in ALL}
    if unknown := [key for key in keys if key not in known]:
        raise BenchError(f"There is no peer {', '.join(unknown)}: choose among {', '.join(known)}.")
    return [known[key] for key in keys]


def command(peer: Peer, settings: ServerSettings, port: int) -> list[str]:
    """How to start a peer on a loopback port."""
    workers, threads = str(settings.workers), str(settings.threads)
    if peer.kind is PeerKind.SERVICE:
        return [COMMAND, "serve"]
    if peer.kind is PeerKind.ASGI:
        return [
            *(sys.executable, "-m", "uvicorn", peer.app, "--host", "127.0.0.1", "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--workers", workers),
            *("--no-access-log", "--log-level", "warning"),
        ]
    if settings.of(peer) == "granian":
        return [
            *(sys.executable, "-m", "granian", peer.app, "--interface", "wsgi", "--no-ws"),
            *(
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--workers",
                workers,
                "--blocking-threads",
                threads,
            ),
            *("--log-level", "warning"),
        ]
    return [sys.executable, "-m", "gunicorn", "--config", f"python:{PEERS}.gunicorn_peer", peer.app]


def environment(peer: Peer, settings: ServerSettings, database: BoardDatabase, port: int) -> dict[str, str]:
    """What a peer, or the service, reads from its environment."""
    metrics = settings.folder / "metrics"
    metrics.mkdir(exist_ok=True)
    shared = {
        "DATABASE_URL": database.url,
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "CJ_BIND": f"127.0.0.1:{port}",
        "CJ_WORKERS": str(settings.workers),
        "CJ_THREADS": str(settings.threads),
        "CJ_CONNECTIONS": str(settings.pool),
        "CJ_LISTS": str(KEPT_LISTS),
        "CJ_HARD_RPS": str(UNREACHED_RPS),
        "CJ_SOFT_RPS": str(UNREACHED_RPS),
        "CJ_SNAPSHOT": str(settings.folder / "saved.json"),
        "CJ_DATA_DIR": str(database.data_dir),
    }
    if peer.kind is PeerKind.SERVICE:
        return shared | ({"CJ_SERVER": settings.of(peer)} if settings.of(peer) != "gunicorn" else {})
    return shared | {
        "BENCH_BODY": str(settings.folder / "body"),
        "BENCH_CONNECTIONS": str(settings.pool),
        "BENCH_GUNICORN_CONF": str(service_folder() / "gunicorn_conf.py"),
    }


def service_folder() -> Path:
    """Where the service's package is."""
    spec = importlib.util.find_spec("app")
    if spec is None or spec.origin is None:
        raise BenchError("The service is not installed here: run `uv sync`.")
    return Path(spec.origin).parent


_REPORTED = (
    "worker_class",
    "workers",
    "threads",
    "keepalive",
    "backlog",
    "worker_connections",
    "preload_app",
    "reuse_port",
    "max_requests",
)


def server_settings(settings: ServerSettings, database: BoardDatabase) -> dict[str, str]:
    """The settings each kind of server runs with, for the record."""
    peer = next(peer for peer in ALL if peer.app == f"{PEERS}.wsgi_static:app")
    found = {
        "uvicorn": f"uvloop, httptools, workers {settings.workers}, pool of {settings.pool}, no access log",
        "granian": f"wsgi, workers {settings.workers}, blocking-threads {settings.threads}",
    }
    shown = output_of(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            f"python:{PEERS}.gunicorn_peer",
            "--print-config",
            peer.app,
        ],
        cores=(),
        environment=environment(peer, settings, database, 8080) | {"BENCH_BODY": os.devnull},
        limit_s=30.0,
    )
    values = dict(re.findall(r"^(\w+) += (.*)$", shown, re.MULTILINE))
    found["gunicorn"] = ", ".join(f"{name} {values[name]}" for name in _REPORTED if name in values)
    return found
