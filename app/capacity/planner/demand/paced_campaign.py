"""One campaign's messages: when they fall due, and what it starts by itself at any limit."""

from math import ceil

import numpy as np

from app.capacity.campaign import Campaign, QuietHours, Workspace
from app.capacity.local_time import quiet_begins
from app.capacity.planner.demand.expected_arrivals import ArrivalCurve
from app.capacity.planner.demand.minute_counts import DAY_MIN
from app.capacity.planner.demand.pacing import (
    Pacing,
    QueuedCampaign,
    pace_alone,
    pace_in_open_hours,
    pace_together,
)
from app.capacity.planner.demand.work import WorkBudget, WorkLimitExceededError
from app.capacity.simulation.schedule import HOUR_MIN

LEAST_STEPS = 60  # steps of the closed form
MINUTES_A_STEP = 40
GIVING_UP_A_STEP = 4  # minutes that are counted one by one
PLAYED_FOR_ABORTS = 60_000  # steps for who is aborted, where it is sure that some are
CLOCK_STEPS = 10  # for a look at a zone's clock


class PacedCampaign:
    """A campaign of one size: cases that differ in calls alone share it, and what it remembers."""

    def __init__(
        self, campaign: Campaign, workspace: Workspace, arrivals: ArrivalCurve, work: WorkBudget
    ) -> None:
        self.arrivals = arrivals
        self._quiet = campaign.quiet_hours
        self._time_zone = workspace.time_zone
        self._keep_min = workspace.assumptions.delay_abort_h * HOUR_MIN
        self._work = work
        self._alone: dict[int, Pacing] = {}

    def alone(self, cap: int) -> Pacing:
        """Return what it starts by itself, each minute at most `cap`. Raises WorkLimitExceededError."""
        if cap not in self._alone:
            self._alone[cap] = self.pace(self.arrivals, cap)
        return self._alone[cap]

    def queued(self, cap: int, moved_min: int = 0) -> QueuedCampaign:
        """Return it as it waits in line with others."""
        return QueuedCampaign(
            arrivals=self.arrivals.moved(moved_min), limit_per_min=cap, quiet_hours=self._quiet
        )

    def pace(self, arrivals: ArrivalCurve, cap: int) -> Pacing:
        """Return what any arrivals of this campaign come to. Raises WorkLimitExceededError."""
        self._work.spend(LEAST_STEPS + arrivals.length_min() // MINUTES_A_STEP)
        if self._quiet is None:
            return self._counted(pace_alone(arrivals, cap, self._keep_min))
        alike = set(arrivals.zones)
        if len(alike) > 1:
            return self._in_many_zones(arrivals, cap, self._quiet, alike)
        zone = next(iter(alike), self._time_zone)
        self._work.spend(min(self._keep_min, arrivals.recipients() // cap) // MINUTES_A_STEP)
        pacing = pace_in_open_hours(arrivals, cap, self._keep_min // 2, self._quiet, zone)
        if not pacing.aborted:  # nobody waits so long that it matters who of those held comes first
            return self._counted(pacing)
        try:
            return self._played(arrivals, cap, self._quiet, most_steps=PLAYED_FOR_ABORTS)
        except WorkLimitExceededError:  # that some are aborted is sure, and how many nearly
            return self._counted(pace_in_open_hours(arrivals, cap, self._keep_min, self._quiet, zone))

    def _counted(self, pacing: Pacing) -> Pacing:
        """Pay for what was laid out: minute by minute where messages were given up."""
        minutes_a_step = GIVING_UP_A_STEP if pacing.aborted else MINUTES_A_STEP
        self._work.spend(len(pacing.attempts) // minutes_a_step)
        return pacing

    def _in_many_zones(self, arrivals: ArrivalCurve, cap: int, quiet: QuietHours, zones: set[str]) -> Pacing:
        """Pace it as if quiet hours held nothing that waits; where they would, play it."""
        pacing = self._counted(pace_alone(arrivals, cap, self._keep_min))
        if not pacing.aborted and not self._held(arrivals, pacing, quiet, zones):
            return pacing
        # However long quiet hours hold a message, it waits in the hours between: where so many wait, some are aborted.
        longest_min = self._keep_min * ceil(DAY_MIN / (DAY_MIN - _length_min(quiet)))
        sure = self._counted(pace_alone(arrivals, cap, longest_min))
        return sure if sure.aborted else self._played(arrivals, cap, quiet)

    def _held(self, arrivals: ArrivalCurve, pacing: Pacing, quiet: QuietHours, zones: set[str]) -> bool:
        """Say whether messages wait when quiet hours begin in one of the zones."""
        if pacing.end is None:
            return False
        first = int(arrivals.minutes[0])
        due = np.bincount(arrivals.minutes - first, weights=arrivals.counts, minlength=pacing.end - first)
        due[pacing.first - first : pacing.end - first] -= pacing.attempts
        before = np.concatenate(([0], np.cumsum(due)))
        begins = [begin for zone in zones for begin in quiet_begins(quiet, zone, first, pacing.end)]
        self._work.spend(CLOCK_STEPS * len(zones) + CLOCK_STEPS * len(begins))
        return any(before[begin - first] > 0 for begin in begins)

    def _played(
        self, arrivals: ArrivalCurve, cap: int, quiet: QuietHours, *, most_steps: int | None = None
    ) -> Pacing:
        """Play it, with a part of the work that is left where `most_steps` says so."""
        queued = QueuedCampaign(arrivals=arrivals, limit_per_min=cap, quiet_hours=quiet)
        part = self._work.left if most_steps is None else max(0, min(most_steps, self._work.left))
        work = WorkBudget(part)
        try:
            (only,) = pace_together(
                [queued], workspace_limit=None, order="first_come", keep_min=self._keep_min, work=work
            )
        finally:  # what was tried in vain is work as well
            self._work.spend(part - max(0, work.left))
        return only


def _length_min(quiet: QuietHours) -> int:
    begin, end = (clock.hour * HOUR_MIN + clock.minute for clock in (quiet.begin, quiet.end))
    return (end - begin) % DAY_MIN
