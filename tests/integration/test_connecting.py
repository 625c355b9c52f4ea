"""Connections to other people's Postgres: what they rely on they set, and what cannot work is a sentence."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime, timedelta
from traceback import format_exception
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import text

from app.postgres import migrate
from app.postgres.board.load import load
from app.postgres.connecting import CannotConnectError, DatabaseUrlError, connect
from app.postgres.engines import batch_engine
from app.postgres.serving.heartbeat import PostgresSendCounts
from app.postgres.serving.pool import ServingPool, Statement
from app.postgres.serving.reads import STATEMENTS, PostgresStore
from app.refresh.incremental import refresh_changed
from app.refresh.whole import refresh
from app.runtime.deadline import Deadline
from app.serving.send_counts import CountBatch, SecondCount
from app.serving.store import Run
from tests.integration.small_board import fill, rows
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASKED = Statement(
    b"asked",
    b"SELECT now(), current_setting('search_path'), current_setting('TimeZone'), current_setting('statement_timeout'),"
    b" current_setting('default_transaction_read_only'), current_setting('jit'), current_setting('transaction_timeout', true),"
    b" current_setting('idle_session_timeout')",
)


@pytest.fixture
def strange_url(bare_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database on the strange server, asked from an environment that is no better."""
    monkeypatch.setenv("PGOPTIONS", "-c search_path=strangers,pg_catalog -c statement_timeout=1")
    monkeypatch.setenv("PGTZ", "Mars/Olympus")
    monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
    monkeypatch.setenv("PGCLIENTENCODING", "EUC_KR")
    monkeypatch.setenv("PGGEQO", "perhaps")
    return bare_database_url


