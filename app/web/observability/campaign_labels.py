"""The campaigns that have a metric label of their own: a bounded list that all workers of an instance share."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class CampaignLabels:
    """The first `most` names that any worker sees.

    Counts outlive their worker, so a bound for each worker would not hold once workers are recycled; a file makes it hold
    for all workers there ever were. A name is looked up in the file only until it is known or the list is full, so a
    flood of names costs one set look-up each.
    """

    def __init__(self, most: int, file: Path | None = None) -> None:
        self._most = most
        self._file = file
        self._names: set[str] = set()

    def admits(self, name: str) -> bool:
        """Whether a name is on the list; it is added if there is room."""
        if name in self._names:
            return True
        if len(self._names) >= self._most:
            return False
        if self._file is None:
            self._names.add(name)
            return True
        try:
            self._names = self._add_to_file(self._file, name)
        except OSError:  # a full disk must not fail an answer
            return False
        return name in self._names

    def _add_to_file(self, file: Path, name: str) -> set[str]:
        """Add a name to the file if there is room; returns the file's names."""
        with file.open("a+", encoding="utf-8") as shared:
            fcntl.flock(shared, fcntl.LOCK_EX)
            shared.seek(0)
            names = set(shared.read().split("\n")) - {""}
            if name not in names and len(names) < self._most:
                shared.write(name + "\n")
                names.add(name)
        return names
