"""Programs that run while something is measured, each on its own cores, and that end with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadtest.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

STOP_S = 15.0
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class PinnedCores:
    """Which cores the measured server has for itself and which everything else has; empty where not pinned."""

    server: tuple[int, ...] = ()
    rest: tuple[int, ...] = ()

    @classmethod
    def divide(cls, available: Sequence[int], *, workers: int) -> PinnedCores:
        """One core a worker for the server and the others for the rest; no pinning where none would be left."""
        if len(available) <= workers or shutil.which("taskset") is None:
            return cls()
        return cls(tuple(available[:workers]), tuple(available[workers:]))


def pin_to(command: Sequence[str], cores: Sequence[int]) -> list[str]:
    """The command on these cores only."""
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command] if cores else list(command)


@contextmanager
def running(
    command: Sequence[str], *, cores: Sequence[int], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own; the group is ended with the block, however that ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            pin_to(command, cores),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,  # Ctrl-C reaches it through us, after what depends on it
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        with suppress(ProcessLookupError):  # a child that its parent left behind
            os.killpg(process.pid, signal.SIGKILL)


def output_of(
    command: Sequence[str], *, cores: Sequence[int], environment: Mapping[str, str], limit_s: float
) -> str:
    """What a program prints.

    Raises:
        BenchError: it failed or did not end in time.
    """
    try:
        done = subprocess.run(
            pin_to(command, cores),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{' '.join(command[:4])} did not end within {limit_s:.0f} s.") from error
    except subprocess.CalledProcessError as error:
        last = " / ".join(str(error.stderr).strip().splitlines()[-_LAST_LINES:])
        raise BenchError(f"{' '.join(command[:4])} failed: {last}") from error
    return done.stdout


def last_lines(log: Path) -> str:
    """The end of a program's messages, on one line."""
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:])


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that no program is left behind."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
