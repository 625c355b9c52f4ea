"""The planner in this process, and as it runs in production: gunicorn through its own settings file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.cli.planner import PLANNER
from app.credentials import Credential, CredentialBook, Role, Scope, hash_secret
from app.postgres.engines import planner_engine
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.results import PostgresResults
from app.web.limits import CallLimits
from app.web.planner.app import create_planner_app
from app.web.planner.parts import PlannerParts, SessionCookie
from tests.web.board import SCOPES, SECRETS
from tests.web.gunicorn_server import ready_until_done
from tests.web.wire import basic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

OPERATOR = basic("operator kim")


ROLES = {role: f"Bearer the secret of who may {role}" for role in Role}


class Credentials:
    """The fixed board's, without asking Postgres, and an operator's of each role."""

    def credentials(self) -> list[Credential]:
        """Those that are not revoked."""
        return [
            Credential(name, Scope(SCOPES[name]), hash_secret(secret))
            for name, secret in SECRETS.items()
            if name != "left"
        ] + [
            Credential(role, Scope.OPERATOR, hash_secret(f"the secret of who may {role}"), role)
            for role in Role
        ]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status_code: int
    mimetype: str
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.data)


class Planner:
    """The planner's API on a database, without its pages."""

    def __init__(self, url: str, *, now: datetime) -> None:
        self.now = now
        self.url = url
        self.engine = planner_engine(url)
        self.register = PostgresRegister(self.engine)
        self.book = CredentialBook(Credentials())
        self.book.update()
        self.app = create_planner_app(
            PlannerParts(
                register=self.register,
                evidence=PostgresEvidence(self.engine),
                book=self.book,
                limits=CallLimits(hard_rps=0, soft_rps=0, unknown_rps=0, workers=1),
                cookie=SessionCookie(key=b"k" * 32),
                clock=lambda: self.now,
                results=PostgresResults(self.engine),
            )
        )

    def ask(
        self, method: str, path: str, body: Any = None, *, version: int | None = None, **options: Any
    ) -> Reply:
        """Call a path under `/v1/capacity` as an operator; `version` goes into If-Match."""
        return self.open(method, f"/v1/capacity{path}", body, version=version, **options)

    def open(
        self, method: str, path: str, body: Any = None, *, version: int | None = None, **options: Any
    ) -> Reply:
        """Call any path as an operator."""
        headers = {"Authorization": OPERATOR} | options.pop("headers", {})
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if body is not None:
            options["json"] = body
        got = self.app.test_client().open(path, method=method, headers=headers, **options)
        return Reply(got.status_code, got.mimetype or "", dict(got.headers), got.data)


@dataclass(frozen=True, slots=True)
class Server:
    """A running planner; `log` is what it wrote."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def planner_server(database_url: str, folder: Path, **settings: str) -> Iterator[Server]:
    """A planner on a free loopback port, ready; its listening socket is ours, so nobody can take the port between."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "planner.log"
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CJ_")},
            "DATABASE_URL": database_url,
            "CJ_PLANNER_BIND": f"fd://{listener.fileno()}",
            "CJ_PLANNER_HTTPS_ONLY": "off",
            **settings,
        }
        process = subprocess.Popen(
            PLANNER, env=environment, stdout=output, stderr=output, pass_fds=[listener.fileno()]
        )
        server = Server(listener.getsockname()[1], log)
        with ready_until_done(server.port, log, process):
            yield server
