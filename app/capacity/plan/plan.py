"""The plan file: what will be sent, when and how. Format: docs/plan-file.md."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import time
from itertools import pairwise
from typing import Any, Final, Literal, cast, get_args

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import Campaign, QuietHours, Workspace
from app.capacity.plan.campaign_table import (
    FASTEST_PER_MIN,
    HOURS,
    MOST_RECIPIENTS,
    SLOWEST_PER_MIN,
    read_campaign,
    with_speed,
)
from app.capacity.plan.repeats import repeated
from app.capacity.plan.table import PLAN, PlanError, Table, number, shown
from app.capacity.plan.times import as_plan_values
from app.capacity.simulation.service import CUT_OFF, DEGRADED, ScriptedMinutes

MOST_CHARACTERS: Final = 1_000_000
MOST_CAMPAIGNS: Final = 100
MOST_SCRIPTED: Final = 1_000
LAST_MINUTE: Final = 10_000  # of a failure script: about a week
MOST_RPS: Final = 1_000_000
MOST_COST: Final = 10
FAILED_STATUSES: Final = range(300, 600)  # Braze uses a 2xx only
BASE_LOAD_MEND: Final = "write one number, or 24, one for each hour of the day"
GoesFirst = Literal["start", "listed"]
# When Korea's Network Act, article 50 (3), asks for a consent of its own to advertising; e-mail is let off.
NIGHT: Final = QuietHours(time(21), time(8))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLines:
    """A supposed service: the calls/s it answers in time, and its limiter's lines.

    The costs are the work of a degraded answer and of a refusal, a full answer being 1, as measured with this
    service on one core. `most_waiting` calls wait where the connections of one worker are taken; once it is so far,
    `overloaded_share` of the ceiling is answered in time. `python -m loadtest.rehearsal.accuracy` measures all of them anew.
    """

    ceiling_rps: float
    soft_rps: float | None = None
    hard_rps: float | None = None
    degraded_cost: float = 0.7
    refused_cost: float = 0.7
    most_waiting: float = 64
    overloaded_share: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What the planner's verdict goes by.

    `usable_share` of a measured ceiling is planned on; evidence older than `evidence_max_age_days` is
    tested again; `offered_limits_per_min` are the delivery speeds Braze offers, rising (assumed: its
    documentation says only "various increments" from 10 to 500,000). Of campaigns of one priority the one with the
    earlier start `goes_first`, or the one listed first. What goes out in the `night` is noted; one of no length is none.
    `base_load_rps` are the calls/s that other traffic takes from the ceiling, by hour of the local day: 24 numbers, or none.
    """

    usable_share: float = 0.7
    evidence_max_age_days: float = 30.0
    offered_limits_per_min: tuple[int, ...] = (
        *(10, 50, 100, 500, 1_000, 2_500, 5_000),
        *(10_000, 25_000, 50_000, 100_000, 250_000, 500_000),
    )
    goes_first: GoesFirst = "start"
    night: QuietHours = NIGHT
    base_load_rps: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan file, read."""

    campaigns: tuple[Campaign, ...]
    workspace: Workspace
    seed: int = 1
    failures: tuple[ScriptedMinutes, ...] = ()
    service: ServiceLines | None = None
    judging: Judging = field(default_factory=Judging)


def parse_plan(text: str) -> Plan:
    """Read the text of a plan file that is to be sent. Raises PlanError: one sentence with table, field and mending."""
    plan = parse_question(text)
    for place, campaign in enumerate(plan.campaigns, start=1):
        with_speed(place, campaign)
    return plan


def parse_question(text: str) -> Plan:
    """Read the text of a plan file that is to be judged: speeds may be open. Raises PlanError as `parse_plan` does."""
    return read_plan(_parsed(text))


def read_plan(values: Mapping[str, Any], *, most_campaigns: int = MOST_CAMPAIGNS) -> Plan:
    """Read a plan's values, as TOML or JSON holds them; speeds may be open. Raises PlanError as `parse_plan` does."""
    table = Table(PLAN, as_plan_values(values))
    workspace = _workspace(table)
    plan = Plan(
        campaigns=_campaigns(table, most_campaigns),
        workspace=workspace,
        seed=table.either(1, table.whole, "seed", 0, 2**32 - 1),
        failures=_failures(table) if table.has("failures") else (),
        service=_service(table.table("service")) if table.has("service") else None,
        judging=_judging(table),
    )
    table.done()
    return plan


