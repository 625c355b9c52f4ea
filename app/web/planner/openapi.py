"""The planner's API described: OpenAPI 3.1, checked against the running planner by the tests."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, get_args

from app.capacity.formats import LANGUAGES
from app.capacity.register.search import MOST_ON_PAGE, SORTS, When
from app.credentials import Role
from app.web.openapi_parts import (
    LIVE,
    READY,
    SECURITY,
    SECURITY_SCHEMES,
    Json,
    body,
    object_of,
    operation,
    parameter,
    problem,
    ref,
    starting,
    text,
    too_many,
    unauthorised,
    whole,
)
from app.web.parameters import SEND
from app.web.planner.openapi_results import RESULT_SCHEMAS, RESULTS
from app.web.planner.openapi_schemas import CALIBRATED, DEFINITION_FIELDS, INSTANT, JUDGEMENT, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Mapping


def document(roles: Mapping[str, Role]) -> Json:
    """The whole description; `roles` says by operation who may, where that is not everybody."""
    paths = _paths()
    for path in paths.values():
        for one in path.values():
            needed = roles.get(one["operationId"], Role.LOOK)
            if needed is not Role.LOOK:
                one["description"] = f"Needs the role {needed}."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Connected Jobs: capacity",
            "version": version("connected-jobs"),
            "description": "Planned campaigns, what the service counted of their sends, load tests, and verdicts: "
            "may it be sent, and how fast; and what mails came to. Every path but health needs a credential of the scope operator, whose role is look, plan or administer.",
        },
        "servers": [{"url": "/"}],
        "paths": paths | _open_paths(),
        "components": {"schemas": SCHEMAS | RESULT_SCHEMAS, "securitySchemes": SECURITY_SCHEMES},
    }


def _paths() -> Json:
    """What an operator may ask for."""
    return {
        "/v1/capacity/campaigns": {"get": _list(), "post": _add()},
        "/v1/capacity/campaigns/{number}": {"get": _show(), "put": _edit(), "delete": _remove()},
        "/v1/capacity/campaigns/{number}/duplicate": {"post": _duplicate()},
        "/v1/capacity/campaigns/{number}/changes": {"get": _changes()},
        "/v1/capacity/campaigns/{number}/sends": {"get": _sends()},
        "/v1/capacity/campaigns/{number}/sends/{send}/sent": {"put": _enter_sent()},
        "/v1/capacity/calendar.csv": {"get": _calendar("calendar_csv", "text/csv")},
        "/v1/capacity/calendar.ics": {"get": _calendar("calendar_ical", "text/calendar", _LANG)},
        "/v1/capacity/workspace": {"get": _workspace(), "put": _edit_workspace()},
        "/v1/capacity/evidence": {"get": _all_evidence(), "post": _add_evidence()},
        "/v1/capacity/evidence/{evidence_id}": {"get": _one_evidence(), "delete": _remove_evidence()},
        "/v1/capacity/audit": {"get": _audit()},
        "/v1/capacity/verdict": {"get": _verdict()},
        "/v1/capacity/check": {"post": _check()},
        **{
            path: {"get": _operation(one.name, one.summary, one.responses, *one.parameters)}
            for path, one in RESULTS.items()
        },
    }


def _open_paths() -> Json:
    """What needs no credential."""
    live = {"200": body("The process answers.", LIVE)}
    ready = {"200": body("Ready.", READY), "503": body("Not ready.", READY)}
    description = {"200": body("OpenAPI 3.1", {"type": "object"})}
    return {
        "/health/live": {"get": operation("live", "Is the process up?", live)},
        "/health/ready": {"get": operation("ready", "Can it answer, and what is missing?", ready)},
        "/openapi.json": {"get": operation("openapi", "This description", description)},
    }


def _operation(
    name: str, summary: str, responses: Json, *parameters: Json, takes: Json | None = None
) -> Json:
    """An operation for operators, with the errors that each of them has."""
    found = operation(name, summary, responses | _ERRORS | (_OF_BODIES if takes else {}))
    found["security"] = SECURITY
    if parameters:
        found["parameters"] = list(parameters)
        found["responses"].setdefault("400", problem("A parameter does not fit; `parameter` names it."))
    if takes:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": takes}}}
    return found


def _list() -> Json:
    answer = body(
        "Campaigns by number, or a page of those that are asked for.",
        object_of(
            campaigns=_many("Campaign"),
            total=whole("How many there are on all pages"),
            page=whole("Which page this is", minimum=1),
            pages=whole("Of how many", minimum=1),
        ),
    )
    return _operation(
        "campaigns",
        "The campaigns on record; all of them where none of q, when, sort and page is there",
        {"200": answer},
        parameter("removed", "The removed ones instead", _FLAG),
        parameter("q", "Words in the name, the key, the owner or Braze's id", {"type": "string"}),
        parameter("when", "Those still to come, past, all, or removed", {"enum": list(get_args(When))}),
        parameter("sort", "By what; with - the last first", {"enum": list(SORTS)}),
        parameter(
            "page", f"This page of {MOST_ON_PAGE}", {"type": "integer", "minimum": 1, "maximum": 99_999}
        ),
    )


def _add() -> Json:
    made = body("On record.", ref("Campaign")) | {"headers": _VERSION | _LOCATION}
    return _operation(
        "add_campaign", "Put a campaign on record", {"201": made, "409": _NAME_TAKEN}, takes=ref("Draft")
    )


def _show() -> Json:
    return _operation("campaign", "One campaign, living or removed", {"200": _ONE, "404": _NONE}, _NUMBER)


def _edit() -> Json:
    responses = {"200": _ONE, "404": _NONE, "409": _NAME_TAKEN} | _OF_EDITS
    return _operation(
        "edit_campaign", "Save an edit", responses, _NUMBER, _IF_MATCH, _FOLLOWING, takes=ref("Draft")
    )


def _remove() -> Json:
    responses = {"200": body("Removed; its record stays.", ref("Campaign")), "404": _NONE} | _OF_EDITS
    return _operation(
        "remove_campaign", "Take a campaign off the plan", responses, _NUMBER, _IF_MATCH, _FOLLOWING
    )


def _duplicate() -> Json:
    made = body("On record.", ref("Campaign")) | {"headers": _VERSION | _LOCATION}
    summary = "Put a campaign on record again, for the same weekday of the next week to come"
    responses = {"201": made, "404": _NONE, "409": _NAME_TAKEN}
    return _operation("duplicate_campaign", summary, responses, _NUMBER)


def _changes() -> Json:
    answer = body("The newest first.", object_of(changes=_many("Change")))
    return _operation("changes", "Who changed a campaign, and how", {"200": answer, "404": _NONE}, _NUMBER)


def _sends() -> Json:
    answer = body("The newest first.", object_of(sends=_many("Send")))
    return _operation(
        "sends", "What the service counted of its sends", {"200": answer, "404": _NONE}, _NUMBER
    )


def _enter_sent() -> Json:
    sent = object_of(sent=whole("Messages that Braze says it sent", nullable=True, minimum=0, maximum=2**53))
    send = parameter(
        "send",
        "The send's name",
        {"type": "string", "pattern": f"^{SEND.pattern}$"},
        where="path",
        required=True,
    )
    responses = {"200": body("The send, with it.", ref("Send")), "404": _NONE}
    return _operation("enter_sent", "Note Braze's own count", responses, _NUMBER, send, takes=sent)


def _calendar(name: str, mimetype: str, *more: Json) -> Json:
    day = {"type": "string", "format": "date"}
    answer = {"description": "A file.", "content": {mimetype: {"schema": {"type": "string"}}}}
    return _operation(
        name,
        "The campaigns that may be sending on some days, with their verdicts",
        {"200": answer},
        parameter("from", "The first day; today where absent", day),
        parameter("until", "The last day; 92 days on where absent, a year at most", day),
        *more,
    )


def _workspace() -> Json:
    return _operation("workspace", "What all campaigns share", {"200": _THE_WORKSPACE})


def _edit_workspace() -> Json:
    return _operation(
        "edit_workspace",
        "Save an edit",
        {"200": _THE_WORKSPACE} | _OF_EDITS,
        _IF_MATCH,
        takes=ref("WorkspaceDefinition"),
    )


def _all_evidence() -> Json:
    answer = body("The newest first.", object_of(evidence=_many("Evidence")))
    return _operation("all_evidence", "All load tests", {"200": answer})


def _add_evidence() -> Json:
    responses = {"201": body("Kept.", ref("Evidence")), "200": body("There already.", ref("Evidence"))}
    takes = {
        "type": "object",
        "description": "What `python -m loadtest ceiling` wrote: docs/evidence-schema.md",
    }
    return _operation("add_evidence", "Keep a load test's evidence", responses, takes=takes)


def _one_evidence() -> Json:
    responses = {"200": body("docs/evidence-schema.md", {"type": "object"}), "404": _NONE}
    return _operation("evidence", "The whole of one load test", responses, _EVIDENCE_ID)


def _remove_evidence() -> Json:
    responses = {"200": body("As it was.", ref("Evidence")), "404": _NONE}
    return _operation("remove_evidence", "Take a load test back; who did is kept", responses, _EVIDENCE_ID)


def _audit() -> Json:
    deed = object_of(
        at=INSTANT,
        who=text("An operator, or who is at the command line"),
        what=text("What was done"),
        subject=text("To what"),
        before={"type": ["object", "null"]},
        after={"type": ["object", "null"]},
    )
    answer = body("The newest first, at most 200.", object_of(deeds={"type": "array", "items": deed}))
    return _operation("audit", "Who changed what", {"200": answer})


def _verdict() -> Json:
    instant = {"type": "string", "format": "date-time"}
    left_out = object_of(
        id={"type": "integer"},
        name=text("Its name, or its number"),
        why=text("Why it is not judged", enum=["unreadable", "unfinished", "too_many", "too_much"]),
        detail=text("What cannot be read"),
    )
    answer = object_of(
        campaigns={"type": "array", "items": {"type": "integer"}},
        calibrated={"type": "array", "items": CALIBRATED},
        judgement=JUDGEMENT | {"type": ["object", "null"]},
        left_out={"type": "array", "items": left_out},
    )
    return _operation(
        "verdict",
        "May the campaigns on record be sent, and how fast?",
        {"200": body("judgement is null where no campaign is in the window.", answer)},
        parameter("from", "Begin of the window; now where absent", instant),
        parameter("until", "Its end, at most 31 days later; 7 days where absent", instant),
    )


def _check() -> Json:
    takes = {
        "type": "object",
        "description": "A plan: the fields of docs/plan-file.md, times as text",
        "required": ["time_zone", "campaigns"],
        "properties": {
            "time_zone": text("IANA name"),
            "campaigns": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "required": ["name", "kind", "audience"],
                    "properties": DEFINITION_FIELDS,
                },
            },
        },
    }
    answer = body("The verdict; nothing is stored.", object_of(judgement=JUDGEMENT))
    return _operation("check", "Judge a plan", {"200": answer}, takes=takes)


def _many(name: str) -> Json:
    return {"type": "array", "items": ref(name)}


_ERRORS: Json = {
    "401": unauthorised(),
    "403": problem("The credential opens something else, or its role does not allow it."),
    "429": too_many("Too many wrong credentials."),
    "500": problem("The planner failed; the failure is logged."),
    "503": starting("Postgres cannot be used now, or no credential could be read yet."),
}
_OF_BODIES: Json = {
    "400": problem("The body, or a parameter, does not fit; `parameter` names the field at fault."),
    "413": problem("The body is larger than this path reads."),
    "415": problem("The body is not application/json."),
}
_VERSION: Json = {"ETag": {"required": True, "schema": {"type": "string"}, "description": "The version"}}
_LOCATION: Json = {"Location": {"required": True, "schema": {"type": "string"}}}
_ONE = body("The campaign.", ref("Campaign")) | {"headers": _VERSION}
_THE_WORKSPACE = body("The workspace.", ref("Workspace")) | {"headers": _VERSION}
_NONE = problem("There is no such thing, or no longer.")
_NAME_TAKEN = problem("Another living campaign has this name.")
_OF_EDITS: Json = {
    "412": {
        "description": "Somebody saved meanwhile; `newer` is what they saved.",
        "content": {"application/problem+json": {"schema": ref("StaleEdit")}},
        "headers": _VERSION,
    },
    "428": problem("If-Match is missing."),
}
_LANG = parameter("lang", "Of the sentences", {"enum": list(LANGUAGES), "default": "ko"})
_FLAG: Json = {"enum": ["true", "false"], "default": "false"}
_FOLLOWING = parameter("following", "Those of its weekly series that begin after it, too", _FLAG)
_NUMBER = parameter(
    "number",
    "The campaign's number",
    {"type": "integer", "minimum": 0, "maximum": 2**53},
    where="path",
    required=True,
)
_IF_MATCH = parameter(
    "If-Match",
    "The ETag of the answer that the edit began with",
    {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
    where="header",
    required=True,
)
_EVIDENCE_ID = parameter(
    "evidence_id", "Its id", {"type": "string", "minLength": 1}, where="path", required=True
)
