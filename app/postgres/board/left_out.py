"""Rows of the board that cannot be read: each is left out alone, named once in the log, and counted."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from app.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_NAMED = 100  # a view that spoils every row must not fill the log
_SHOWN = 200  # characters of an id
_log = logging.getLogger("connected_jobs.board")


class UnreadableRowError(ValueError):
    """A row that cannot be used: the column to blame, and what is wrong with its value."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


class LeftOutRows:
    """What was left out so far; `on_row` is called with the relation and the column each time."""

    def __init__(self, on_row: Callable[[str, str], None] = lambda _relation, _column: None) -> None:
        self._on_row = on_row
        self._named: set[tuple[str, str, str]] = set()
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, relation: str, row_id: object, error: UnreadableRowError) -> None:
        """Count a row that is left out of an answer or a refresh, and name it if it is the first time."""
        self.counts[relation, error.column] += 1
        self._on_row(relation, error.column)
        name = (relation, error.column, repr(row_id)[:_SHOWN])
        if len(self._named) < MOST_NAMED and name not in self._named:
            self._named.add(name)
            _log.warning("board.%s %s is left out: its %s %s", relation, name[2], error.column, error)

    @property
    def rows(self) -> int:
        """How many rows, where each was read once."""
        return self.counts.total()

    def sentences(self) -> list[str]:
        """How many rows were left out of which relation, and for which column."""
        return [
            f"Left out of board.{relation}: {counted(count, 'row')} whose {column} cannot be used."
            for (relation, column), count in sorted(self.counts.items())
        ]
