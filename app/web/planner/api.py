"""The planner's JSON API: campaigns on record, what was counted of them, evidence, and verdicts.

It takes credentials of the scope `operator` as HTTP Basic or Bearer and never looks at a cookie, so that no page of
somebody else's can make an operator's browser call it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.capacity.evidence.file import EvidenceError
from app.capacity.on_record import judge_window
from app.capacity.plan.json_values import DefinitionError, read_workspace
from app.capacity.plan.table import PlanError
from app.capacity.planner import as_json, judge
from app.capacity.register.campaigns import (
    EditedMeanwhileError,
    NameTakenError,
    NoSuchCampaignError,
    RegisteredCampaign,
    RegisterUnavailableError,
    read_draft,
)
from app.capacity.register.plans import read_plan_values, sends_of
from app.credentials import Scope
from app.web.auth import authorise
from app.web.parameters import SEND
from app.web.planner.openapi import document
from app.web.problems import CallerError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.capacity.calibration import MeasuredSend
    from app.capacity.register.campaigns import WorkspaceSettings
    from app.capacity.register.ports import EvidenceStore, Register
    from app.credentials import CredentialBook
    from app.web.limits import CallLimits

NAME = "capacity_api"
MOST_FORM_BYTES = 64 * 1024  # a campaign or a workspace
MOST_PLAN_BYTES = 1024 * 1024
LONGEST_WINDOW = timedelta(days=31)
USUAL_WINDOW = timedelta(days=7)
MOST = 2**53  # what every JSON reader reads exactly
_NUMBER = "<int:number>"
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"', re.ASCII)
_RETRY = {"Retry-After": "5"}


def capacity_blueprint(  # noqa: C901, PLR0915 - one function a route, each a few lines
    register: Register,
    evidence: EvidenceStore,
    book: CredentialBook,
    limits: CallLimits,
    *,
    readiness: Callable[[], tuple[bool, Sequence[str]]],
    clock: Callable[[], datetime],
) -> Blueprint:
    """The routes under `/v1/capacity`, health, and their description."""
    blueprint = Blueprint(NAME, __name__)
    description = msgspec.json.encode(document())

    def operator() -> str:
        return authorise(book, Scope.OPERATOR, limits).name

    @blueprint.get("/v1/capacity/campaigns")
    def campaigns() -> Response:
        operator()
        removed = _flag("removed")
        return _json({"campaigns": [_campaign(one) for one in register.campaigns(removed=removed)]})

    @blueprint.post("/v1/capacity/campaigns")
    def add_campaign() -> Response:
        by = operator()
        added = register.add(read_draft(_body(MOST_FORM_BYTES)), by=by)
        headers = {"Location": f"/v1/capacity/campaigns/{added.id}", **_version_of(added)}
        return _json(_campaign(added), status=201, headers=headers)

    @blueprint.get(f"/v1/capacity/campaigns/{_NUMBER}")
    def campaign(number: int) -> Response:
        operator()
        one = _known(register, number)
        return _json(_campaign(one), headers=_version_of(one))

    @blueprint.put(f"/v1/capacity/campaigns/{_NUMBER}")
    def edit_campaign(number: int) -> Response:
        by, version = operator(), _version()
        _refuse_too_large(number)
        edited = register.edit(number, read_draft(_body(MOST_FORM_BYTES)), version=version, by=by)
        return _json(_campaign(edited), headers=_version_of(edited))

    @blueprint.delete(f"/v1/capacity/campaigns/{_NUMBER}")
    def remove_campaign(number: int) -> Response:
        by, version = operator(), _version()
        _refuse_too_large(number)
        return _json(_campaign(register.remove(number, version=version, by=by)))

    @blueprint.get(f"/v1/capacity/campaigns/{_NUMBER}/changes")
    def changes(number: int) -> Response:
        operator()
        _known(register, number)
        return _json({"changes": register.changes(number)})

    @blueprint.get(f"/v1/capacity/campaigns/{_NUMBER}/sends")
    def sends(number: int) -> Response:
        operator()
        return _json({"sends": _sends(register, _known(register, number))})

    @blueprint.put(f"/v1/capacity/campaigns/{_NUMBER}/sends/<send>/sent")
    def enter_sent(number: int, send: str) -> Response:
        by = operator()
        one = _known(register, number)
        sent = _sent(_body(MOST_FORM_BYTES))
        found = register.enter_sent(one.key, send, sent, by=by) if SEND.fullmatch(send) else None
        if found is None:
            raise _nothing("The service counted no call of such a send of this campaign.")
        return _json(found)

    @blueprint.get("/v1/capacity/workspace")
    def workspace() -> Response:
        operator()
        found = register.workspace()
        return _json(found, headers=_version_of(found))

    @blueprint.put("/v1/capacity/workspace")
    def edit_workspace() -> Response:
        by, version = operator(), _version()
        definition = read_workspace(_body(MOST_FORM_BYTES))
        edited = register.edit_workspace(definition, version=version, by=by)
        return _json(edited, headers=_version_of(edited))

    @blueprint.get("/v1/capacity/evidence")
    def all_evidence() -> Response:
        operator()
        return _json({"evidence": evidence.all()})

    @blueprint.get("/v1/capacity/evidence/<path:evidence_id>")
    def one_evidence(evidence_id: str) -> Response:
        operator()
        found = evidence.document(evidence_id)
        if found is None:
            raise _nothing("There is no evidence of this id; all are listed at /v1/capacity/evidence.")
        return _json(found)

    @blueprint.post("/v1/capacity/evidence")
    def add_evidence() -> Response:
        by = operator()
        added, new = evidence.add(_text(), by=by, now=clock())
        return _json(added, status=201 if new else 200)

    @blueprint.delete("/v1/capacity/evidence/<path:evidence_id>")
    def remove_evidence(evidence_id: str) -> Response:
        removed = evidence.remove(evidence_id, by=operator())
        if removed is None:
            raise _nothing("There is no evidence of this id; all are listed at /v1/capacity/evidence.")
        return _json(removed)

    @blueprint.get("/v1/capacity/audit")
    def deeds() -> Response:
        operator()
        return _json({"deeds": register.deeds()})

    @blueprint.get("/v1/capacity/verdict")
    def verdict() -> Response:
        operator()
        found = judge_window(register, evidence, now=clock(), window=_window(clock()))
        told = {one.name for one in found.told}
        calibrated = found.plan.calibrated if found.plan else ()
        return _json(
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

    @blueprint.post("/v1/capacity/check")
    def check() -> Response:
        operator()
        plan = read_plan_values(_body(MOST_PLAN_BYTES))
        return _json(
            {"judgement": as_json(judge(plan, evidence.measured(), running=register.running(), now=clock()))}
        )

    @blueprint.get("/health/live")
    def live() -> Response:
        return _json({"status": "alive"})

    @blueprint.get("/health/ready")
    def ready() -> Response:
        able, missing = readiness()
        return _json({"ready": able, "missing": missing}, status=200 if able else 503)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return _answer(description)

    _add_error_handlers(blueprint)
    return blueprint


def _add_error_handlers(blueprint: Blueprint) -> None:
    """The one table from the register's errors to statuses."""

    @blueprint.errorhandler(EditedMeanwhileError)
    def edited_meanwhile(error: EditedMeanwhileError) -> Response:
        newer = error.newer
        shown = _campaign(newer) if isinstance(newer, RegisteredCampaign) else newer
        return _problem(412, "Edited meanwhile", str(error), headers=_version_of(newer), newer=shown)

    @blueprint.errorhandler(NoSuchCampaignError)
    def no_such_campaign(error: NoSuchCampaignError) -> Response:
        return _problem(404, "Not Found", str(error))

    @blueprint.errorhandler(NameTakenError)
    def name_taken(error: NameTakenError) -> Response:
        return _problem(409, "Name taken", str(error), parameter="name")

    @blueprint.errorhandler(DefinitionError)
    def wrong_definition(error: DefinitionError) -> Response:
        return _problem(400, "Invalid definition", str(error), parameter=error.field)

    @blueprint.errorhandler(PlanError)
    def wrong_plan(error: PlanError) -> Response:
        return _problem(400, "Invalid plan", str(error))

    @blueprint.errorhandler(EvidenceError)
    def wrong_evidence(error: EvidenceError) -> Response:
        return _problem(400, "Invalid evidence", str(error))

    @blueprint.errorhandler(RegisterUnavailableError)
    def unavailable(error: RegisterUnavailableError) -> Response:
        return _problem(503, "Service Unavailable", str(error), headers=_RETRY)


