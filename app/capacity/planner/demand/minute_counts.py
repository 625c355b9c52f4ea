"""Counts by minute, of one campaign or added up over many."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from app.capacity.apportion import Counts

DAY_MIN: Final = 1_440


class MinuteCounts:
    """Counts by minute since 1970, kept in whole days, so that campaigns a year apart cost no more than two days."""

    def __init__(self) -> None:
        self._days: dict[int, Counts] = {}

    def add(self, first: int, counts: Counts, sign: int = 1) -> None:
        """Add `counts` of the minutes from `first` on; `sign` -1 takes them away again."""
        done = 0
        while done < len(counts):
            day, place = divmod(first + done, DAY_MIN)
            piece = counts[done : done + DAY_MIN - place]
            if day not in self._days:
                self._days[day] = np.zeros(DAY_MIN, dtype=np.int64)
            self._days[day][place : place + len(piece)] += sign * piece
            done += len(piece)

    def of(self, first: int, length: int) -> Counts:
        """Return the counts of `length` minutes from `first` on."""
        day, place = divmod(first, DAY_MIN)
        if place + length <= DAY_MIN:
            return self._day(day)[place : place + length]
        last = (first + length - 1) // DAY_MIN
        whole: Counts = np.concatenate([self._day(one) for one in range(day, last + 1)])
        return whole[place : place + length]

    def busy(self) -> Counts:
        """Return the minutes whose count is not 0, rising."""
        places = [day * DAY_MIN + np.flatnonzero(counts) for day, counts in sorted(self._days.items())]
        minutes: Counts = np.concatenate([np.zeros(0, dtype=np.int64), *places])
        return minutes

    def at(self, minutes: Counts) -> Counts:
        """Return the counts of any minutes, rising."""
        days, places = np.divmod(minutes, DAY_MIN)
        counts = np.zeros(len(minutes), dtype=np.int64)
        for day in np.unique(days).tolist():
            here = days == day
            counts[here] = self._day(day)[places[here]]
        return counts

    def peak(self) -> tuple[int, int]:
        """Return the highest count and its minute, the first one; (0, 0) of nothing."""
        peaks = (
            (int(counts.max()), -(day * DAY_MIN + int(counts.argmax()))) for day, counts in self._days.items()
        )
        highest, minute = max(peaks, default=(0, 0))
        return highest, -minute

    def _day(self, day: int) -> Counts:
        return self._days.get(day, _NOTHING)


_NOTHING: Final = np.zeros(DAY_MIN, dtype=np.int64)


def total(loads: Mapping[int, tuple[int, Counts]]) -> MinuteCounts:
    """Add up the loads of campaigns, each given as its first minute and its counts."""
    added = MinuteCounts()
    for first, counts in loads.values():
        added.add(first, counts)
    return added
