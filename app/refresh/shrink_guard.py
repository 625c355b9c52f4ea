"""A refresh that sees far less than the last one did is refused: a good run must not silently give way to an empty one."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from app.postgres.lists.publications import select_log
from app.postgres.lists.runs import BoardCounts, Extent, count_activity, select_board_counts, select_extent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection, Engine

LEAST_PERCENT = 50
# Counted at most by a refresh of what changed, which would otherwise read all activity.
_MOST_ACTIVITY = 1_000_000
NOTHING_SEEN, NOTHING_MADE = BoardCounts(0, 0, None), Extent(0, 0)


class ShrunkError(Exception):
    """A refresh sees, or made, far less than the last one; the sentence says what, and what to do."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class ShrinkGuard:
    """The least that a refresh must see and make, in percent of what the last one did; 0 allows anything, nothing included.

    Attributes:
        last: The run published last, None before the first.
    """

    least_percent: int
    last: int | None = None
    seen: BoardCounts = NOTHING_SEEN
    extent: Extent = NOTHING_MADE

    def check_seen(self, seen: BoardCounts) -> None:
        """Raise `ShrunkError` where the board is far smaller than it was, or has no members."""
        self._check(
            "sees",
            {"members": seen.members, "postings": seen.postings, "activities": seen.activity},
            {"members": self.seen.members, "postings": self.seen.postings, "activities": self.seen.activity},
            must={"members"},
        )

    def check_made(self, made: Extent) -> None:
        """Raise `ShrunkError` where lists were made for far fewer members, or are far shorter.

        A board without activity has none; its members get the popular list.
        """
        self._check(
            "made",
            {"lists": made.lists, "places in them": made.places},
            {"lists": self.extent.lists, "places in them": self.extent.places},
        )

    def least_activity(self) -> int:
        """How many rows of activity to count at most: with so many there are enough."""
        return min(_MOST_ACTIVITY, self._least(self.seen.activity or 0))

    def _least(self, last: int) -> int:
        return ceil(last * self.least_percent / 100)

    def _check(
        self,
        verb: str,
        now: Mapping[str, int | None],
        last: Mapping[str, int | None],
        *,
        must: Collection[str] = (),
    ) -> None:
        few = [
            name
            for name, count in now.items()
            if count is not None and (count < self._least(last[name] or 0) or (count == 0 and name in must))
        ]
        if not self.least_percent or not few:
            return
        counts = ", ".join(
            f"{now[name]:,} {name}" + (f" ({last[name] or 0:,} in run {self.last})" if self.last else "")
            for name in few
        )
        raise ShrunkError(
            f"This refresh {verb} {counts}: nothing is published, answers come from what they came from. If that "
            "is right, give --yes; if not, look at the views in schema board and at what this role may read."
        )


def shrink_guard(engine: Engine, *, least_percent: int, recipe: str | None = None) -> ShrinkGuard:
    """The guard that follows from the run published last, of the usual lists or of a recipe."""
    with engine.connect() as connection:
        last = select_log(connection, recipe).newest
        if last is None or not least_percent:
            return ShrinkGuard(least_percent)
        seen, extent = select_board_counts(connection, last)
        return ShrinkGuard(least_percent, last, seen, extent or select_extent(connection, last))


def count_seen(connection: Connection, guard: ShrinkGuard, *, members: int, postings: int) -> BoardCounts:
    """What a refresh of what changed sees of the board; activity is counted up to the least that is enough."""
    least = guard.least_activity()
    return BoardCounts(members, postings, count_activity(connection, least) if least else None)
