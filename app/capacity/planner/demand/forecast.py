"""All campaigns of a plan in one case: what starts when, and what it asks of the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.campaign import Case
from app.capacity.plan.plan import Plan
from app.capacity.planner.demand.campaign_demand import CampaignDemand
from app.capacity.planner.demand.minute_counts import MinuteCounts, total
from app.capacity.planner.demand.pacing import Pacing, pace_together
from app.capacity.planner.demand.work import WorkBudget
from app.capacity.simulation.schedule import HOUR_MIN

Limits = Mapping[int, int | None]  # the campaigns that are sent, by place in the plan, and their limits
FORECAST_STEPS = 30  # of work, for each campaign
_Sent = tuple[tuple[int, int | None, int], ...]
NOT_MOVED: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """A send in which every call is answered: limits, attempts and calls by campaign (its place in the plan)."""

    limits: Limits
    pacing: Mapping[int, Pacing]
    loads: Mapping[int, tuple[int, Counts]]

    def together(self) -> MinuteCounts:
        """Return the calls of the busiest second of each minute, over all campaigns.

        Every campaign's minute is densest in its first second, so peaks meet there, and adding them is no more
        than what the send model makes.
        """
        return total(self.loads)


class Forecaster:
    """Forecasts of one plan in one case, for any limits. It remembers what campaigns do by themselves."""

    def __init__(
        self,
        plan: Plan,
        case: Case,
        *,
        work: WorkBudget,
        like: "Forecaster | None" = None,
        hosts: frozenset[str] | None = None,
    ) -> None:
        """Share with the forecaster of another case what is the same; `hosts` name this service, None is any.

        Raises:
            WorkLimitExceededError: more work than is left.
        """
        shared: Sequence[CampaignDemand | None] = (
            [None] * len(plan.campaigns) if like is None else like.demands
        )
        self.demands: Sequence[CampaignDemand] = [
            CampaignDemand(
                campaign,
                plan.workspace,
                case,
                work=work,
                like=other,
                calls_us=hosts is None or campaign.host in hosts,
            )
            for campaign, other in zip(plan.campaigns, shared, strict=True)
        ]
        self.work = work
        self._workspace = plan.workspace
        alike = like is not None and all(
            one.paced is other.paced for one, other in zip(self.demands, like.demands, strict=True)
        )
        # What waits in line for the workspace's limit, by who is sent how: cases of the same audiences share it.
        self.played_lines: dict[_Sent, Mapping[int, Pacing]] = (
            like.played_lines if like is not None and alike else {}
        )

    def forecast(self, limits: Limits, moved_min: Mapping[int, int] = NOT_MOVED) -> Forecast:
        """Forecast the campaigns in `limits`, some of them begun later.

        Raises:
            WorkLimitExceededError: more work than is left.
        """
        pacing = self.pace(limits, moved_min)
        return Forecast(
            limits,
            pacing,
            {index: self.demands[index].load(one, limits[index]) for index, one in pacing.items()},
        )

    def pace(self, limits: Limits, moved_min: Mapping[int, int] = NOT_MOVED) -> Mapping[int, Pacing]:
        """Return what starts when. Raises WorkLimitExceededError."""
        self.work.spend(FORECAST_STEPS * len(limits))
        alone = {index: self.alone(index, limit, moved_min.get(index, 0)) for index, limit in limits.items()}
        if self._workspace.limit_per_min is None:
            return alone
        pacing = alone if self.fits_workspace(alone) else self._in_line(limits, moved_min)
        return self._with_paces(pacing, limits, self._workspace.limit_per_min)

    def fits_workspace(self, pacing: Mapping[int, Pacing]) -> bool:
        """Say whether campaigns, each by itself, stay within the workspace's limit in every minute."""
        limit = self._workspace.limit_per_min
        return (
            limit is None
            or total({index: (one.first, one.attempts) for index, one in pacing.items()}).peak()[0] <= limit
        )

    def alone(self, index: int, limit_per_min: int | None, moved_min: int = 0) -> Pacing:
        """Return what a campaign starts by itself, begun so much later. Raises WorkLimitExceededError."""
        demand = self.demands[index]
        if not moved_min:
            return demand.alone(limit_per_min)
        return demand.paced.pace(demand.arrivals.moved(moved_min), demand.cap(limit_per_min))

    def _with_paces(
        self, pacing: Mapping[int, Pacing], limits: Limits, workspace_limit: int
    ) -> Mapping[int, Pacing]:
        """Say how fast campaigns start messages in the minutes that they share: as `paces` of the send model does."""
        if len(pacing) == 1:
            return pacing
        together = total({index: (one.first, one.attempts) for index, one in pacing.items()})
        paced = {}
        for index, one in pacing.items():
            all_of_them = np.maximum(1, together.of(one.first, len(one.attempts)))
            cap = self.demands[index].cap(limits[index])
            share = np.minimum(cap, -(-workspace_limit * one.attempts // all_of_them))
            paced[index] = replace(one, paces=np.maximum(one.attempts, share))
        return paced

    def _in_line(self, limits: Limits, moved_min: Mapping[int, int]) -> Mapping[int, Pacing]:
        """Play them in line, in the plan's order, which decides between equals."""
        sent = tuple((index, limit, moved_min.get(index, 0)) for index, limit in sorted(limits.items()))
        if sent not in self.played_lines:
            self.played_lines[sent] = self._played_in_line(limits, moved_min)
        return self.played_lines[sent]

    def _played_in_line(self, limits: Limits, moved_min: Mapping[int, int]) -> Mapping[int, Pacing]:
        places = sorted(limits)
        assumed = self._workspace.assumptions
        queued = [
            self.demands[index].paced.queued(self.demands[index].cap(limits[index]), moved_min.get(index, 0))
            for index in places
        ]
        pacing = pace_together(
            queued,
            workspace_limit=self._workspace.limit_per_min,
            order=assumed.workspace_order,
            keep_min=assumed.delay_abort_h * HOUR_MIN,
            work=self.work,
        )
        return dict(zip(places, pacing, strict=True))
