"""What a conversion did, in numbers and sentences, and how it writes import files."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Records read, rows written by file, records lost by reason, and what else a reader should know."""

    read: int
    written: Mapping[str, int]
    lost: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in lines to read."""
        lost = sum(self.lost.values())
        return "\n".join(
            [
                f"{self.read - lost:,} of {self.read:,} records came through.",
                *(f"  wrote {rows:,} rows to {name}" for name, rows in self.written.items()),
                *(f"  lost {count:,}: {reason}" for reason, count in self.lost.items()),
                *(f"  {note}" for note in self.notes),
            ]
        )


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> int:
    """Write rows in the import format (None is empty, lists are joined by "|"), and return how many.

    Raises:
        ValueError: a row has a key that is no column.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        written = 0
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})
            written += 1
    return written


def _cell(value: object) -> object:
    if isinstance(value, list | tuple):
        return "|".join(str(item).replace("|", "/") for item in value)
    return f"{value:g}" if isinstance(value, float) else value
