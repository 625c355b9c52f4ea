"""What a question about a send leaves open is what it asks for: the speed, the audience, how many servers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from app.capacity.local_time import MINUTE_S
from app.capacity.plan.campaign_table import MOST_RECIPIENTS
from app.capacity.plan.json_values import DefinitionError
from app.capacity.planner import ONLY_VERDICTS, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.capacity.plan.plan import Plan
    from app.capacity.planner import CampaignJudgement, Judgement

FEWEST: Final = 10  # members: a send to fewer is a test
USUAL_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A campaign's table as it is asked about, the plan file's fields as JSON values.

    A `rate_limited` one without `limit_per_min` asks for a speed; one without `audience` asks how many members it may
    have until its `finish_by`.
    """

    table: Mapping[str, Any]

    @property
    def open_speed(self) -> bool:
        """Whether the speed is asked for."""
        return self.table.get("kind") == "rate_limited" and "limit_per_min" not in self.table

    @property
    def open_audience(self) -> bool:
        """Whether the audience is asked for."""
        return "audience" not in self.table

    def settled(self, *, audience: int = FEWEST, limit_per_min: int | None = None) -> dict[str, Any]:
        """Return the table to judge: a speed that is asked for is none, and the planner finds the one that is safe.

        Raises:
            DefinitionError: an audience is asked for, and nothing says until when.
        """
        if self.open_audience and "finish_by" not in self.table:
            raise DefinitionError("finish_by is missing beside an audience that is asked for.", "finish_by")
        table = {**self.table, **({"audience": audience} if self.open_audience else {})}
        if self.open_speed:
            speed = {"kind": "at_once"} if limit_per_min is None else {"limit_per_min": limit_per_min}
            table |= speed
        return table


def wished_speed(own: CampaignJudgement, plan: Plan) -> int | None:
    """Return the speed that a send whose speed is asked for needs: as advised, or just fast enough for its end.

    One without an end is to be sent before Braze aborts what waits. None where it needs none.
    """
    if own.advised_limit_per_min is not None or own.starts_at is None:
        return own.advised_limit_per_min
    latest = timedelta(hours=plan.workspace.assumptions.delay_abort_h)
    time = latest if own.finish_by is None else own.finish_by - own.starts_at
    minutes = time.total_seconds() / MINUTE_S
    offered = plan.judging.offered_limits_per_min
    enough = (limit for limit in offered if ceil(own.recipients.high / limit) <= minutes)
    return next(enough, offered[-1])


def judge_question(plan: Plan, judge: Callable[..., Judgement]) -> Judgement:
    """Judge a plan some of whose speeds may be open: servers are told for the speeds that these need.

    `judge` is the planner's, with all it needs beside a plan and how much is worked out. Raises PlanError as it does.
    """
    found = judge(plan)
    speeds = {one.name: wished_speed(one, plan) for one in found.campaigns if one.open_speed}
    if not any(speeds.values()):
        return found
    campaigns = [
        replace(one, limit_per_min=speeds.get(one.name, one.limit_per_min)) for one in plan.campaigns
    ]
    wished = judge(replace(plan, campaigns=tuple(campaigns)), **ONLY_VERDICTS)
    return replace(found, instances=wished.instances)


def may_go(own: CampaignJudgement) -> bool:
    """Whether a send may go without anybody on record giving way."""
    moves_nobody = own.binding is None or own.binding.code is not ReasonCode.PUSHES_ASIDE
    return own.verdict in {"GO", "GO_IF"} and moves_nobody


def largest_audience(fits: Callable[[int], bool], *, digits: int = USUAL_DIGITS) -> int | None:
    """Find the largest audience that fits, rounded down to so many digits; None where not even ten members do.

    `fits` is asked about a dozen times. It holds for every audience up to some size: a smaller send at the same speed
    asks for the same calls for a shorter time.
    """
    least: int = 10 ** (digits - 1)
    per_power = 9 * least

    def audience(place: int) -> int:
        power, within = divmod(place, per_power)
        steps: int = (least + within) * 10**power
        return steps * FEWEST // least

    if not fits(FEWEST):
        return None
    low, high = 0, 1
    while audience(high) <= MOST_RECIPIENTS:
        high += per_power
    while low + 1 < high:
        middle = (low + high) // 2
        fitting = audience(middle) <= MOST_RECIPIENTS and fits(audience(middle))
        low, high = (middle, high) if fitting else (low, middle)
    return audience(low)
