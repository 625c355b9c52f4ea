"""Scenarios: plan files written for a service that does 1,000 calls/s, and scaled to one of another size.

Audiences, limits and lines are multiplied by R / 1,000, so that a scenario asks for the same share of any machine;
shapes, retries and Braze's own rules stay as written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from app.capacity.campaign import Campaign, Range
from app.capacity.plan.plan import Plan, ServiceLines
from loadtest.errors import LoadtestError
from loadtest.rehearsal.plans import calls_by_second, read_plan_file
from loadtest.rehearsal.rehearse import SILENCE_S, forecast
from loadtest.rehearsal.service_costs import Costs

SCENARIOS = Path(__file__).with_name("scenario_plans")
WRITTEN_FOR_RPS = 1_000.0
SPEEDS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)  # a minute has whole windows of the limiter at each


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A plan file, read; `about` is its first comment."""

    name: str
    about: str
    plan: Plan

    @property
    def lines(self) -> ServiceLines:
        """The service it is written for.

        Raises:
            LoadtestError: it says nothing of it.
        """
        if self.plan.service is None:
            raise LoadtestError(
                f"The scenario {self.name} has no table [service]: write the ceiling and lines it supposes."
            )
        return self.plan.service

    @property
    def limiter(self) -> tuple[int, int]:
        """The lines that the service runs with, soft and hard; 0 is off."""
        return int(self.lines.soft_rps or 0), int(self.lines.hard_rps or 0)


def read_scenarios(only: Sequence[str], folder: Path = SCENARIOS) -> list[Scenario]:
    """The scenarios whose names begin with one of `only`; all without.

    Raises:
        LoadtestError: there is none of that name, or a file is wrong.
    """
    paths = sorted(folder.glob("*.toml"))
    if unknown := [word for word in only if not any(path.stem.startswith(word) for path in paths)]:
        raise LoadtestError(
            f"There is no scenario {', '.join(unknown)}: choose among {', '.join(path.stem for path in paths)}."
        )
    wanted = [path for path in paths if not only or path.stem.startswith(tuple(only))]
    return [
        Scenario(
            name=path.stem,
            about=path.read_text(encoding="utf-8").splitlines()[0].lstrip("# "),
            plan=read_plan_file(path),
        )
        for path in wanted
    ]


def scaled(scenario: Scenario, costs: Costs) -> Scenario:
    """The scenario for a service of another size: audiences, limits and lines in proportion to its ceiling."""
    plan, factor = scenario.plan, costs.ceiling_rps / WRITTEN_FOR_RPS
    assumed, lines = plan.workspace.assumptions, scenario.lines
    workspace = replace(
        plan.workspace,
        limit_per_min=_times(plan.workspace.limit_per_min, factor),
        assumptions=replace(assumed, at_once_max_per_min=max(int(assumed.at_once_max_per_min * factor), 1)),
    )
    return replace(
        scenario,
        plan=replace(
            plan,
            campaigns=tuple(_scaled(campaign, factor) for campaign in plan.campaigns),
            workspace=workspace,
            service=ServiceLines(
                ceiling_rps=lines.ceiling_rps * factor,
                soft_rps=_times(lines.soft_rps, factor),
                hard_rps=_times(lines.hard_rps, factor),
                degraded_cost=costs.degraded,
                refused_cost=costs.refused,
                most_waiting=lines.most_waiting,
                overloaded_share=costs.overloaded_share,
            ),
        ),
    )


def _scaled(campaign: Campaign, factor: float) -> Campaign:
    audience = Range(*(int(campaign.audience.at(case) * factor) for case in ("low", "likely", "high")))
    return replace(campaign, audience=audience, limit_per_min=_times(campaign.limit_per_min, factor))


def _times(value: float | None, factor: float) -> int | None:
    return None if value is None else max(int(value * factor), 1)


def speed_for(plan: Plan, *, target_s: float) -> int:
    """The slowest speed at which a rehearsal takes no longer than `target_s`; the fastest where none does."""
    seconds = sorted(calls_by_second(forecast(plan)))
    busy_s = 1 + sum(min(later - earlier, SILENCE_S) for earlier, later in pairwise(seconds))
    return next((speed for speed in SPEEDS if busy_s / speed <= target_s), SPEEDS[-1])