def read_shared(values: Mapping[str, Any]) -> tuple[Workspace, Judging]:
    """Read what all campaigns share: a plan's values without its campaigns. Raises PlanError."""
    table = Table(PLAN, as_plan_values(values))
    shared = _workspace(table), _judging(table)
    table.done()
    return shared


def _workspace(table: Table) -> Workspace:
    return Workspace(
        time_zone=table.zone("time_zone"),
        limit_per_min=table.either(
            None, table.whole, "workspace_limit_per_min", SLOWEST_PER_MIN, MOST_RECIPIENTS
        ),
        assumptions=_assumptions(table.table("assumptions")) if table.has("assumptions") else Assumptions(),
    )


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise PlanError(
            f"plan: the file has {number(len(text))} characters; keep it to {number(MOST_CHARACTERS)}."
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise PlanError("plan: lists or tables are nested too deeply; write them flat.") from None
    except ValueError as wrong:  # TOML's own error, and Python's about numbers of thousands of digits
        raise PlanError(f"plan: the file is not TOML ({str(wrong).rstrip('.')}); mend it there.") from None


def _campaigns(table: Table, most: int) -> tuple[Campaign, ...]:
    campaigns: dict[str, Campaign] = {}
    tables = [
        (place, one)
        for place, values in enumerate(table.tables("campaigns", most), start=1)
        for one in repeated(place, as_plan_values(values))
    ]
    if len(tables) > most:
        raise PlanError(
            f"plan: campaigns come to {len(tables)} with the weeks they repeat; plan {most} at most."
        )
    for place, one in tables:
        campaign = read_campaign(place, one)
        if campaign.name in campaigns:
            raise PlanError(
                f"campaigns[{place}]: name is {shown(campaign.name)} again; give each campaign its own name."
            )
        campaigns[campaign.name] = campaign
    return tuple(campaigns.values())


def _assumptions(table: Table) -> Assumptions:
    given: dict[str, Any] = {}
    for assumed in fields(Assumptions):
        if table.has(assumed.name):
            given[assumed.name] = _assumption(table, assumed.name, assumed.default, assumed.metadata)
    table.done()
    return replace(Assumptions(), **given)


def _assumption(table: Table, name: str, default: object, bounds: Mapping[str, Any]) -> object:
    """Read a value of the default's type, within the bounds that the field states."""
    if bounds["choices"]:
        return table.choice(name, bounds["choices"])
    if isinstance(default, bool):
        return table.flag(name)
    if isinstance(default, tuple):
        return table.wholes(name, bounds["low"], bounds["high"])
    read = table.whole if isinstance(default, int) else table.real
    return read(name, bounds["low"], bounds["high"])


def _service(table: Table) -> ServiceLines:
    usual = ServiceLines(ceiling_rps=0)
    lines = ServiceLines(
        ceiling_rps=table.real("ceiling_rps", 0, MOST_RPS),
        soft_rps=table.either(None, table.real, "soft_rps", 0, MOST_RPS),
        hard_rps=table.either(None, table.real, "hard_rps", 0, MOST_RPS),
        degraded_cost=table.either(usual.degraded_cost, table.real, "degraded_cost", 0, MOST_COST),
        refused_cost=table.either(usual.refused_cost, table.real, "refused_cost", 0, MOST_COST),
        most_waiting=table.either(usual.most_waiting, table.real, "most_waiting", 0, MOST_RPS),
        overloaded_share=table.either(usual.overloaded_share, table.real, "overloaded_share", 0, 1),
    )
    table.done()
    if lines.soft_rps is not None and lines.hard_rps is not None and lines.hard_rps < lines.soft_rps:
        raise table.error("hard_rps", "is below soft_rps", "write a hard line at or above the soft line")
    return lines


def _judging(plan: Table) -> Judging:
    usual = Judging()
    if not plan.has("judging"):
        return usual
    table = plan.table("judging")
    judging = Judging(
        usable_share=table.either(usual.usable_share, table.real, "usable_share", 0.01, 1),
        evidence_max_age_days=table.either(
            usual.evidence_max_age_days, table.real, "evidence_max_age_days", 0, 3_650
        ),
        offered_limits_per_min=table.either(
            usual.offered_limits_per_min,
            table.wholes,
            *("offered_limits_per_min", SLOWEST_PER_MIN, FASTEST_PER_MIN),
        ),
        goes_first=cast(
            "GoesFirst", table.either(usual.goes_first, table.choice, "goes_first", get_args(GoesFirst))
        ),
        night=_night(table) if table.has("night") else usual.night,
        base_load_rps=_base_load(table) if table.has("base_load_rps") else usual.base_load_rps,
    )
    table.done()
    if any(low >= high for low, high in pairwise(judging.offered_limits_per_min)):
        raise table.error("offered_limits_per_min", "is not in rising order", "write small limits first")
    return judging


def _base_load(judging: Table) -> tuple[float, ...]:
    """Read one number for all hours, or one for each."""
    if isinstance(judging.raw("base_load_rps", BASE_LOAD_MEND), list):
        return judging.reals("base_load_rps", HOURS, 0, MOST_RPS)
    return (judging.real("base_load_rps", 0, MOST_RPS),) * HOURS


def _night(judging: Table) -> QuietHours:
    table = judging.table("night")
    night = QuietHours(table.clock("begin"), table.clock("end"))
    table.done()
    return night


def _failures(plan: Table) -> tuple[ScriptedMinutes, ...]:
    script: list[ScriptedMinutes] = []
    for place, values in enumerate(plan.tables("failures", MOST_SCRIPTED), start=1):
        table = Table(f"failures[{place}]", values)
        minutes = _scripted(table)
        if any(minutes.first <= other.last and other.first <= minutes.last for other in script):
            raise table.error("minutes", "overlaps an earlier table's", "script every minute once")
        script.append(minutes)
    return tuple(script)


def _scripted(table: Table) -> ScriptedMinutes:
    minutes = table.wholes("minutes", 1, LAST_MINUTE)
    if len(minutes) not in {1, 2} or minutes[0] > minutes[-1]:
        raise table.error("minutes", f"is {shown(minutes)}", "write one minute, or the first and the last")
    if table.has("counts") == table.has("shares"):
        raise table.error("counts", "or shares must be there, and not both", "write one of the two")
    scripted = ScriptedMinutes(
        minutes[0], minutes[-1], counts=_counts(table, "counts"), shares=_shares(table, "shares")
    )
    table.done()
    return scripted


def _counts(table: Table, name: str) -> Mapping[str, int]:
    outcomes = _outcomes(table, name)
    if not all(isinstance(count, int) for count in outcomes.values()):
        raise table.error(name, "has a broken number", "write whole numbers of calls, or use shares")
    return {outcome: int(count) for outcome, count in outcomes.items()}


def _shares(table: Table, name: str) -> Mapping[str, float]:
    outcomes = _outcomes(table, name)
    if sum(outcomes.values()) > 1:
        raise table.error(name, "add up to more than 1", "write shares of the minute's calls")
    return outcomes


def _outcomes(table: Table, name: str) -> Mapping[str, float]:
    if not table.has(name):
        return {}
    outcomes = table.named_numbers(name, "write outcomes and numbers, such as {503 = 0.2, cut_off = 0.1}")
    for outcome in outcomes:
        if outcome not in {CUT_OFF, DEGRADED} and not _is_failure(outcome):
            raise table.error(
                f"{name} {shown(outcome)}",
                "is not an outcome",
                "write a status from 300 to 599, cut_off or degraded",
            )
    return outcomes


def _is_failure(outcome: str) -> bool:
    return outcome in {str(status) for status in FAILED_STATUSES}
