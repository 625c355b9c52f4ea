"""Through PgBouncer nothing can be left in a session, and everything is as it should be all the same."""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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
from app.runtime.errors import UnavailableError
from app.serving.send_counts import CountBatch, SecondCount
from tests.pgbouncer import KEEPING, NO_KEEPING, PGBOUNCER, pgbouncer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.pgbouncer import PgBouncer

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian: pgbouncer)")
needs_keeping = pytest.mark.skipif(KEEPING is None, reason=NO_KEEPING)
ASKED = Statement(
    b"asked", "SELECT pg_catalog.now(), '한글'::text, pg_catalog.current_setting('search_path')".encode()
)
NAMES = Statement(b"names", b"SELECT name::text, $1::text FROM pg_catalog.pg_prepared_statements ORDER BY 1")
ROW = Statement(b"row", b"SELECT n, $1::text FROM public.changing")
# What only the role can say there, where the server is as strange as the tests' is.
OF_THE_ROLE = {
    "search_path": "pg_catalog, pg_temp",
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "plan_cache_mode": "force_generic_plan",
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
def settled(role: str, server_url: str) -> None:
    """The role says what only it can say."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name, value in OF_THE_ROLE.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    sql.Identifier(role), sql.Identifier(name), sql.SQL(value)
                )
            )


@dataclass
class Pooler:
    """The way to the test's own database through a PgBouncer, which may become another one."""

    url: str
    database_url: str
    user: str
    running: ExitStack = field(default_factory=ExitStack)

    def become(self, program: str | None, **settings: object) -> PgBouncer:
        """End the one that runs and start another at its port."""
        self.running.close()
        socket_dir = Path(str(conninfo_to_dict(self.database_url)["host"]))
        port = int(conninfo_to_dict(self.url)["port"] or 0)
        return self.running.enter_context(
            pgbouncer(socket_dir, port, user=self.user, program=program, **settings)
        )


@pytest.fixture
def pooler(database_url: str, role: str) -> Iterator[Pooler]:
    """The way through the installed PgBouncer."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    url = make_conninfo(
        host="127.0.0.1", port=port, user=role, dbname=conninfo_to_dict(database_url)["dbname"]
    )
    made = Pooler(url, database_url, role)
    with made.running:
        made.become(PGBOUNCER)
        yield made


@pytest.fixture
def pooled_url(pooler: Pooler) -> str:
    """The test's own database through the installed PgBouncer."""
    return pooler.url


@contextmanager
def answering(url: str, *statements: Statement, size: int = 2) -> Iterator[ServingPool]:
    """A pool of the service's on a URL, connected."""
    pool = ServingPool(
        url, statements, size=size, wait_s=5.0, statement_timeout_ms=5_000, through_pgbouncer=True
    )
    pool.open()
    pool.await_connected(10.0)
    try:
        yield pool
    finally:
        pool.close()


def names_of(pool: ServingPool) -> list[str]:
    """Under which names the session that is lent knows statements."""
    return [str(name) for name, _ in pool.rows(NAMES, ["any"])]


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


def test_no_timeout_of_the_role_ends_a_transaction_before_it_is_pinned(
    pooled_url: str, role: str, server_url: str
) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = 1").format(sql.Identifier(role))
        )
    engine = batch_engine(pooled_url, through_pgbouncer=True)
    for _ in range(30):
        with engine.begin() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_statement_may_stand_outside_a_transaction(pooled_url: str) -> None:
    engine = planner_engine(pooled_url, through_pgbouncer=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM connected_jobs.send"))
    with engine.begin() as connection:  # the same connection of the pool
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        connection.execute(text("CREATE TABLE public.not_kept (n int)"))
        connection.rollback()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT to_regclass('public.not_kept')")).scalar_one() is None
    engine.dispose()


@pytest.mark.usefixtures("settled")
def test_a_pgbouncer_that_keeps_no_statements_is_left_nothing(pooler: Pooler) -> None:
    with answering(pooler.url, ASKED, NAMES) as pool:
        assert names_of(pool) == []


@needs_keeping
@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("most", [200, 1])
def test_statements_are_prepared_where_pgbouncer_keeps_them(pooler: Pooler, most: int) -> None:
    """However few of them it keeps at a time."""
    pooler.become(KEEPING, max_prepared_statements=most)
    with answering(pooler.url, ASKED, NAMES) as pool:
        for _ in range(3):
            assert pool.rows(ASKED)[0][1] == "한글"
            names = names_of(pool)
            assert names
            assert all(name.startswith("PGBOUNCER_") for name in names)


@needs_keeping
@pytest.mark.usefixtures("settled")
def test_a_role_that_plans_statements_anew_is_named(
    pooler: Pooler,
    role: str,
    server_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connecting, "_warned", set())
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} RESET plan_cache_mode").format(sql.Identifier(role)))
    pooler.become(KEEPING)
    with caplog.at_level(logging.WARNING, "connected_jobs.postgres"), answering(pooler.url, ASKED):
        pass
    (record,) = caplog.records
    assert record.getMessage() == (
        f"PgBouncer lends sessions whose plan_cache_mode may be anything: run ALTER ROLE {role} "
        "SET plan_cache_mode = force_generic_plan as a superuser, or as the role"
    )


