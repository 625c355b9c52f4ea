"""A plan played against the service that it supposes."""

from collections.abc import Callable

import numpy as np

from app.capacity.campaign import Case
from app.capacity.plan.plan import Plan, parse_plan
from app.capacity.play.report import Report
from app.capacity.simulation.limited_service import LimitedService, RateLimits
from app.capacity.simulation.result import SimulationResult
from app.capacity.simulation.send import Send, play_through
from app.capacity.simulation.service import Perfect, Scripted, Service


def play_file(text: str, *, case: Case = "likely", progress: Callable[[float], None] | None = None) -> Report:
    """Read a plan file's text and play it, telling the share done. Raises PlanError: one sentence."""
    plan = parse_plan(text)
    return Report(plan, play_plan(plan, case=case, progress=progress), case)


def play_plan(
    plan: Plan, *, case: Case = "likely", progress: Callable[[float], None] | None = None
) -> SimulationResult:
    """Play a plan against the service it supposes."""
    send = Send(plan.campaigns, plan.workspace, seed=plan.seed, case=case)
    return play_through(send, supposed_service(plan, send.first_minute), progress)


def supposed_service(plan: Plan, first_minute: int, *, speed: int = 1) -> Service:
    """Make the service that a plan supposes: its own lines and failure script, else a perfect one.

    In a send played `speed` times as fast, the service's own seconds are so many of the plan's.
    """
    lines = plan.service
    inner: Service = Perfect()
    if lines is not None:
        inner = LimitedService(
            lines.ceiling_rps,
            limits=RateLimits.of_rates(
                soft_rps=lines.soft_rps,
                hard_rps=lines.hard_rps,
                degraded_cost=lines.degraded_cost,
                refused_cost=lines.refused_cost,
                window_s=speed,
            ),
            cut_off_s=plan.workspace.assumptions.cut_off_s * speed,
            most_waiting=lines.most_waiting * speed,
            overloaded_share=lines.overloaded_share,
        )
    if not plan.failures:
        return inner
    return Scripted(
        plan.failures, inner, first_minute=first_minute, rng=np.random.default_rng([plan.seed, 1])
    )
