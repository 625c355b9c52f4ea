"""May it be sent? Of what is on record, and of a plan that is only asked about."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.capacity.on_record import judge_window
from app.capacity.open_question import judge_question
from app.capacity.plan.json_values import read_plan_values
from app.capacity.planner import as_json, judge
from app.web.planner.answers import json_answer
from app.web.planner.requests import MOST_PLAN_BYTES, json_body, window

if TYPE_CHECKING:
    from flask import Response

    from app.web.planner.parts import PlannerParts


def verdict(parts: PlannerParts, _by: str) -> Response:
    """The campaigns on record that may be sending in a window, judged."""
    now = parts.clock()
    found = judge_window(parts.register, parts.evidence, now=now, window=window(now))
    told = {one.name for one in found.told}
    calibrated = found.plan.calibrated if found.plan else ()
    return json_answer(
        {
            "campaigns": [one.id for one in found.told],
            "calibrated": [one for one in calibrated if one.campaign in told],
            "judgement": as_json(found.judgement) if found.judgement else None,
            "left_out": [
                {"id": one.campaign.id, "name": one.campaign.name, "why": one.why, "detail": one.detail}
                for one in found.left_out
            ],
        }
    )


def check(parts: PlannerParts, _by: str) -> Response:
    """A plan given, judged; nothing is stored."""
    plan = read_plan_values(json_body(MOST_PLAN_BYTES))
    by_tests = partial(
        judge, measured=parts.evidence.measured(), running=parts.register.running(), now=parts.clock()
    )
    judged = judge_question(plan, by_tests)
    return json_answer({"judgement": as_json(judged)})
