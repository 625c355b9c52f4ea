"""Of several hosts the primary of now answers: two real servers, a promotion, and the old primary that comes back."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import wsgi
from app.postgres import failover
from app.postgres.connecting import CannotConnectError, connect, read_database_url
from app.postgres.embedded import _programs, embedded_postgres
from app.postgres.refusals import refusal
from app.postgres.serving.lag import PROMISED_S, ReplicationLag
from app.postgres.serving.pool import ServingPool, Statement
from app.settings import Settings, SettingsError
from tests.postgres_fixtures import quick_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE = Statement(b"where", b"SELECT pg_catalog.current_setting('data_directory')")
OPTIONS = {"fsync": "off", "shared_buffers": "16MB", "hot_standby": "on", "max_wal_senders": "4"}


def test_of_several_hosts_the_one_that_takes_writes_is_asked_unless_the_url_says_otherwise() -> None:
    asked = {
        url: read_database_url(url).attributes
        for url in (
            "postgresql://a@b/c",
            "postgresql://a@b,c/d",
            "postgresql://a@b,c/d?target_session_attrs=any",
            "host=a,b target_session_attrs=standby",
        )
    }
    assert list(asked.values()) == ["any", "read-write", "any", "standby"]


def test_a_service_that_counts_asks_no_standby() -> None:
    url = "postgresql://a@b,c/d?target_session_attrs=prefer-standby"
    with pytest.raises(
        SettingsError, match="takes no writes: give the primary's URL as CJ_WRITE_URL, or set"
    ):
        wsgi.create(Settings(database_url=url))
    with pytest.raises(SettingsError, match="CJ_WRITE_URL asks for a standby, which takes no writes"):
        wsgi.create(Settings(database_url=url, write_url=url))
    assert wsgi.create(Settings(database_url=url, write_url="postgresql://a@b/d")) is not None


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="connected-jobs-failover-", dir=quick_folder()))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def copy(url: str, to: Path) -> None:
    """Make a standby's directory."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    subprocess.run(
        [_programs() / "pg_basebackup", "-d", url, "-D", to, "-R", "-c", "fast", "--no-sync"],
        check=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
    )


def asked(connection: psycopg.Connection[tuple[str]]) -> str:
    row = connection.execute("SELECT pg_catalog.current_setting('data_directory')").fetchone()
    assert row is not None
    return Path(row[0]).name


def lags(primary: str, standby: str) -> tuple[bool, bool]:
    """Whether a standby is said to be behind, while it follows and when it has replayed nothing for a minute and more."""
    pool = ServingPool(standby, (), size=1, wait_s=5.0, statement_timeout_ms=5_000)
    pool.open()
    lag, told = ReplicationLag(pool), []
    try:
        lag.update()
        told.append(lag.sentence is not None)
        with (
            connect(standby, autocommit=True) as connection,
            psycopg.connect(primary, autocommit=True) as writer,
        ):
            connection.execute("SELECT pg_wal_replay_pause()")
            while connection.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
                pass
            writer.execute("CREATE TABLE public.later (n int)")
            writer.execute("SELECT pg_switch_wal()")
            while connection.execute(
                "SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
            ).fetchone() == (True,):
                pass
            lag.update()
            assert lag.seconds > 0
            lag.seconds += PROMISED_S
            told.append("behind its primary" in (lag.sentence or ""))
            connection.execute("SELECT pg_wal_replay_resume()")
    finally:
        pool.close()
    return told[0], told[1]


def test_the_primary_of_now_is_asked_and_the_one_of_before_is_left(folder: Path) -> None:
    with embedded_postgres(folder / "first", options=OPTIONS) as first:
        copy(first.url, folder / "second")
        with embedded_postgres(folder / "second", options=OPTIONS) as second:
            sockets = [str(conninfo_to_dict(server.url)["host"]) for server in (first, second)]
            url = make_conninfo(host=",".join(sockets), user="postgres", dbname="postgres")
            standby = make_conninfo(url, target_session_attrs="standby")
            pool = ServingPool(url, (WHERE,), size=2, wait_s=5.0, statement_timeout_ms=5_000)
            pool.open()
            try:
                with connect(url) as connection:
                    assert asked(connection) == "first"
                with connect(standby) as connection:
                    assert asked(connection) == "second"
                    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as refused:
                        connection.execute("CREATE TABLE public.written (n int)")
                    assert refusal(refused.value).startswith("This Postgres takes no writes")
                with connect(make_conninfo(url, target_session_attrs="prefer-standby")) as connection:
                    assert asked(connection) == "second"
                pool.follow_primary()
                assert Path(pool.rows(WHERE)[0][0]).name == "first"
                assert lags(first.url, standby) == (False, True)

                with psycopg.connect(second.url, autocommit=True) as connection:
                    connection.execute("SELECT pg_promote()")
                # Cut off, it knows nothing of its being the primary no more; it takes writes, as it would after a restart.
                pool.follow_primary()
                assert {Path(pool.rows(WHERE)[0][0]).name for _ in range(5)} == {"second"}
            finally:
                pool.close()
            failover._best.clear()  # a process that begins now
            with connect(url) as connection:
                assert asked(connection) == "second"
        with pytest.raises(CannotConnectError, match="only a primary of before the failover answers"):
            connect(url)