@needs_keeping
@pytest.mark.usefixtures("settled")
def test_a_newer_pgbouncer_may_be_told_to_keep_none(pooler: Pooler) -> None:
    pooler.become(KEEPING, max_prepared_statements=0)
    with answering(pooler.url, ASKED, NAMES) as pool:
        assert names_of(pool) == []


@needs_keeping
@pytest.mark.usefixtures("settled")
def test_a_pgbouncer_that_stops_keeping_statements_costs_no_answer(pooler: Pooler) -> None:
    running = pooler.become(KEEPING, max_prepared_statements=200, default_pool_size=2)
    with answering(pooler.url, ASKED, NAMES) as pool:
        assert pool.rows(ASKED)[0][1] == "한글"
        running.change("max_prepared_statements", 0)
        for _ in range(4):
            assert pool.rows(ASKED)[0][1] == "한글"
        running.change("max_prepared_statements", 100)
        for _ in range(4):
            assert pool.rows(ASKED)[0][1] == "한글"


@needs_keeping
@pytest.mark.usefixtures("settled")
def test_pgbouncer_is_upgraded_and_downgraded_under_a_service(pooler: Pooler) -> None:
    with answering(pooler.url, ASKED, NAMES) as pool:
        for program, kept in ((KEEPING, True), (PGBOUNCER, PGBOUNCER == KEEPING), (KEEPING, True)):
            pooler.become(program)
            wait_until(lambda: answers(pool), "the service has a way to Postgres again")
            assert bool(names_of(pool)) == kept


@needs_keeping
@pytest.mark.usefixtures("settled")
def test_a_session_that_pgbouncer_replaces_is_prepared_anew(pooler: Pooler, server_url: str) -> None:
    pooler.become(KEEPING)
    with answering(pooler.url, ASKED, NAMES) as pool, psycopg.connect(server_url, autocommit=True) as other:
        for _ in range(3):
            assert pool.rows(ASKED)[0][1] == "한글"
            assert names_of(pool)
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [pooler.user]
            )
            wait_until(lambda: answers(pool), "it has another session")


@needs_keeping
@pytest.mark.usefixtures("settled")
def test_a_table_that_changes_costs_no_answer(pooler: Pooler, database_url: str) -> None:
    """A session keeps the plan of a table as it was, and PgBouncer keeps the session."""
    pooler.become(KEEPING, default_pool_size=1)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE public.changing AS SELECT 7 AS n")
        with answering(pooler.url, ROW) as pool:
            for type_ in ("int", "bigint", "text"):
                owner.execute(sql.SQL("ALTER TABLE public.changing ALTER n TYPE {}").format(sql.SQL(type_)))
                for _ in range(3):
                    assert str(pool.rows(ROW, ["any"])[0][0]) == "7"


def answers(pool: ServingPool) -> bool:
    """Whether it does."""
    try:
        return bool(pool.rows(ASKED))
    except UnavailableError:
        return False


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Wait until it is."""
    end_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end_s, f"not within 30 s: {what}"
        time.sleep(0.02)


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


@pytest.mark.usefixtures("settled")
def test_answers_read_and_count(pooled_url: str, database_url: str) -> None:
    with answering(pooled_url, ASKED, CREDENTIALS) as pool:
        ((now, word, path),) = pool.rows(ASKED)
        PostgresSendCounts(pool).add(CountBatch("w", 1, [SecondCount("봄", "a", 1, 5, 0)], []))
        assert pool.rows(CREDENTIALS) == []
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
