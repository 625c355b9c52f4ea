"""The planner's JSON API: campaigns on record, what was counted of them, evidence, verdicts, and what mails came to.

It takes credentials of the scope `operator` as HTTP Basic or Bearer and never looks at a cookie, so that no page of
somebody else's can make an operator's browser call it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from flask import Blueprint, Response

from app.capacity.evidence.file import EvidenceError
from app.capacity.plan.json_values import DefinitionError
from app.capacity.plan.table import PlanError
from app.capacity.register.campaigns import (
    EditedMeanwhileError,
    NameTakenError,
    NoSuchCampaignError,
    RegisteredCampaign,
    RegisterError,
    RegisterRefusedError,
    RegisterUnavailableError,
)
from app.credentials import Role, Scope
from app.feedback.statistics.power import PowerError
from app.web.auth import authorise
from app.web.planner import calendar, campaigns, evidence, results, verdicts, workspace
from app.web.planner.answers import campaign_values, encoded_answer, json_answer, problem, version_of
from app.web.planner.openapi import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.web.planner.parts import PlannerParts

NAME = "capacity_api"
_RETRY = {"Retry-After": "5"}


class Route(NamedTuple):
    """A method of a path, who may, and its view: it takes the planner's parts, who asks, and what the path names."""

    method: str
    path: str
    role: Role
    view: Callable[..., Response]


_CAMPAIGNS, _EVIDENCE = "/v1/capacity/campaigns", "/v1/capacity/evidence"
_CAMPAIGN, _ONE_EVIDENCE = f"{_CAMPAIGNS}/<int:number>", f"{_EVIDENCE}/<path:evidence_id>"
ROUTES = (
    Route("GET", _CAMPAIGNS, Role.LOOK, campaigns.campaigns),
    Route("POST", _CAMPAIGNS, Role.PLAN, campaigns.add_campaign),
    Route("GET", _CAMPAIGN, Role.LOOK, campaigns.campaign),
    Route("PUT", _CAMPAIGN, Role.PLAN, campaigns.edit_campaign),
    Route("DELETE", _CAMPAIGN, Role.PLAN, campaigns.remove_campaign),
    Route("POST", f"{_CAMPAIGN}/duplicate", Role.PLAN, campaigns.duplicate_campaign),
    Route("GET", f"{_CAMPAIGN}/changes", Role.LOOK, campaigns.changes),
    Route("GET", f"{_CAMPAIGN}/sends", Role.LOOK, campaigns.sends),
    Route("PUT", f"{_CAMPAIGN}/sends/<send>/sent", Role.PLAN, campaigns.enter_sent),
    Route("GET", "/v1/capacity/calendar.csv", Role.LOOK, calendar.calendar_csv),
    Route("GET", "/v1/capacity/calendar.ics", Role.LOOK, calendar.calendar_ical),
    Route("GET", "/v1/capacity/workspace", Role.LOOK, workspace.workspace),
    Route("PUT", "/v1/capacity/workspace", Role.ADMINISTER, workspace.edit_workspace),
    Route("GET", _EVIDENCE, Role.LOOK, evidence.all_evidence),
    Route("POST", _EVIDENCE, Role.ADMINISTER, evidence.add_evidence),
    Route("GET", _ONE_EVIDENCE, Role.LOOK, evidence.one_evidence),
    Route("DELETE", _ONE_EVIDENCE, Role.ADMINISTER, evidence.remove_evidence),
    Route("GET", "/v1/capacity/audit", Role.LOOK, workspace.audit),
    Route("GET", "/v1/capacity/verdict", Role.LOOK, verdicts.verdict),
    Route("POST", "/v1/capacity/check", Role.LOOK, verdicts.check),
    Route("GET", "/v1/results", Role.LOOK, results.all_results),
    Route("GET", "/v1/results/experiments/<key>", Role.LOOK, results.experiment_results),
    Route("GET", "/v1/results/campaigns/<key>", Role.LOOK, results.campaign_results),
    Route("GET", "/v1/results/power", Role.LOOK, results.power),
)


def capacity_blueprint(parts: PlannerParts) -> Blueprint:
    """The routes under `/v1/capacity` and `/v1/results`, health, and their description."""
    blueprint = Blueprint(NAME, __name__)
    for route in ROUTES:
        view = _for_operators(parts, route)
        blueprint.add_url_rule(route.path, route.view.__name__, view, methods=[route.method])
    description = msgspec.json.encode(document({route.view.__name__: route.role for route in ROUTES}))
    blueprint.add_url_rule("/health/live", "live", lambda: json_answer({"status": "alive"}))
    blueprint.add_url_rule("/health/ready", "ready", lambda: _ready(parts))
    blueprint.add_url_rule("/openapi.json", "openapi", lambda: encoded_answer(description))
    _add_error_handlers(blueprint)
    return blueprint


def _for_operators(parts: PlannerParts, route: Route) -> Callable[..., Response]:
    """The route's view behind a credential of its role."""

    def view(**path: object) -> Response:
        operator = authorise(parts.book, Scope.OPERATOR, parts.limits, role=route.role)
        return route.view(parts, operator.name, **path)

    return view


def _ready(parts: PlannerParts) -> Response:
    able, missing = parts.readiness()
    return json_answer({"ready": able, "missing": missing}, status=200 if able else 503)


def _add_error_handlers(blueprint: Blueprint) -> None:
    """The one table from the register's errors to statuses."""

    def edited_meanwhile(error: EditedMeanwhileError) -> Response:
        newer = error.newer
        shown = campaign_values(newer) if isinstance(newer, RegisteredCampaign) else newer
        return problem(412, "Edited meanwhile", str(error), headers=version_of(newer), newer=shown)

    def wrong_definition(error: DefinitionError) -> Response:
        return problem(400, "Invalid definition", str(error), parameter=error.field)

    def name_taken(error: NameTakenError) -> Response:
        return problem(409, "Name taken", str(error), parameter="name")

    def unavailable(error: RegisterUnavailableError) -> Response:
        headers = {} if isinstance(error, RegisterRefusedError) else _RETRY
        return problem(503, "Service Unavailable", str(error), headers=headers)

    def told(status: int, title: str) -> Callable[[RegisterError | ValueError], Response]:
        return lambda error: problem(status, title, str(error))

    blueprint.register_error_handler(EditedMeanwhileError, edited_meanwhile)
    blueprint.register_error_handler(NoSuchCampaignError, told(404, "Not Found"))
    blueprint.register_error_handler(NameTakenError, name_taken)
    blueprint.register_error_handler(DefinitionError, wrong_definition)
    blueprint.register_error_handler(PowerError, told(400, "Invalid experiment"))
    blueprint.register_error_handler(PlanError, told(400, "Invalid plan"))
    blueprint.register_error_handler(EvidenceError, told(400, "Invalid evidence"))
    blueprint.register_error_handler(RegisterUnavailableError, unavailable)
