"""What may be planned on, minute by minute: the usable share of the ceiling, less what other traffic takes by the hour."""

from __future__ import annotations

from math import inf, isinf
from typing import TYPE_CHECKING, Final

import numpy as np

from app.capacity.local_time import wall_time
from app.capacity.planner.demand.minute_counts import DAY_MIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.capacity.apportion import Counts
    from app.capacity.planner.demand.minute_counts import MinuteCounts

QUARTER_MIN: Final = 15  # every zone's offset is a multiple of it, so within one the local hour is the same


class UsableRate:
    """Calls/s that campaigns may ask for, never below 0.

    Args:
        rps: Of the service, infinite where nothing limits it.
        base_load_rps: What other traffic takes, by hour of the local day: 24 numbers, or none of them.
        time_zone: Whose local hours these are.
    """

    def __init__(self, rps: float, base_load_rps: Sequence[float] = (), time_zone: str = "UTC") -> None:
        self.rps = rps
        self.base_load_rps = tuple(base_load_rps)
        self._zone = time_zone
        self._base_of_days: dict[int, NDArray[np.float64]] = {}

    def base_at(self, minutes: Counts) -> NDArray[np.float64]:
        """Return what other traffic takes in each of some minutes."""
        base = np.zeros(len(minutes))
        if not self.base_load_rps:
            return base
        days, places = np.divmod(minutes, DAY_MIN)
        for day in np.unique(days).tolist():
            here = days == day
            base[here] = self._base_of_day(day)[places[here]]
        return base

    def at(self, minutes: Counts) -> NDArray[np.float64]:
        """Return what campaigns may ask for in each of some minutes."""
        return np.maximum(self.rps - self.base_at(minutes), 0.0)

    def of(self, first: int, length: int) -> NDArray[np.float64]:
        """Return what campaigns may ask for in `length` minutes from `first` on."""
        if not self.base_load_rps:
            return np.full(length, self.rps)
        return self.at(np.arange(first, first + length))

    def in_minute(self, minute: int) -> float:
        """Return what campaigns may ask for in one minute."""
        return float(self.of(minute, 1)[0])

    def base_in_minute(self, minute: int) -> float:
        """Return what other traffic takes in one minute."""
        return float(self.base_at(np.array([minute]))[0])

    def worst(self, first: int, calls: Counts) -> tuple[int, int]:
        """Return the calls of the minute that is most above what is usable, or nearest to it, and that minute."""
        if not len(calls):
            return 0, first
        above = calls if self._is_flat() else calls - self.of(first, len(calls))
        place = int(above.argmax())
        return int(calls[place]), first + place

    def worst_of(self, counts: MinuteCounts) -> tuple[int, int]:
        """Return the same of all minutes with calls; (0, 0) where there are none."""
        minutes = counts.busy()
        if self._is_flat() or not len(minutes):
            return counts.peak()
        calls = counts.at(minutes)
        place = int((calls - self.at(minutes)).argmax())
        return int(calls[place]), int(minutes[place])

    def _is_flat(self) -> bool:
        return not self.base_load_rps or isinf(self.rps)

    def _base_of_day(self, day: int) -> NDArray[np.float64]:
        if day not in self._base_of_days:
            quarters = range(day * DAY_MIN, (day + 1) * DAY_MIN, QUARTER_MIN)
            hours = [wall_time(minute, self._zone).hour for minute in quarters]
            self._base_of_days[day] = np.repeat([self.base_load_rps[hour] for hour in hours], QUARTER_MIN)
        return self._base_of_days[day]


UNLIMITED: Final = UsableRate(inf)
