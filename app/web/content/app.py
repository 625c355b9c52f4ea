"""Wire a Flask application from parts that are already built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from app.web import problems
from app.web.content.api import content_blueprint, member_asked_for, recommendations_handler
from app.web.content.operations import operations_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from app.web.content.api import RecommendationsHandler
    from app.web.content.parts import ContentParts

MOST_BODY_BYTES = 16 * 1024  # no route reads a body


class MemberIdConverter(BaseConverter):
    """Accepts any text, also slashes, line breaks and nothing; `read_member_id` refuses what does not fit, and says why."""

    regex = "(?s:.*?)"
    part_isolating = False


class BareResponse(Response):
    """A response without a default content type, because an empty answer to OPTIONS is not HTML."""

    default_mimetype = None


class ContentApp(Flask):
    """Flask, with a short cut to the one route that is called thousands of times a second.

    Flask's request, context, routing and response object cost as much CPU time as the answer itself, which reads only
    the WSGI environ. So a plain GET of that route is answered before Flask makes them. All other requests go through
    Flask, where the same route is registered too; errors of the short cut go to Flask's error handlers.
    """

    def __init__(self, handle: RecommendationsHandler) -> None:
        super().__init__("app", static_folder=None, template_folder=None)
        self._handle = handle

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        external_id = member_asked_for(environ)
        if external_id is None:
            return super().wsgi_app(environ, start_response)
        try:
            body, headers = self._handle(environ, external_id)
        except Exception as error:  # noqa: BLE001 - Flask's handlers answer every exception
            with self.request_context(environ):
                failed = self.finalize_request(self.handle_user_exception(error))
                return failed(environ, start_response)
        start_response("200 OK", headers)
        return (body,)


def create_app(parts: ContentParts) -> Flask:
    """The WSGI application; there are no sessions and no templates on it."""
    handle = recommendations_handler(parts)
    app = ContentApp(handle)
    app.response_class = BareResponse
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.url_map.converters["member"] = MemberIdConverter
    app.url_map.merge_slashes = False  # a member's id may hold two slashes
    app.register_blueprint(content_blueprint(handle))
    app.register_blueprint(operations_blueprint(parts))

    def on_error(status: int) -> None:
        parts.instruments.count_error(status)
        parts.access_log.log_error(status, request.environ)

    problems.register(app, on_error)
    return app