def test_whoever_sets_nothing_meets_a_stranger_on_this_server(
    bare_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    with psycopg.connect(bare_database_url) as connection:
        assert connection.info.parameter_status("client_encoding") == "LATIN1"
        with pytest.raises(psycopg.errors.RaiseException, match="of a stranger's was called"):
            connection.execute("SELECT now()")


def test_a_commands_session_is_as_we_rely_on_it(strange_url: str) -> None:
    with batch_engine(strange_url).begin() as connection:
        row = connection.execute(
            text("""
                SELECT now(), date '2026-11-30', 0.1::double precision, '\\x00ff'::bytea, interval '1 day 02:00',
                       '한글'::text, array_to_string(ARRAY['a', NULL]::text[], '-'), current_setting('transaction_isolation')
            """)
        ).one()
        connection.execute(text("CREATE TABLE public.written (id bigint)"))
    assert row[0].tzinfo is UTC
    assert str(row[1]) == "2026-11-30"
    assert row[2:] == (
        0.1,
        b"\x00\xff",
        timedelta(days=1, hours=2),
        "한글",
        "a",
        "read committed",
    )


def test_an_answers_session_is_too(strange_url: str) -> None:
    pool = ServingPool(strange_url, (ASKED,), size=1, wait_s=5.0, statement_timeout_ms=800)
    pool.open()
    try:
        ((now, *settings),) = pool.rows(ASKED)
    finally:
        pool.close()
    assert isinstance(now, datetime)
    assert now.tzinfo is UTC
    assert settings == ["pg_catalog, pg_temp", "UTC", "800ms", "off", "off", "0", "0"]


def test_what_a_url_sets_besides_is_left_to_it(strange_url: str) -> None:
    url = make_conninfo(strange_url, options="-c work_mem=7MB -c search_path=strangers")
    with connect(url) as connection:
        row = connection.execute(
            "SELECT current_setting('work_mem'), current_setting('search_path')"
        ).fetchone()
    assert row == ("7MB", "pg_catalog, pg_temp")


@pytest.fixture
def database_in(server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database in another encoding."""
    name = _create(server_url, "cj_other")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C'").format(
                sql.Identifier(name), request.param
            )
        )
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.mark.parametrize("database_in", ["EUC_KR"], indirect=True)
def test_a_board_may_be_in_another_encoding(database_in: str, tmp_path: Path) -> None:
    engine = batch_engine(database_in)
    migrate.upgrade(engine, "board")
    migrate.upgrade(engine, "service")
    fill(engine, members=30, postings=60)
    refresh(engine, processes=1)
    report = refresh_changed(engine, processes=1)
    (tmp_path / "companies.csv").write_text("id,name\nc1,한빛\n", encoding="utf-8")
    load(engine, tmp_path, rejects=tmp_path / "rejects.csv")
    pool = ServingPool(database_in, STATEMENTS, size=1, wait_s=5.0, statement_timeout_ms=5_000)
    pool.open()
    try:
        store, run = PostgresStore(pool), Run(report.run_id, datetime.now(UTC), datetime.now(UTC))
        for unheard_of in ("회원-\N{GRINNING FACE}", "café", "\N{GRINNING FACE}"):
            assert store.member_row(unheard_of, run, b"", Deadline(time.monotonic() + 5)) is None
        found = store.member_row("m-000001", run, b"", Deadline(time.monotonic() + 5))
        assert found is not None
        assert found.posting_ids
        assert {posting.title for posting in store.newest_postings(3)} <= {f"공고 {n}" for n in range(1, 61)}
        PostgresSendCounts(pool).add(
            CountBatch(
                "w",
                1,
                [SecondCount("봄 \N{CHERRY BLOSSOM}", "가", 1, 5, 0), SecondCount("weekly", "가", 1, 7, 0)],
                [],
            )
        )
    finally:
        pool.close()
    assert rows(engine, "SELECT campaign, calls FROM connected_jobs.send_second ORDER BY calls") == [
        ("\\ubd04 \\U0001f338", 5),
        ("weekly", 7),
    ]


@pytest.mark.parametrize("database_in", ["SQL_ASCII"], indirect=True)
def test_a_database_whose_bytes_mean_nothing_is_refused(database_in: str) -> None:
    with pytest.raises(CannotConnectError, match=r"The database's encoding is SQL_ASCII.*restore it"):
        connect(database_in)


SECRET = "Hunter2Geheim"  # noqa: S105 - whatever is typed where it does not belong
PLACE = "127.0.0.1:1/board"
UNREADABLE = [
    f"postgresql//svc:{SECRET}@{PLACE}",
    f"postgresql:/svc:{SECRET}@{PLACE}",
    f"postgresql:svc:{SECRET}@{PLACE}",
    f"postgresql+psycopg://svc:{SECRET}@{PLACE}",
    f"jdbc:postgresql://{PLACE}?user=svc&password={SECRET}",
    f"DATABASE_URL=postgresql://svc:{SECRET}@{PLACE}",
    f" postgresql://svc:{SECRET}@{PLACE}",
    f"'postgresql://svc:{SECRET}@{PLACE}'",
    f'"postgresql://svc:{SECRET}@{PLACE}"',
    f"postgresql://svc:{SECRET}\n@{PLACE}",
    f"postgresql://svc:{SECRET}\0@{PLACE}",
    f"postgresql://svc:{SECRET}\udc80@{PLACE}",
    f"postgresql://svc {SECRET}@{PLACE}",
    f"postgresql://svc:{SECRET}%zz@{PLACE}",
    f"postgresql://svc:{SECRET}%@{PLACE}",
    f"postgresql://svc:{SECRET}/x@{PLACE}",
    f"postgresql://svc:{SECRET}@x@{PLACE}",
    f"postgresql://svc:{SECRET}@127.0.0.1:port/board",
    f"postgresql://svc:x@127.0.0.1:99999{SECRET}/board",
    "postgresql://svc:x@127.0.0.1:99999/board",
    f"postgresql://svc@{PLACE}?pasword={SECRET}",
    f"host=127.0.0.1 port=1 user=svc password={SECRET} x dbname=board",
    f"host='{SECRET} user=svc",
    SECRET,
]
UNUSABLE = [
    f"postgresql://svc:{SECRET}@{PLACE}",
    f"postgresql://svc:{SECRET}#x@{PLACE}",
    f"postgresql://svc:{SECRET}?x@{PLACE}",
    f"postgresql://{SECRET}@{PLACE}",
    f"postgresql://svc;{SECRET}@{PLACE}",
    f"postgresql://svc:@{SECRET}:1/board",
    f"postgresql://svc@[{SECRET}]:1/board",
    f"postgresql://svc@127.0.0.1,127.0.0.1:1,2,3/{SECRET}",
    f"postgresql://svc@127.0.0.1,{SECRET}:1/board",
    f"host=127.0.0.1 port=1 user=svc password={SECRET} dbname=board",
    f"hostaddr={SECRET} user=svc",
    f"host=/{SECRET} user=svc",
    f"service={SECRET}",
    *(
        f"postgresql://svc@{PLACE}?{name}={SECRET}"
        for name in (
            *(
                "sslmode",
                "target_session_attrs",
                "connect_timeout",
                "channel_binding",
                "keepalives",
                "gssencmode",
            ),
            *("load_balance_hosts", "require_auth", "host", "user", "ssl_min_protocol_version", "passfile"),
            *("sslcert", "client_encoding", "options"),
        )
    ),
]


def _said(url: str) -> str:
    with pytest.raises((DatabaseUrlError, CannotConnectError)) as refused:
        connect(url, connect_timeout=2)
    told = "".join(format_exception(refused.value))
    assert SECRET not in told
    return str(refused.value)


@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_that_cannot_be_read_is_one_sentence_without_the_password(url: str) -> None:
    assert _said(url).startswith("DATABASE_URL cannot be read: ")


@pytest.mark.parametrize("url", UNUSABLE)
def test_a_connection_that_does_not_come_about_is_one_sentence_without_the_password(url: str) -> None:
    assert re.fullmatch(r"[^\n]+", _said(url))


@pytest.fixture
def without_trust(server_url: str, bare_database_url: str) -> Iterator[str]:
    """The URL of a role that may not do much, on a database with our tables away."""
    role = f"nobody_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    yield make_conninfo(bare_database_url, user=role)
    with psycopg.connect(bare_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_what_a_server_refuses_is_said_in_our_words(server_url: str, without_trust: str) -> None:
    """A password typed where something else belongs comes back from the server."""
    assert _said(make_conninfo(server_url, dbname=SECRET)).startswith(
        "There is no database of DATABASE_URL's name"
    )
    assert _said(make_conninfo(server_url, user=SECRET)).startswith("There is no role of DATABASE_URL's name")
    assert _said(make_conninfo(server_url, options=f"-c {SECRET}=1")).startswith(
        "Postgres does not take a setting"
    )
    with psycopg.connect(without_trust) as connection:
        database = connection.info.dbname
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
        )
    assert _said(without_trust).startswith("The role of DATABASE_URL may not connect")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO PUBLIC").format(sql.Identifier(database)))
        connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(sql.Identifier(database)))
    assert _said(without_trust).startswith("Postgres has no connection left")
