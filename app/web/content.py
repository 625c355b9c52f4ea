"""The Connected Content API: a member's postings for one send of a campaign."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from app.serving.answering import Moment
from app.serving.credentials import Scope
from app.serving.deadline import Deadline
from app.serving.encode import encode
from app.serving.question import Question
from app.web.auth import authorise
from app.web.parameters import read_member_id, read_terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.serving.answering import Answering
    from app.serving.credentials import CredentialBook
    from app.web.instruments import Instruments


def content_blueprint(
    answering: Answering,
    book: CredentialBook,
    instruments: Instruments,
    *,
    deadline_s: float,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Blueprint:
    """The routes a campaign calls; they need a credential of the scope `content`."""
    blueprint = Blueprint("content", __name__)

    @blueprint.get("/v1/members/<member:external_id>/recommendations")
    def recommendations(external_id: str) -> Response:
        start_s = time.monotonic()
        authorise(book, Scope.CONTENT)
        moment = Moment(clock(), Deadline(start_s + deadline_s))
        environ = request.environ
        terms = read_terms(environ["QUERY_STRING"], moment.today)
        question = Question(read_member_id(external_id, environ["PATH_INFO"]), terms)
        answer = answering.answer(question, moment=moment)
        body = encode(answer)
        instruments.answered(answer, time.monotonic() - start_s)
        return Response(body, content_type="application/json")

    return blueprint
