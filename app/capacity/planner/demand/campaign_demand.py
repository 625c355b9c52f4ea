"""What one campaign asks of the service in one case: its minutes, and the calls of each one's busiest second."""

from functools import cached_property

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.campaign import Arrivals, Campaign, Case, QuietHours, Workspace
from app.capacity.local_time import MINUTE_S
from app.capacity.planner.demand.expected_arrivals import ArrivalCurve, expected_arrivals, highest_arrivals
from app.capacity.planner.demand.pacing import (
    Pacing,
    QueuedCampaign,
    WorkLimitExceededError,
    pace_alone,
    pace_in_open_hours,
    pace_together,
)
from app.capacity.simulation.schedule import HOUR_MIN
from app.capacity.simulation.within_minute import (
    WHOLE,
    call_passes,
    minute_curve,
    pass_shares,
    started_before,
)

BROKEN: float = 1e-6  # what a float product may be off by, in calls


class CampaignDemand:
    """A campaign's demand in one case, while every call is answered."""

    def __init__(self, campaign: Campaign, workspace: Workspace, case: Case) -> None:
        self.campaign = campaign
        self.triggered = isinstance(campaign.timing, Arrivals)
        self.arrivals = expected_arrivals(campaign, workspace, case)
        self._most = (
            highest_arrivals(campaign, workspace, case)
            if self.triggered and case == "high"
            else self.arrivals
        )
        self._workspace = workspace
        self._case = case
        assumed = workspace.assumptions
        self._keep_min = assumed.delay_abort_h * HOUR_MIN
        self._shares = pass_shares(campaign.calls_per_recipient.at(case), assumed.cache_hit_share)
        self._alone: dict[int, Pacing] = {}
        self._steps = 0  # of plays, since `renew`
        self._most_loads: dict[int, tuple[int, Counts]] = {}

    @cached_property
    def _curve(self) -> Counts:
        return minute_curve(self.campaign.burst.at(self._case), self._workspace.assumptions.minute_shape)

    @cached_property
    def _steepest(self) -> int:
        """The largest share of a minute's messages that one second starts: in parts of WHOLE."""
        return int(np.diff(self._curve).max())

    def cap(self, limit_per_min: int | None) -> int:
        """Attempts a minute at most, without a limit too."""
        return limit_per_min or self._workspace.assumptions.at_once_max_per_min

    def pace_per_min(self, limit_per_min: int | None) -> int:
        """How many messages a minute it starts like while it is alone."""
        cap = self.cap(limit_per_min)
        return min(cap, self._workspace.limit_per_min or cap)

    def queued(self, limit_per_min: int | None, moved_min: int = 0) -> QueuedCampaign:
        """Return the campaign as it waits in line with others."""
        return QueuedCampaign(
            arrivals=self.arrivals.moved(moved_min),
            limit_per_min=self.cap(limit_per_min),
            quiet_hours=self.campaign.quiet_hours,
        )

    def alone(self, limit_per_min: int | None, most_steps: int) -> Pacing:
        """Return what it starts by itself. Raises WorkLimitExceededError."""
        cap = self.cap(limit_per_min)
        if cap not in self._alone:
            self._alone[cap] = self.pace(self.arrivals, cap, most_steps)
        return self._alone[cap]

    def pace(self, arrivals: ArrivalCurve, cap: int, most_steps: int) -> Pacing:
        """Return what any arrivals of this campaign come to. Raises WorkLimitExceededError."""
        quiet = self.campaign.quiet_hours
        if quiet is None:
            return pace_alone(arrivals, cap, self._keep_min)
        alike = set(arrivals.zones)
        if len(alike) > 1:
            return self._played(arrivals, cap, quiet, most_steps)
        zone = next(iter(alike), self._workspace.time_zone)
        pacing = pace_in_open_hours(arrivals, cap, self._keep_min // 2, quiet, zone)
        if not pacing.aborted:  # nobody waits so long that it matters who of those held comes first
            return pacing
        try:
            return self._played(arrivals, cap, quiet, most_steps)
        except WorkLimitExceededError:
            pacing = pace_in_open_hours(arrivals, cap, self._keep_min, quiet, zone)
            if not pacing.aborted:
                raise
            return pacing

    def _played(self, arrivals: ArrivalCurve, cap: int, quiet: QuietHours, most_steps: int) -> Pacing:
        """Play the queue, with what is left of the steps."""
        queued = QueuedCampaign(arrivals=arrivals, limit_per_min=cap, quiet_hours=quiet)
        left = most_steps - self._steps
        try:
            (only,), steps = pace_together(
                [queued], workspace_limit=None, order="first_come", keep_min=self._keep_min, most_steps=left
            )
        except WorkLimitExceededError:
            self._steps = most_steps
            raise
        self._steps += steps
        return only

    def renew(self) -> None:
        """Grant all steps again."""
        self._steps = 0

    def load(self, pacing: Pacing, limit_per_min: int | None, most_steps: int) -> tuple[int, Counts]:
        """Return the first minute, and from it on the calls that no second of each minute exceeds.

        Of triggered messages in the high case it is what chance hardly exceeds (`highest_arrivals`), by itself and
        within the workspace's limit; expected numbers elsewhere. Raises WorkLimitExceededError.
        """
        if self._most is self.arrivals:
            return pacing.first, self._peaks(pacing, self.arrivals, limit_per_min)
        cap = self.pace_per_min(limit_per_min)
        if cap not in self._most_loads:
            most = self.pace(self._most, cap, most_steps)
            self._most_loads[cap] = most.first, self._peaks(most, self._most, limit_per_min)
        return self._most_loads[cap]

    def _peaks(self, pacing: Pacing, arrivals: ArrivalCurve, limit_per_min: int | None) -> Counts:
        paces = self.pace_per_min(limit_per_min) if pacing.paces is None else pacing.paces
        arriving = arrivals.arriving_in(pacing.first, len(pacing.attempts)) if self.triggered else None
        return self.peak_calls(pacing.attempts, paces, arriving)

    def peak_calls(self, attempts: Counts, paces: Counts | int, arriving: Counts | None = None) -> Counts:
        """Return for minutes of so many attempts, at paces a minute, the calls that no second of them exceeds.

        A second starts ceil(P F(s+1)) - ceil(P F(s)) <= ceil(P f) messages at pace P, f the largest share that a
        second has of a full minute, until none are left. Of messages `arriving` within the minute it is their own
        ceil(A f), beside all that waited when it began. A render pass that a share r of its callers reach makes
        floor(b + n r) - floor(b) <= ceil(n r) calls of n. So it is the send model's busiest second where every message
        reaches every pass, and a call or two a pass above it where not.
        """
        callers: Counts = np.minimum(attempts, -(-paces * self._steepest // WHOLE))
        if arriving is not None:
            within = np.minimum(attempts, arriving)
            callers = np.minimum(callers, attempts - within - (-within * self._steepest // WHOLE))
        calls = callers.copy()
        for share in self._shares:
            callers = callers if share >= 1 else np.ceil(callers * share + BROKEN).astype(np.int64)
            calls += callers
        return calls

    def seconds(self, pacing: Pacing, limit_per_min: int | None, minute: int) -> Counts:
        """Return the calls of each second of `minute`, exactly as the send model places them: 60 numbers."""
        place = minute - pacing.first
        if not 0 <= place < len(pacing.attempts):
            return np.zeros(MINUTE_S, dtype=np.int64)
        pace = self.pace_per_min(limit_per_min) if pacing.paces is None else int(pacing.paces[place])
        count = int(pacing.attempts[place])
        arriving = int(self.arrivals.arriving_in(minute, 1)[0]) if self.triggered else 0
        edges = started_before(count, min(count, arriving), self._curve, max(pace, count))
        before = int(pacing.attempts[:place].sum())
        calls: Counts = call_passes(np.diff(edges), before, self._shares).sum(axis=0)
        return calls
