"""The Connected Content API: a member's postings for one send of a campaign."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from app.serving.answering import LATE, OVER_LIMIT, Moment
from app.serving.credentials import Scope
from app.serving.deadline import Deadline
from app.serving.encode import encode
from app.serving.question import Question
from app.web.auth import authorise
from app.web.limits import Line
from app.web.parameters import read_member_id, read_terms
from app.web.problems import CallerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.serving.answering import Answering
    from app.serving.credentials import CredentialBook
    from app.web.instruments import Instruments
    from app.web.limits import CallLimits
    from app.web.logs import AccessLog

_HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),  # it is one person's
    ("X-Content-Type-Options", "nosniff"),
]
LONGEST_QUEUE_S = 60.0  # a request start further back than this is no queue but a wrong clock


def content_blueprint(
    answering: Answering,
    book: CredentialBook,
    limits: CallLimits,
    instruments: Instruments,
    access_log: AccessLog,
    *,
    deadline_s: float,
    trust_request_start: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Blueprint:
    """The routes a campaign calls; they need a credential of the scope `content`."""
    blueprint = Blueprint("content", __name__)

    @blueprint.get("/v1/members/<member:external_id>/recommendations")
    def recommendations(external_id: str) -> Response:
        start_s = time.monotonic()
        environ = request.environ
        credential = authorise(book, Scope.CONTENT, limits)
        now = clock()
        queued_s = _queued_s(environ, now) if trust_request_start else 0.0
        moment = Moment(now, Deadline(start_s - queued_s + deadline_s))
        terms = read_terms(environ["QUERY_STRING"], moment.today)
        question = Question(read_member_id(external_id, environ["PATH_INFO"]), terms)
        line = limits.line(credential.name, terms.campaign)
        if line is Line.OVER_HARD:
            raise _too_many()
        if line is Line.OVER_SOFT:
            answer = answering.from_shelf(question, moment=moment, degraded=OVER_LIMIT)
        elif queued_s >= deadline_s:
            answer = answering.from_shelf(question, moment=moment, degraded=LATE)
        else:
            answer = answering.answer(question, moment=moment)
        body = encode(answer)
        seconds = time.monotonic() - start_s
        instruments.answered(answer, seconds + queued_s)
        access_log.answered(answer, seconds + queued_s, environ)
        timing = f"queue;dur={queued_s * 1000:.1f}, answer;dur={seconds * 1000:.1f}"
        return Response(body, headers=[*_HEADERS, ("Server-Timing", timing)])

    return blueprint


def _too_many() -> CallerError:
    detail = (
        "This credential is over its hard line of calls a second: lower the delivery speed limit in Braze."
    )
    return CallerError(429, "Too Many Requests", detail, headers={"Retry-After": "1"})


def _queued_s(environ: Mapping[str, str], now: datetime) -> float:
    """How long ago a proxy of ours took the call, from `X-Request-Start: t=SECONDS`; 0 where it does not say."""
    try:
        queued_s = now.timestamp() - float(environ.get("HTTP_X_REQUEST_START", "").removeprefix("t="))
    except ValueError:
        return 0.0
    return queued_s if 0.0 <= queued_s <= LONGEST_QUEUE_S else 0.0