def _known(register: Register, number: int) -> RegisteredCampaign:
    _refuse_too_large(number)
    found = register.campaign(number)
    if found is None:
        raise NoSuchCampaignError(f"There is no campaign {number}; all are listed at /v1/capacity/campaigns.")
    return found


def _refuse_too_large(number: int) -> None:
    if number > MOST:
        raise NoSuchCampaignError("There is no campaign of so large a number.")


def _sends(register: Register, one: RegisteredCampaign) -> list[MeasuredSend]:
    on_record = [other for other in register.campaigns() if other.id != one.id]
    return sends_of(one, [one, *on_record], register.sends(one.key), register.workspace().time_zone)


def _campaign(one: RegisteredCampaign) -> dict[str, Any]:
    return {"name": one.name, **msgspec.to_builtins(one)}


def _version_of(one: RegisteredCampaign | WorkspaceSettings) -> dict[str, str]:
    return {"ETag": f'"{one.version}"'}


def _version() -> int:
    """The version an edit was made from, as `If-Match` says."""
    given = request.headers.get("If-Match")
    if given is None:
        detail = (
            "Say which version the edit was made from: If-Match with the ETag of the answer it began with."
        )
        raise CallerError(428, "Precondition Required", detail, parameter="If-Match")
    found = _VERSION.fullmatch(given)
    if found is None:
        raise invalid(
            "If-Match", 'If-Match must be an ETag as this API gives it, such as "3" with its quotes.'
        )
    return int(found[1])


