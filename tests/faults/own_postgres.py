"""A Postgres of the fault tests' own: to be killed, frozen, filled up and brought back."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import psycopg

from app.postgres import migrate
from app.postgres.embedded import EmbeddedPostgresError, embedded_postgres
from app.postgres.engines import batch_engine
from tests.faults.load import CROWD
from tests.faults.processes import children
from tests.web import board

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.postgres.embedded import EmbeddedServer

_OPTIONS = {"fsync": "off", "max_connections": "100", "shared_buffers": "64MB"}
_START_AGAIN_S = 30.0


class OwnPostgres:
    """A server on a directory; after an end of any kind `start` begins it anew, at another socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._server: EmbeddedServer | None = None

    @property
    def url(self) -> str:
        """Its database "postgres", at the socket of now."""
        assert self._server is not None, "not running"
        return self._server.url

    @property
    def socket(self) -> Path:
        """The Unix socket of now."""
        return Path(unquote(self.url.partition("host=")[2])) / ".s.PGSQL.5432"

    def database_url(self, name: str) -> str:
        """Another database's URL."""
        return self.url.replace("/postgres?", f"/{name}?")

    def start(self, **options: str) -> None:
        """Begin; where processes of a killed server are still ending, again."""
        give_up_s = time.monotonic() + _START_AGAIN_S
        while self._server is None:
            try:
                self._server = self._stack.enter_context(
                    embedded_postgres(self._folder, options=_OPTIONS | options)
                )
            except EmbeddedPostgresError:
                if time.monotonic() > give_up_s:
                    raise
                time.sleep(0.2)

    def kill(self) -> None:
        """End every process of it at once, as the kernel does when memory runs out; nothing is left orderly."""
        self._signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it orderly, if it still runs."""
        self._server = None
        self._stack.close()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of it where it stands: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def copy(self, name: str, template: str) -> str:
        """A new database, made from another; returns its name."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def serving_connections(self) -> int:
        """How many connections the service holds."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'connected-jobs serve'"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def _signal(self, number: signal.Signals) -> None:
        assert self._server is not None, "not running"
        postmaster = self._server.pid
        for pid in (postmaster, *children(postmaster)):
            os.kill(pid, number)


def make_board(postgres: OwnPostgres, name: str) -> str:
    """A database with the fixed board, and a crowd whose lists are alike; its name."""
    url = postgres.database_url(postgres.copy(name, "template1"))
    engine = batch_engine(url)
    migrate.upgrade(engine, "board")
    migrate.upgrade(engine, "service")
    engine.dispose()
    with psycopg.connect(url) as connection:
        board.fill(connection)
        connection.execute(
            """
            INSERT INTO board.member (id, categories, mail_consent)
            SELECT 'f-' || lpad(n::text, 5, '0'), '{2}', true FROM generate_series(0, %s - 1) n
            """,
            [CROWD],
        )
        connection.execute(
            """
            INSERT INTO connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons)
            SELECT l.run_id, 'f-' || lpad(n::text, 5, '0'), l.posting_ids, l.reasons
            FROM connected_jobs.recommendation_list l, generate_series(0, %s - 1) n
            WHERE l.member_id = 'm-asked'
            """,
            [CROWD],
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return name
