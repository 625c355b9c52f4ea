"""Through PgBouncer nothing can be left in a session, and everything is as it should be all the same."""

from __future__ import annotations

import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text

from app.cli.database import CommandError
from app.cli.refreshing import refresh_
from app.postgres import connecting
from app.postgres.connecting import CannotConnectError, connect
from app.postgres.engines import batch_engine, planner_engine
from app.postgres.planning.register import PostgresRegister
from app.postgres.serving.heartbeat import PostgresSendCounts
from app.postgres.serving.pool import ServingPool, Statement
from app.postgres.serving.reads import CREDENTIALS
from app.serving.send_counts import CountBatch, SecondCount
from tests.pgbouncer import PGBOUNCER, pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian: pgbouncer)")
ASKED = Statement(
    b"asked", "SELECT pg_catalog.now(), '한글'::text, pg_catalog.current_setting('search_path')".encode()
)
# What only the role can say there, where the server is as strange as the tests' is.
OF_THE_ROLE = {
    "search_path": "pg_catalog, pg_temp",
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
}


@pytest.fixture
def role(server_url: str, database_url: str) -> Iterator[str]:
    """A role of PgBouncer's, with the rights of an owner."""
    name = f"pooled_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(sql.Identifier(name)))
        yield name
        connection.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
                sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
            )
        )
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def pooled_url(database_url: str, role: str, tmp_path: Path) -> Iterator[str]:
    """The test's own database through PgBouncer."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    given = conninfo_to_dict(database_url)
    folder = tmp_path / "pgbouncer"
    folder.mkdir()
    with pgbouncer(Path(str(given["host"])), port, folder, user=role):
        yield make_conninfo(host="127.0.0.1", port=port, user=role, dbname=given["dbname"])


def test_a_pgbouncer_that_nobody_told_of_is_named(pooled_url: str) -> None:
    with pytest.raises(CannotConnectError, match=r"leads to a PgBouncer.*CJ_PGBOUNCER=on"):
        connect(pooled_url)


def test_transactions_are_pinned_whatever_the_role_says(pooled_url: str) -> None:
    """Of commands and of the planner."""
    for engine in (
        batch_engine(pooled_url, through_pgbouncer=True),
        planner_engine(pooled_url, through_pgbouncer=True),
    ):
        with engine.begin() as connection:
            now, word, path, isolation = connection.execute(
                text(
                    "SELECT now(), '한글'::text, current_setting('search_path'), current_setting('transaction_isolation')"
                )
            ).one()
            connection.execute(text("CREATE TABLE public.written (n int)"))
            connection.execute(text("DROP TABLE public.written"))
        # A server may quote every name that it tells.
        assert path.replace('"', "") == "pg_catalog, pg_temp"
        assert (now.tzinfo, word, isolation) == (UTC, "한글", "read committed")
        engine.dispose()
    planner = planner_engine(pooled_url, through_pgbouncer=True)
    assert PostgresRegister(planner).campaigns() == []
    planner.dispose()


def test_answers_say_what_only_the_role_can_set_there(
    pooled_url: str,
    role: str,
    server_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connecting, "_warned", set())
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(sql.Identifier(role))
        )
    with caplog.at_level(logging.WARNING, "connected_jobs.postgres"):
        connect(pooled_url, through_pgbouncer=True, autocommit=True).close()
    assert [record.getMessage() for record in caplog.records] == [
        f"PgBouncer lends sessions whose {name} may be anything: run ALTER ROLE {role} SET {name} = {value} "
        "as a superuser, or as the role"
        for name, value in (("default_transaction_read_only", "off"), ("search_path", "pg_catalog, pg_temp"))
    ]


def test_answers_read_and_count(pooled_url: str, role: str, server_url: str, database_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name, value in OF_THE_ROLE.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    sql.Identifier(role), sql.Identifier(name), sql.SQL(value)
                )
            )
    pool = ServingPool(
        pooled_url,
        (ASKED, CREDENTIALS),
        size=2,
        wait_s=5.0,
        statement_timeout_ms=5_000,
        through_pgbouncer=True,
    )
    pool.open()
    try:
        ((now, word, path),) = pool.rows(ASKED)
        PostgresSendCounts(pool).add(CountBatch("w", 1, [SecondCount("봄", "a", 1, 5, 0)], []))
        assert pool.rows(CREDENTIALS) == []
    finally:
        pool.close()
    assert (now.tzinfo, word, path) == (UTC, "한글", "pg_catalog, pg_temp")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT second, calls FROM connected_jobs.send_second").fetchall() == [
            (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 5)
        ]


def test_a_refresh_wants_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch, pooled_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", pooled_url)
    monkeypatch.setenv("CJ_PGBOUNCER", "on")
    with pytest.raises(CommandError, match="leave CJ_PGBOUNCER off"):
        CliRunner().invoke(refresh_, catch_exceptions=False)