def _flag(name: str) -> bool:
    given = request.args.get(name, "false")
    if given not in {"true", "false"}:
        raise invalid(name, f"{name} must be true or false.")
    return given == "true"


def _window(now: datetime) -> tuple[datetime, datetime]:
    begin = _instant("from") or now
    until = _instant("until") or begin + USUAL_WINDOW
    if not begin < until <= begin + LONGEST_WINDOW:
        raise invalid("until", f"until must be after from, at most {LONGEST_WINDOW.days} days.")
    return begin, until


def _instant(name: str) -> datetime | None:
    given = request.args.get(name)
    if not given:
        return None
    mend = f"{name} must be an instant of the years 2000 to 2099 with its offset, such as 2026-11-23T00:00:00+09:00."
    try:
        found = datetime.fromisoformat(
            given.replace(" ", "+")
        )  # a plus that nobody encoded arrives as a space
    except ValueError:
        raise invalid(name, mend) from None
    if found.tzinfo is None or not 2000 <= found.year < 2100:  # noqa: PLR2004 - as the plan file has it
        raise invalid(name, mend)
    return found


def _sent(values: Mapping[str, Any]) -> int | None:
    sent = values.get("sent")
    if set(values) != {"sent"} or (sent is not None and (type(sent) is not int or not 0 <= sent <= MOST)):
        raise invalid(
            "sent", 'Write {"sent": N}, the messages that Braze says it sent, or null to take it back.'
        )
    return sent


def _body(most_bytes: int) -> dict[str, Any]:
    """The request's JSON object."""
    try:
        found = msgspec.json.decode(_bytes(most_bytes))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CallerError(400, "Invalid JSON", f"The body is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CallerError(400, "Invalid JSON", "The body must be a JSON object.")
    return found


def _text() -> str:
    try:
        return _bytes(None).decode()
    except UnicodeDecodeError as error:
        raise CallerError(400, "Invalid JSON", "The body is not UTF-8.") from error


def _bytes(most_bytes: int | None) -> bytes:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    if most_bytes is not None and (request.content_length or 0) > most_bytes:
        raise RequestEntityTooLarge
    found = request.get_data(cache=False)
    if most_bytes is not None and len(found) > most_bytes:
        raise RequestEntityTooLarge
    return found


def _nothing(detail: str) -> CallerError:
    return CallerError(404, "Not Found", detail)


def _json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return _answer(msgspec.json.encode(value), status=status, headers=headers)


def _answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status=status, mimetype="application/json", headers={**(headers or {})})


def _problem(
    status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    told = {name: value for name, value in more.items() if value is not None}
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **told}
    return Response(
        msgspec.json.encode(body),
        status=status,
        mimetype="application/problem+json",
        headers={**(headers or {})},
    )
