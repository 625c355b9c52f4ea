"""The Connected Content API: a member's postings for one send of a campaign."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from app.recommend.veto import board_day
from app.serving.credentials import Scope
from app.serving.deadline import Deadline
from app.serving.encode import encode
from app.web.auth import authorise
from app.web.parameters import read_question

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
        now = clock()
        question = read_question(
            external_id, request.args, path=request.environ["PATH_INFO"], today=board_day(now)
        )
        answer = answering.answer(question, now=now, deadline=Deadline.after(deadline_s, start_s=start_s))
        body = encode(answer)
        instruments.answered(answer, time.monotonic() - start_s)
        return Response(body, headers=_HEADERS)

    return blueprint


_HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
]
