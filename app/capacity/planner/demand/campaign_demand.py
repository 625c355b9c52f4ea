"""What one campaign asks of the service in one case: its minutes, and the calls of each one's busiest second."""

from functools import cached_property
from typing import Final

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.campaign import Arrivals, Campaign, Case, Workspace
from app.capacity.local_time import MINUTE_S
from app.capacity.planner.demand.expected_arrivals import (
    ArrivalCurve,
    expected_arrivals,
    highest_arrivals,
    laying_out_steps,
)
from app.capacity.planner.demand.paced_campaign import PacedCampaign
from app.capacity.planner.demand.pacing import Pacing
from app.capacity.planner.demand.work import WorkBudget
from app.capacity.simulation.within_minute import (
    WHOLE,
    call_passes,
    minute_curve,
    pass_shares,
    started_before,
)

ARRIVAL_STEPS: Final = 300  # of work
ARRIVALS_A_STEP: Final = 3
LOAD_STEPS: Final = 40
MINUTES_A_STEP: Final = 400
BROKEN: Final = 1e-6  # what a float product may be off by, in calls


class CampaignDemand:
    """A campaign's demand in one case, while every call is answered."""

    def __init__(
        self,
        campaign: Campaign,
        workspace: Workspace,
        case: Case,
        *,
        work: WorkBudget,
        like: "CampaignDemand | None" = None,
        calls_us: bool = True,
    ) -> None:
        """Take the messages of another case where it has as many recipients: `like`.

        A campaign that calls another host asks nothing of this service: `calls_us` False.
        """
        self.campaign = campaign
        self.triggered = isinstance(campaign.timing, Arrivals)
        self._work = work
        self._workspace = workspace
        self._case = case
        self.calls_us = calls_us
        self.recipients = int(campaign.audience.at(case))
        self.paced: PacedCampaign
        if like is not None and like.recipients == self.recipients:
            self.paced = like.paced
        else:
            work.spend(ARRIVAL_STEPS + laying_out_steps(campaign, self.recipients))
            self.paced = PacedCampaign(
                campaign, workspace, expected_arrivals(campaign, workspace, case), work
            )
            work.spend(len(self.arrivals.counts) // ARRIVALS_A_STEP)
        self._most = (
            highest_arrivals(campaign, workspace, case)
            if self.triggered and case == "high"
            else self.arrivals
        )
        assumed = workspace.assumptions
        self._shares = pass_shares(campaign.calls_per_recipient.at(case), assumed.cache_hit_share)
        self._most_loads: dict[int, tuple[int, Counts]] = {}

    @property
    def arrivals(self) -> ArrivalCurve:
        """When its messages fall due."""
        return self.paced.arrivals

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

    def alone(self, limit_per_min: int | None) -> Pacing:
        """Return what it starts by itself. Raises WorkLimitExceededError."""
        return self.paced.alone(self.cap(limit_per_min))

    def load(self, pacing: Pacing, limit_per_min: int | None) -> tuple[int, Counts]:
        """Return the first minute, and from it on the calls that no second of each minute exceeds.

        Of triggered messages in the high case it is what chance hardly exceeds (`highest_arrivals`), by itself and
        within the workspace's limit; expected numbers elsewhere. Raises WorkLimitExceededError.
        """
        self._work.spend(LOAD_STEPS + len(pacing.attempts) * (4 + len(self._shares)) // MINUTES_A_STEP)
        if self._most is self.arrivals:
            return pacing.first, self._peaks(pacing, self.arrivals, limit_per_min)
        cap = self.pace_per_min(limit_per_min)
        if cap not in self._most_loads:
            most = self.paced.pace(self._most, cap)
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
        if not self.calls_us:
            return np.zeros(len(attempts), dtype=np.int64)
        calls = callers.copy()
        for share in self._shares:
            callers = callers if share >= 1 else np.ceil(callers * share + BROKEN).astype(np.int64)
            calls += callers
        return calls

    def seconds(self, pacing: Pacing, limit_per_min: int | None, minute: int) -> Counts:
        """Return the calls of each second of `minute`, exactly as the send model places them: 60 numbers."""
        place = minute - pacing.first
        if not self.calls_us or not 0 <= place < len(pacing.attempts):
            return np.zeros(MINUTE_S, dtype=np.int64)
        pace = self.pace_per_min(limit_per_min) if pacing.paces is None else int(pacing.paces[place])
        count = int(pacing.attempts[place])
        arriving = int(self.arrivals.arriving_in(minute, 1)[0]) if self.triggered else 0
        edges = started_before(count, min(count, arriving), self._curve, max(pace, count))
        before = int(pacing.attempts[:place].sum())
        calls: Counts = call_passes(np.diff(edges), before, self._shares).sum(axis=0)
        return calls
