"""CPU time and memory of a process and its descendants, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _UTIME, _CSTIME, _RSS_PAGES = 1, 11, 14, 21  # fields of /proc/PID/stat after the name, from 0 on
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


def tree_cpu_s(root: int) -> float:
    """User and system seconds of a process, its living descendants, and those that it has outlived."""
    ticks = sum(sum(map(int, fields[_UTIME : _CSTIME + 1])) for fields in _tree(root))
    return ticks / _TICKS_PER_S


def tree_memory_mb(root: int) -> float:
    """Resident memory of a process and its descendants; pages they share count once for each."""
    return sum(int(fields[_RSS_PAGES]) for fields in _tree(root)) * _PAGE_MB


def _tree(root: int) -> list[list[str]]:
    """What the kernel tells of each process in the tree; those that end meanwhile are left out."""
    fields_of = {int(entry.name): _stat(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    children: dict[int, list[int]] = {}
    for pid, fields in fields_of.items():
        if fields:
            children.setdefault(int(fields[_PARENT]), []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        if found_fields := fields_of.get(pid):
            found.append(found_fields)
    return found


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
