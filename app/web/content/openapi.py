"""The API's description: OpenAPI 3.1, checked against the running service by the tests."""

from __future__ import annotations

from importlib.metadata import version

from app.board.campaign_key import CAMPAIGN_KEY
from app.feedback.exposure import MOST_BYTES
from app.recommend.reasons import Reason
from app.serving.answering import (
    BEHIND,
    FAULT,
    LATE,
    OVER_LIMIT,
    PERSONALIZED,
    POPULAR,
    POSTGRES,
    PROFILE,
    RECIPE,
)
from app.serving.labels import LANGUAGES
from app.web.openapi_parts import (
    LIVE,
    PROBLEM,
    READY,
    SECURITY,
    SECURITY_SCHEMES,
    Json,
    body,
    example,
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
from app.web.parameters import MEMBER_ID_CHARS, MOST, SEND

DEGRADED = (POSTGRES, OVER_LIMIT, LATE, FAULT, BEHIND, RECIPE)


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
                "get": operation("live", "Is the process up?", {"200": body("The process answers.", LIVE)})
            },
            "/health/ready": {"get": _ready()},
            "/metrics": {"get": _metrics()},
            "/openapi.json": {
                "get": operation(
                    "openapi", "This description", {"200": body("OpenAPI 3.1", {"type": "object"})}
                )
            },
        },
        "components": {
            "schemas": {"Answer": _ANSWER, "Posting": _POSTING, "Problem": PROBLEM},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _recommendations() -> Json:
    return {
        "operationId": "recommendations",
        "summary": "A member's postings for one send of a campaign",
        "security": SECURITY,
        "parameters": _PARAMETERS,
        "responses": {
            "200": body("An answer a template can use.", ref("Answer"), example("answer", "popular")),
            "400": problem("A parameter does not fit; `parameter` names it.", example("invalid_limit")),
            "401": unauthorised(),
            "403": problem("The credential opens something else.", example("forbidden")),
            "429": too_many("Over the credential's hard line, or too many wrong credentials."),
            "500": problem("The service failed; the failure is logged."),
            "503": starting(),
        },
    }


def _ready() -> Json:
    responses = {
        "200": body("Ready; `missing` names what answers are made without.", READY),
        "503": body("Not ready: nothing could be answered.", READY),
    }
    return operation("ready", "Can it answer, and what is missing?", responses)


def _metrics() -> Json:
    responses = {
        "200": {
            "description": "Prometheus's text format",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        "401": unauthorised(),
        "403": problem("The credential opens something else."),
        "429": too_many("Too many wrong credentials."),
        "503": starting(),
    }
    return operation("metrics", "Metrics of all workers", responses) | {"security": SECURITY}


_POSTING = object_of(
    id=text("The board's id"),
    title=text("Plain text: escape it in HTML"),
    company=text("Plain text; 비공개 where it is not told"),
    location=text("서울 강남구, 재택", nullable=True),
    career=text("경력 3~5년"),
    education=text("대졸 이상", nullable=True),
    employment_type=text("정규직", nullable=True),
    salary=text("연봉 3,500만~4,500만원", nullable=True),
    deadline=text("Last day to apply, in Asia/Seoul", nullable=True, format="date"),
    days_left=whole("Whole days until the deadline; 0 is today", nullable=True, minimum=0),
    deadline_label=text("D-10, 내일 18시 마감, 오늘 마감, 채용 시 마감, 상시 채용"),
    url=text("Where to apply; carries rid, campaign, variant, arm and position", format="uri"),
    reason=text("Why it is here, a sentence for the member"),
    reason_code=text("The same for programs", enum=[reason.code for reason in Reason]),
)
_ANSWER = object_of(
    recommendation_id=text("The same for the same question, everywhere", minLength=16, maxLength=16),
    campaign=text("As asked"),
    variant=text("As asked", nullable=True),
    arm=text("The arm of the campaign's experiment that the member is in", nullable=True),
    source=text("Where the postings come from", enum=[PERSONALIZED, PROFILE, POPULAR]),
    degraded=text("Why the best source was not used", nullable=True, enum=[*DEGRADED, None]),
    count=whole("How many postings there are", minimum=0, maximum=MOST),
    generated_at=text("When the list was made", format="date-time"),
    postings={"type": "array", "maxItems": MOST, "items": ref("Posting")},
    exposure=text(
        "What is shown, for Braze's message_extras: v1|rid|campaign|source|arm|n|ids; null where nothing is",
        nullable=True,
        maxLength=MOST_BYTES,
    ),
)


# Unicode's letters, marks, numbers, punctuation and symbols, and the space.
_PRINTABLE = r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$"
_KEY = {"type": "string", "pattern": f"^{CAMPAIGN_KEY.pattern}$"}
_PARAMETERS = [
    parameter(
        "external_id",
        "The member's id in Braze: printable characters, percent-encoded UTF-8",
        {"type": "string", "minLength": 1, "maxLength": MEMBER_ID_CHARS, "pattern": _PRINTABLE},
        where="path",
        required=True,
    ),
    parameter("campaign", "The campaign's name", _KEY, required=True),
    parameter(
        "limit", "How many postings", {"type": "integer", "minimum": 1, "maximum": MOST, "default": 10}
    ),
    parameter("variant", "The message variant", _KEY),
    parameter(
        "send",
        "One send of the campaign: Braze's dispatch id",
        {"type": "string", "pattern": f"^{SEND.pattern}$"},
    ),
    parameter("lang", "Language of labels and reasons", {"enum": list(LANGUAGES), "default": LANGUAGES[0]}),
]
