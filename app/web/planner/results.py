"""What sends and experiments came to: counts and differences, and no member's clicks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import isfinite, isinf
from typing import TYPE_CHECKING, Any

from flask import request

from app.board.veto import board_day
from app.feedback.experiments.definition import MOST_ARMS
from app.feedback.results.as_json import campaign_json, experiment_json, send_json
from app.feedback.results.campaign import summarise
from app.feedback.results.experiment import NOT_SINCE, conclude
from app.feedback.statistics.power import Design
from app.web.planner.answers import json_answer, not_found
from app.web.planner.requests import MOST
from app.web.problems import invalid

if TYPE_CHECKING:
    from flask import Response

    from app.web.planner.parts import PlannerParts


def all_results(parts: PlannerParts, _by: str) -> Response:
    """Every experiment that was counted, and each campaign's newest send."""
    experiments = [
        {"experiment": one.counts.key, "campaign": one.counts.campaign, "state": one.counts.state}
        for one in parts.results.experiments()
    ]
    return json_answer(
        {"experiments": experiments, "campaigns": [send_json(one) for one in parts.results.campaigns().sends]}
    )


def experiment_results(parts: PlannerParts, _by: str, key: str) -> Response:
    """One experiment, which is counted whole."""
    if request.args.get("since"):
        raise invalid("since", NOT_SINCE)
    found = parts.results.experiment(key)
    if found is None:
        raise not_found("No experiment of this key was counted; all are listed at /v1/results.")
    return json_answer(experiment_json(conclude(found.counts), found.computed_at))


def campaign_results(parts: PlannerParts, _by: str, key: str) -> Response:
    """One campaign's sends, those from `since` on."""
    found = parts.results.sends(key, _since())
    if not found.sends or found.computed_at is None:
        raise not_found("No send of this campaign was counted; all are listed at /v1/results.")
    today = board_day(parts.clock())
    return json_answer(campaign_json(summarise(key, found.sends, today), found.computed_at))


def power(_parts: PlannerParts, _by: str) -> Response:
    """How many members for how small a difference."""
    base = _number("base_share", 0.0, 1.0)
    lift, members = _number("lift", -1.0, 1e6), _number("members", 0.0, MOST)
    arms = _number("arms", 1.0, MOST_ARMS + 1) or 2.0
    if base is None:
        raise invalid("base_share", "base_share must be the share of members who apply, such as 0.03.")
    if (lift is None) == (members is None):
        raise invalid(
            "lift", "Give lift, to ask how many members, or members, to ask how small a difference."
        )
    if not arms.is_integer():
        raise invalid("arms", f"arms must be a whole number from 2 to {MOST_ARMS}.")
    design = Design(base_share=base, control_share=1 / arms, arm_share=1 / arms, comparisons=int(arms) - 1)
    if lift is not None:
        answer: dict[str, Any] = {"members": design.members(lift), "lift": lift}
    else:
        smallest = design.smallest_lift(int(members or 0))
        answer = {"members": int(members or 0), "lift": None if isinf(smallest) else smallest}
    return json_answer(
        answer | {"base_share": base, "arms": int(arms), "power": design.power, "alpha": design.alpha}
    )


def _since() -> date | None:
    given = request.args.get("since")
    if not given:
        return None
    try:
        found = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise invalid("since", "since must be a day, such as 2026-11-23.") from None
    return found


def _number(name: str, above: float, below: float) -> float | None:
    given = request.args.get(name)
    if not given:
        return None
    try:
        found = float(given)
    except ValueError:
        found = float("nan")
    if not isfinite(found) or not above < found < below:
        raise invalid(name, f"{name} must be a number above {above:g} and below {below:g}.")
    return found
