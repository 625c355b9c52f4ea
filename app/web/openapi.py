"""The API's description: OpenAPI 3.1, checked against the running service by the tests."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.recommend.reasons import LANGUAGES, Reason
from app.serving.answering import LATE, OVER_LIMIT, PERSONALIZED, POPULAR, POSTGRES, PROFILE
from app.web.parameters import MEMBER_ID_CHARS, MOST, SEND, SLUG

DEGRADED = (POSTGRES, OVER_LIMIT, LATE)
EXAMPLES = Path(__file__).with_name("examples")

Json = dict[str, Any]


def document() -> Json:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Connected Jobs",
            "version": version("connected-jobs"),
            "description": "A member's personalised postings, for Braze Connected Content. "
            "Whoever is entitled to an answer gets one with status 200; `source` and `degraded` say how it was made.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/members/{external_id}/recommendations": {"get": _recommendations()},
            "/health/live": {
                "get": _operation("live", "Is the process up?", {"200": _body("The process answers.", _LIVE)})
            },
            "/health/ready": {"get": _ready()},
            "/metrics": {"get": _metrics()},
            "/openapi.json": {
                "get": _operation(
                    "openapi", "This description", {"200": _body("OpenAPI 3.1", {"type": "object"})}
                )
            },
        },
        "components": {
            "schemas": {"Answer": _ANSWER, "Posting": _POSTING, "Problem": _PROBLEM},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "Braze's :basic_auth"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "Braze's :auth_credentials"},
            },
        },
    }


def _recommendations() -> Json:
    return {
        "operationId": "recommendations",
        "summary": "A member's postings for one send of a campaign",
        "security": [{"basic": []}, {"bearer": []}],
        "parameters": _PARAMETERS,
        "responses": {
            "200": _body("An answer a template can use.", _ref("Answer"), _example("answer", "popular")),
            "400": _problem("A parameter does not fit; `parameter` names it.", _example("invalid_limit")),
            "401": _unauthorised(),
            "403": _problem("The credential opens something else.", _example("forbidden")),
            "429": _too_many("Over the credential's hard line, or too many wrong credentials."),
            "500": _problem("The service failed; the failure is logged."),
            "503": _starting(),
        },
    }


def _ready() -> Json:
    responses = {
        "200": _body("Ready; `missing` names what answers are made without.", _READY),
        "503": _body("Not ready: nothing could be answered.", _READY),
    }
    return _operation("ready", "Can it answer, and what is missing?", responses)


def _metrics() -> Json:
    text = {
        "description": "Prometheus's text format",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    responses = {
        "200": text,
        "401": _unauthorised(),
        "403": _problem("The credential opens something else."),
        "429": _too_many("Too many wrong credentials."),
        "503": _starting(),
    }
    return _operation("metrics", "Metrics of all workers", responses) | {
        "security": [{"basic": []}, {"bearer": []}]
    }


def _operation(name: str, summary: str, responses: Json) -> Json:
    return {"operationId": name, "summary": summary, "responses": responses}


def _body(description: str, schema: Json, examples: Json | None = None) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": schema} | (examples or {})},
    }


def _problem(description: str, examples: Json | None = None) -> Json:
    content = {"schema": _ref("Problem")} | (examples or {})
    return {"description": description, "content": {"application/problem+json": content}}


def _unauthorised() -> Json:
    challenge = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return _problem("No credential, or not a good one.", _example("unauthorized")) | {"headers": challenge}


_RETRY: Json = {"headers": {"Retry-After": {"required": True, "schema": {"type": "integer"}}}}


def _too_many(description: str) -> Json:
    return _problem(description) | _RETRY


def _starting() -> Json:
    return _problem("Just started, without Postgres: no credential can be checked yet.") | _RETRY


def _example(*names: str) -> Json:
    """Answers as they were given: the tests compare each with the service's."""
    files = {name: EXAMPLES / f"{name}.json" for name in names}
    return {
        "examples": {
            name: {"value": json.loads(file.read_text(encoding="utf-8"))} for name, file in files.items()
        }
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _text(description: str, *, nullable: bool = False, **more: Any) -> Json:
    return {"type": ["string", "null"] if nullable else "string", "description": description, **more}


def _whole(description: str, *, nullable: bool = False, **more: Any) -> Json:
    return {"type": ["integer", "null"] if nullable else "integer", "description": description, **more}


_LIVE = _object(status={"const": "alive"})
_READY = _object(ready={"type": "boolean"}, missing={"type": "array", "items": {"type": "string"}})
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _text("Always about:blank"),
        "title": _text("The kind of mistake"),
        "status": _whole("The HTTP status"),
        "detail": _text("What is wrong and how to mend it"),
        "parameter": _text("The parameter at fault"),
    },
    "additionalProperties": False,
}
_POSTING = _object(
    id=_text("The board's id"),
    title=_text("Plain text: escape it in HTML"),
    company=_text("Plain text"),
    location=_text("서울 강남구", nullable=True),
    career=_text("경력 3~5년"),
    education=_text("대졸 이상", nullable=True),
    employment_type=_text("정규직", nullable=True),
    salary=_text("연봉 3,500만~4,500만원", nullable=True),
    deadline=_text("Last day to apply, in Asia/Seoul", nullable=True, format="date"),
    days_left=_whole("Whole days until the deadline; 0 is today", nullable=True, minimum=0),
    deadline_label=_text("D-10, 오늘 마감, 채용 시 마감, 상시 채용"),
    url=_text("Where to apply; carries rid, campaign, variant and position", format="uri"),
    reason=_text("Why it is here, a sentence for the member"),
    reason_code=_text("The same for programs", enum=[reason.code for reason in Reason]),
)
_ANSWER = _object(
    recommendation_id=_text("The same for the same question, everywhere", minLength=16, maxLength=16),
    campaign=_text("As asked"),
    variant=_text("As asked", nullable=True),
    source=_text("Where the postings come from", enum=[PERSONALIZED, PROFILE, POPULAR]),
    degraded=_text("Why the best source was not used", nullable=True, enum=[*DEGRADED, None]),
    count=_whole("How many postings there are", minimum=0, maximum=MOST),
    generated_at=_text("When the list was made", format="date-time"),
    postings={"type": "array", "maxItems": MOST, "items": _ref("Posting")},
)


def _parameter(
    name: str, description: str, schema: Json, *, where: str = "query", required: bool = False
) -> Json:
    parameter = {
        "name": name,
        "in": where,
        "required": required,
        "description": description,
        "schema": schema,
    }
    return parameter if required else parameter | {"allowEmptyValue": True}  # Liquid prints nil as nothing


# Unicode's letters, marks, numbers, punctuation and symbols, and the space.
_PRINTABLE = r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$"
_SLUG = {"type": "string", "pattern": f"^{SLUG.pattern}$"}
_PARAMETERS = [
    _parameter(
        "external_id",
        "The member's id in Braze: printable characters, percent-encoded UTF-8",
        {"type": "string", "minLength": 1, "maxLength": MEMBER_ID_CHARS, "pattern": _PRINTABLE},
        where="path",
        required=True,
    ),
    _parameter("campaign", "The campaign's name", _SLUG, required=True),
    _parameter(
        "limit", "How many postings", {"type": "integer", "minimum": 1, "maximum": MOST, "default": 10}
    ),
    _parameter("variant", "The message variant", _SLUG),
    _parameter(
        "send",
        "One send of the campaign: Braze's dispatch id",
        {"type": "string", "pattern": f"^{SEND.pattern}$"},
    ),
    _parameter("lang", "Language of labels and reasons", {"enum": list(LANGUAGES), "default": LANGUAGES[0]}),
]
