"""What is placed so far: the campaigns, their limits, and what all of them ask of the service together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.capacity.planner.demand.minute_counts import MinuteCounts
from app.capacity.planner.demand.pacing import NOTHING, Pacing

if TYPE_CHECKING:
    from app.capacity.apportion import Counts
    from app.capacity.planner.demand.forecast import Forecaster


class PlacedCampaigns:
    """The campaigns placed so far, by place in the plan.

    `limits` are theirs in messages a minute, None for unlimited. `loads` are their calls, each as if sent by itself:
    the first minute since 1970, and the calls of the busiest second of each minute from there on.
    """

    def __init__(self, forecaster: Forecaster, workspace_limit_per_min: int | None) -> None:
        self.limits: dict[int, int | None] = {}
        self.loads: dict[int, tuple[int, Counts]] = {}
        self._forecaster = forecaster
        self._workspace_limit = workspace_limit_per_min
        self._pacing: dict[int, Pacing] = {}
        self._calls = MinuteCounts()
        self._messages = MinuteCounts()

    def put(self, index: int, limit_per_min: int | None) -> None:
        """Place a campaign at a limit that was tried."""
        with self._forecaster.work.unbounded():
            alone = self._forecaster.alone(index, limit_per_min)
            load = self._forecaster.demands[index].load(alone, limit_per_min)
        self.limits[index] = limit_per_min
        self._pacing[index], self.loads[index] = alone, load
        self._calls.add(*load)
        self._messages.add(alone.first, alone.attempts)

    def remove(self, index: int) -> None:
        """Take a campaign away again."""
        alone, load = self._pacing.pop(index), self.loads.pop(index)
        del self.limits[index]
        self._calls.add(*load, -1)
        self._messages.add(alone.first, alone.attempts, -1)

    def calls(self, first: int, length: int) -> Counts:
        """Return the calls a second of `length` minutes from minute `first` on, as a copy."""
        return self._calls.of(first, length).copy()

    def uncrowded(self, also: Pacing = NOTHING) -> bool:
        """Say whether the workspace's limit leaves all that is placed, and `also`, as it is by itself."""
        if self._workspace_limit is None:
            return True
        messages = self._messages.of(also.first, len(also.attempts)) + also.attempts
        limit = self._workspace_limit
        return bool(messages.max(initial=0) <= limit) and self._messages.peak()[0] <= limit

    def ends(self) -> list[int]:
        """Return the minutes in which they end, in line where they share a limit. Raises WorkLimitExceededError."""
        return [
            pacing.end for pacing in self._forecaster.pace(self.limits).values() if pacing.end is not None
        ]
