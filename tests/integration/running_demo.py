"""A demo as somebody starts it, in a terminal: small, so that it is there soon."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import tempfile
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.postgres_fixtures import quick_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SMALL = ("--members", "300", "--postings", "150", "--mails", "0")
ROWS, COLUMNS = 60, 200
_ESCAPE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


@contextmanager
def quick_place() -> Iterator[Path]:
    """A folder that the account Postgres runs under can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(
        prefix="connected-jobs-tests-", dir=quick_folder(), ignore_cleanup_errors=True
    ) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


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


@dataclass
class Terminal:
    """A program in a terminal of its own, and what its screen shows."""

    process: subprocess.Popen[bytes]
    master: int
    written: bytes = field(default=b"")

    def read_until(self, words: str, seconds: float = 120.0) -> str:
        """The screen, once it shows these words."""
        deadline_s = time.monotonic() + seconds
        while words not in (shown := screen(self.written.decode(errors="replace"))):
            assert self.read(deadline_s - time.monotonic()), f"it ended, or took too long, showing: {shown}"
        return shown

    def read(self, seconds: float) -> bool:
        """Take what is written within some seconds; whether anything was."""
        ready, _, _ = select.select([self.master], [], [], max(0.0, seconds))
        try:
            some = os.read(self.master, 65_536) if ready else b""
        except OSError:  # what a terminal says when its last program has ended
            some = b""
        self.written += some
        return bool(some)

    def press_ctrl_c(self) -> int:
        """Ctrl-C, as the terminal sends it; the program's exit code."""
        os.write(self.master, b"\x03")
        while self.process.poll() is None:
            self.read(0.2)
        return self.process.returncode


@contextmanager
def in_a_terminal(*command: str | Path, folder: Path, **environment: str) -> Iterator[Terminal]:
    """A program started by a person; killed at the end if it runs still."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**inherited, "CJ_DATA_DIR": str(folder), "TERM": "xterm", **environment},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one system call
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def screen(written: str) -> str:
    """What a terminal of endless height shows of it: progress bars go up, erase and write anew."""
    lines, row, column, at = [""], 0, 0, 0
    while at < len(written):
        if code := _ESCAPE.match(written, at):
            at = code.end()
            number = int(code[1]) if code[1].isdigit() else 1
            match code[2]:
                case "A":
                    row = max(0, row - number)
                case "B":
                    row += number
                case "K":
                    lines[row] = "" if code[1] == "2" else lines[row][:column]
            continue
        character, at = written[at], at + 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row, column = row + 1, 0
        else:
            lines[row] = lines[row].ljust(column)[:column] + character + lines[row][column + 1 :]
            column += 1
        lines += [""] * (row + 1 - len(lines))
    return "\n".join(line.rstrip() for line in lines)
