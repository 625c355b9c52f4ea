"""Processes as Linux's /proc shows them: whose children they are, and what they hold."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.web.gunicorn_server import Server

_PROC = Path("/proc")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def children(parent: int) -> list[int]:
    """Living children, oldest first."""
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(ppid) == parent and state != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def master(server: Server) -> int:
    """The server's first process: a child of ours that counts in the server's metrics directory."""
    mark = f"PROMETHEUS_MULTIPROC_DIR={server.metrics}".encode()
    for pid in children(os.getpid()):
        with suppress(OSError):
            if mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                return pid
    raise AssertionError("the server is not running")


def workers(server: Server) -> list[int]:
    """The processes that answer."""
    return children(master(server))


def wait_for_workers(server: Server, count: int, *, other_than: list[int], within_s: float) -> None:
    """Wait until there are as many workers, none of them among those named."""
    give_up_s = time.monotonic() + within_s
    while time.monotonic() < give_up_s:
        now = workers(server)
        if len(now) == count and not set(now) & set(other_than):
            return
        time.sleep(0.05)
    raise AssertionError(f"workers are {workers(server)}, were {other_than}")


@dataclass(frozen=True, slots=True)
class Held:
    """What processes hold, added up."""

    threads: int
    files: int
    memory_mb: float


def held(pids: list[int]) -> Held:
    """Threads, open files and resident memory of processes."""
    threads = files = pages = 0
    for pid in pids:
        process = _PROC / str(pid)
        threads += len(list((process / "task").iterdir()))
        files += len(list((process / "fd").iterdir()))
        pages += int((process / "statm").read_text().split()[1])
    return Held(threads, files, pages * _PAGE_KB / 1024)


def cpu_s(pids: list[int]) -> float:
    """CPU time that processes have used so far."""
    ticks = 0
    for pid in pids:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_S
