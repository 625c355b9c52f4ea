"""Wire a Flask application from parts that are already built."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from app.web import problems
from app.web.content import content_blueprint
from app.web.operations import operations_blueprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.serving.answering import Answering
    from app.serving.credentials import CredentialBook
    from app.web.instruments import Instruments
    from app.web.limits import CallLimits
    from app.web.logs import AccessLog

MOST_BODY_BYTES = 16 * 1024  # no route reads a body


class MemberIdConverter(BaseConverter):
    """Anything, slashes, line breaks and nothing included: what fits is decided where it can be named."""

    regex = "(?s:.*?)"
    part_isolating = False


class BareResponse(Response):
    """Says what it holds only where it holds something: an answer to OPTIONS is no HTML."""

    default_mimetype = None


def create_app(  # noqa: PLR0913 - every part by its name
    *,
    answering: Answering,
    book: CredentialBook,
    instruments: Instruments,
    limits: CallLimits,
    access_log: AccessLog,
    readiness: Callable[[], tuple[bool, Sequence[str]]],
    deadline_s: float,
    trust_request_start: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Flask:
    """The WSGI application; there are no sessions and no templates on it."""
    app = Flask("app", static_folder=None, template_folder=None)
    app.response_class = BareResponse
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.url_map.converters["member"] = MemberIdConverter
    app.url_map.merge_slashes = False  # a member's id may hold two slashes
    app.register_blueprint(
        content_blueprint(
            answering,
            book,
            limits,
            instruments,
            access_log,
            deadline_s=deadline_s,
            trust_request_start=trust_request_start,
            clock=clock,
        )
    )
    app.register_blueprint(operations_blueprint(book, limits, instruments, readiness=readiness))

    def on_error(status: int) -> None:
        instruments.failed(status)
        access_log.refused(status, request.environ)

    problems.register(app, on_error)
    return app
