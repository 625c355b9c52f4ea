"""The Connected Content API: a member's postings for one send of a campaign."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import flask
from flask import Blueprint, Response

from app.credentials import Scope
from app.runtime.deadline import Deadline
from app.serving.answering import FAULT, LATE, OVER_LIMIT
from app.serving.encoding import encode
from app.serving.request import CallContext, RecommendationRequest
from app.telemetry import LogField
from app.web.auth import authenticate
from app.web.limits import RateLimitState
from app.web.parameters import read_member_id, read_options
from app.web.problems import CallerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.web.content.parts import ContentParts

    # Takes a WSGI environ and the member's id from its path; returns the answer's body and headers.
    RecommendationsHandler = Callable[[Mapping[str, Any], str], tuple[bytes, list[tuple[str, str]]]]

BEFORE_ID, AFTER_ID = "/v1/members/", "/recommendations"
_log = logging.getLogger("connected_jobs.answers")
_LEAST_PATH = len(BEFORE_ID) + len(AFTER_ID)
_HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),  # the answer is for one member
    ("X-Content-Type-Options", "nosniff"),
]
LONGEST_QUEUE_S = 60.0  # a request start further back comes from a wrong clock, not from a queue


def recommendations_handler(parts: ContentParts) -> RecommendationsHandler:
    """Return the function that answers campaigns' calls; each call needs a credential of the scope `content`."""
    # Local names: an attribute would be looked up again at every call.
    answering, book, limits, access_log = parts.answering, parts.book, parts.limits, parts.access_log
    count_answer, on_answer = parts.instruments.count_answer, parts.on_answer
    clock, wall = parts.clock, parts.wall
    deadline_s, trust_request_start = parts.deadline_s, parts.trust_request_start

    def handle(environ: Mapping[str, Any], external_id: str) -> tuple[bytes, list[tuple[str, str]]]:
        start_s = time.monotonic()
        credential = authenticate(environ, book, Scope.CONTENT, limits)
        now = clock()
        queued_s = _queued_s(environ, wall()) if trust_request_start else 0.0
        context = CallContext(now, Deadline(start_s - queued_s + deadline_s))
        options = read_options(environ["QUERY_STRING"], context.today)
        request = RecommendationRequest(read_member_id(external_id, environ["PATH_INFO"]), options)
        state = limits.count_call(credential.name, options.campaign)
        if state is RateLimitState.OVER_HARD:
            raise _too_many()
        cheaply = (
            OVER_LIMIT if state is RateLimitState.OVER_SOFT else LATE if queued_s >= deadline_s else None
        )
        try:
            answer = (
                answering.from_shelf(request, context=context, degraded=cheaply)
                if cheaply
                else answering.answer(request, context=context)
            )
            body = encode(answer)
        except Exception:  # noqa: BLE001 - whatever is wrong with one member's list, the mail still gets postings
            _log.exception("an answer failed", extra={LogField.MEMBER_ID: request.member_id})
            answer = answering.from_shelf(request, context=context, degraded=FAULT)
            body = encode(answer)
        seconds = time.monotonic() - start_s
        count_answer(answer, seconds + queued_s)
        access_log.log_answer(answer, seconds + queued_s, environ)
        on_answer((options, request.member_id, now, answer.degraded))
        timing = f"queue;dur={queued_s * 1000:.1f}, answer;dur={seconds * 1000:.1f}"
        return body, [*_HEADERS, ("Server-Timing", timing), ("Content-Length", str(len(body)))]

    return handle


def content_blueprint(handle: RecommendationsHandler) -> Blueprint:
    """The route that campaigns call, for requests that go through Flask."""

    def recommendations(external_id: str) -> Response:
        body, headers = handle(flask.request.environ, external_id)
        return Response(body, headers=headers)

    blueprint = Blueprint("content", __name__)
    blueprint.get(f"{BEFORE_ID}<member:external_id>{AFTER_ID}")(recommendations)
    return blueprint


def member_asked_for(environ: Mapping[str, Any]) -> str | None:
    """The member's id, as Werkzeug would decode it, where a request is a plain GET of the route; else None."""
    path: str = environ.get("PATH_INFO", "")
    if (
        environ["REQUEST_METHOD"] != "GET"
        or not path.startswith(BEFORE_ID)
        or not path.endswith(AFTER_ID)
        or len(path) < _LEAST_PATH
        or "HTTP_UPGRADE" in environ
    ):
        return None
    external_id = path[len(BEFORE_ID) : -len(AFTER_ID)]
    return external_id if external_id.isascii() else external_id.encode("latin-1").decode(errors="replace")


def _too_many() -> CallerError:
    detail = (
        "This credential is over its hard line of calls a second: lower the delivery speed limit in Braze."
    )
    return CallerError(429, "Too Many Requests", detail, headers={"Retry-After": "1"})


def _queued_s(environ: Mapping[str, str], now_s: float) -> float:
    """Seconds since our own proxy accepted the call, by `X-Request-Start: t=SECONDS`; 0 without a valid header."""
    try:
        queued_s = now_s - float(environ.get("HTTP_X_REQUEST_START", "").removeprefix("t="))
    except ValueError:
        return 0.0
    return queued_s if 0.0 <= queued_s <= LONGEST_QUEUE_S else 0.0
