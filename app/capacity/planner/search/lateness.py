"""Whether a campaign's messages all start in time: before its deadline, and before Braze aborts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.capacity.local_time import unix_minute, wall_time
from app.capacity.planner.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.forecast import Forecaster
    from app.capacity.planner.demand.pacing import Pacing


def why_late(
    plan: Plan, forecaster: Forecaster, index: int, limit_per_min: int | None, pacing: Pacing
) -> Reason | None:
    """Return why a campaign's messages do not all start in time at a limit, None where they do.

    Messages that Braze aborts come before the deadline: they are never sent.
    """
    campaign, zone = plan.campaigns[index], plan.workspace.time_zone
    held_up = _held_up_by_workspace(plan, forecaster, index, limit_per_min, pacing)
    if pacing.aborted:
        hours = plan.workspace.assumptions.delay_abort_h
        return Reason(
            ReasonCode.ABORT_72H,
            {"limit_per_min": limit_per_min, "aborted": pacing.aborted, "hours": hours, **held_up},
        )
    if campaign.finish_by is None or pacing.end is None:
        return None
    finish_by = unix_minute(campaign.finish_by, zone)
    if pacing.end <= finish_by:
        return None
    times = {"finishes_at": wall_time(pacing.end, zone), "finish_by": wall_time(finish_by, zone)}
    return Reason(ReasonCode.FINISH_BY, {"limit_per_min": limit_per_min, **times, **held_up})


def _held_up_by_workspace(
    plan: Plan, forecaster: Forecaster, index: int, limit_per_min: int | None, pacing: Pacing
) -> Mapping[str, int]:
    """Name the workspace's limit where a campaign ends later, or loses more, than its own limit makes it."""
    workspace_limit = plan.workspace.limit_per_min
    if workspace_limit is None:
        return {}
    with forecaster.work.unbounded():
        own = forecaster.alone(index, limit_per_min)
    if own.aborted >= pacing.aborted and (own.end or 0) >= (pacing.end or 0):
        return {}
    return {"workspace_limit_per_min": workspace_limit}
