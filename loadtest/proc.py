"""Processes as Linux's /proc shows them: their children, CPU time and memory."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
KB = 1024
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // KB
_PARENT, _UTIME, _CSTIME, _RSS_PAGES = 1, 11, 14, 21  # fields of /proc/PID/stat after the name, from 0 on
_RESIDENT = 1  # field of /proc/PID/statm


def tree_cpu_s(root: int) -> float:
    """User and system seconds of a process, its living descendants, and those that it has outlived."""
    ticks = sum(sum(map(int, fields[_UTIME : _CSTIME + 1])) for fields in _tree(root))
    return ticks / _TICKS_PER_S


def tree_memory_mb(root: int) -> float:
    """Resident memory of a process and its descendants; pages they share count once for each."""
    return sum(int(fields[_RSS_PAGES]) for fields in _tree(root)) * _PAGE_KB / KB


def gunicorn_workers(ancestor: int, *, proc: Path = PROC) -> list[int]:
    """The worker processes of each gunicorn that a process started."""
    masters = [pid for pid in children(ancestor, proc=proc) if b"gunicorn" in _read(proc / f"{pid}/cmdline")]
    return sorted(pid for master in masters for pid in children(master, proc=proc))


def children(parent: int, *, proc: Path = PROC) -> list[int]:
    """Processes that a process started and that live."""
    stats = _stats(proc)
    return [pid for pid, fields in stats.items() if int(fields[_PARENT]) == parent]


def resident_kb(pid: int, *, proc: Path = PROC) -> int:
    """Resident memory, what is shared with others included; 0 where the process has ended."""
    fields = _read(proc / f"{pid}/statm").split()
    return int(fields[_RESIDENT]) * _PAGE_KB if fields else 0


def proportional_kb(pid: int, *, proc: Path = PROC) -> int:
    """Resident memory, of what is shared only this process's part; 0 where the kernel does not tell."""
    lines = _read(proc / f"{pid}/smaps_rollup").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(b"Pss:")), 0)


def _tree(root: int) -> list[list[bytes]]:
    """What the kernel tells of each process in the tree; those that end meanwhile are left out."""
    stats = _stats(PROC)
    below: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        below.setdefault(int(fields[_PARENT]), []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        waiting += below.get(pid, [])
        if pid in stats:
            found.append(stats[pid])
    return found


def _stats(proc: Path) -> dict[int, list[bytes]]:
    """Of each process that lives, the fields of its stat after its name."""
    read = {
        int(entry.name): _read(entry / "stat").rpartition(b")")[2].split()
        for entry in proc.iterdir()
        if entry.name.isdigit()
    }
    return {pid: fields for pid, fields in read.items() if fields}


def _read(path: Path) -> bytes:
    """A file of /proc; empty where the process ended meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
