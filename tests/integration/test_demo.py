"""A demo ends whole, begins again as it was, and refuses in one sentence what it cannot do."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from tests.integration.running_demo import (
    ROOT,
    SMALL,
    free_port,
    in_a_terminal,
    processes_naming,
    quick_place,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.commands import Command, Ran

COMMAND = ROOT / ".venv/bin/connected-jobs"


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_place() as place:
        yield place


@pytest.fixture
def demo(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """A demo that is refused before it starts anything, in this process."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CJ_DATA_DIR", str(folder))
    return lambda *options: command("demo", *options)


def ended(folder: Path, *options: str | Path) -> tuple[int, str]:
    """Exit code and words of a demo that ends by itself, as a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [COMMAND, "demo", *options],
        cwd=ROOT,
        env={**inherited, "CJ_DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def test_it_leaves_nothing_behind_and_the_next_start_keeps_its_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved passwords and open sessions go on working; what a shell says of another Postgres changes nothing."""
    port = free_port()
    start: list[str | Path] = [COMMAND, "demo", "--port", str(port), *SMALL, "--mails", "50"]
    key = folder / f"demo-{port}" / "session-key"
    with in_a_terminal(*start, folder=folder) as terminal:
        first = terminal.read_until("Ctrl-C stops")
        first_key = key.read_text()
        wait_until(lambda: "experiment start" in (key.parent / "mail.log").read_text(), 60.0)
        assert terminal.press_ctrl_c() == 0
        wait_until(lambda: not processes_naming(str(folder)))
    elsewhere = {"DATABASE_URL_FILE": "/nowhere", "CJ_SESSION_KEY": "x" * 40}
    with in_a_terminal(*start, folder=folder, **elsewhere) as terminal:
        second = terminal.read_until("Ctrl-C stops")
        terminal.process.send_signal(signal.SIGKILL)
        wait_until(lambda: not processes_naming(str(folder)))
    assert [re.findall(r"(?:secret:|-su) +(\S+)", first)] == [re.findall(r"(?:secret:|-su) +(\S+)", second)]
    assert key.read_text() == first_key
    assert "Generated, not real" in first
    assert "Generated, not real" not in second
    code, printed = ended(folder, "--port", str(port), *SMALL, "--once")
    assert (code, json.loads(printed)["count"]) == (0, 10)
    monkeypatch.setenv("CJ_HEALTH_BIND", "203.0.113.1:81")  # no address of this machine
    code, printed = ended(folder, "--port", str(port), *SMALL, "--once")
    assert (code, "The service stopped while starting. The end of" in printed) == (1, True)


def test_a_refusal_is_all_that_a_terminal_shows(folder: Path) -> None:
    code, printed = ended(folder, "--port", str(free_port()), "--data", folder / "none")
    assert code == 1
    assert re.fullmatch(rf"connected-jobs: There is no folder {folder}/none: [^\n]+\n", printed)


def test_a_taken_port_is_one_clear_sentence_and_leaves_nothing(
    folder: Path, demo: Callable[..., Ran]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for options, way_out in (
            (["--port", str(port)], r"`make demo PORT=\d+`"),
            (["--port", str(free_port()), "--planner-port", str(port)], r"`--planner-port \d+`"),
        ):
            code, out, said = demo(*options)
            assert (code, out) == (1, "")
            assert re.fullmatch(rf"connected-jobs: Port {port} is taken: choose another, {way_out}\.\n", said)
    assert list(folder.iterdir()) == []


def test_the_port_named_instead_is_a_free_one(demo: Callable[..., Ran]) -> None:
    """The next one is often the planner's of the demo that has the port."""
    with ExitStack() as servers:
        port = servers.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        with suppress(OSError):  # another program has it: as well
            servers.enter_context(socket.create_server(("127.0.0.1", port + 1)))
        said = demo("--port", port).sentence
        assert f"PORT={port + 1}`" not in said
        assert re.search(r"PORT=\d+`", said)


def test_a_second_demo_on_the_port_of_one_that_is_starting_is_refused(
    folder: Path, demo: Callable[..., Ran]
) -> None:
    port = free_port()
    (folder / f"demo-{port}").mkdir()
    with (folder / f"demo-{port}" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as one does before it listens
        assert f"Port {port} is taken" in demo("--port", port).sentence


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
    folder: Path, demo: Callable[..., Ran], files: list[str] | None, sentence: str
) -> None:
    data = folder / "data"
    if files is not None:
        data.mkdir()
        for name in files:
            (data / name).write_text("id,mail_consent\n")
    code, out, said = demo("--port", free_port(), "--data", data)
    assert (code, out) == (1, "")
    assert re.fullmatch(r"connected-jobs: [^\n]+\n", said)
    assert sentence in said
