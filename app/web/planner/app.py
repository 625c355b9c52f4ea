"""Wire the second application, the planner's: its JSON API and, where given, its pages.

It shares no process with the calls of a send, so that planning never slows one, and sessions exist only here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.credentials import Scope
from app.web import problems
from app.web.auth import authorise
from app.web.planner.api import capacity_blueprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.web.planner.parts import PlannerParts

MOST_BODY_BYTES = 4 * 1024 * 1024  # a load test's evidence, with its histograms
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_planner_app(parts: PlannerParts, *, pages: Callable[[Flask], None] | None = None) -> Flask:
    """The planner's WSGI application; `pages` puts the pages on it."""
    cookie = parts.cookie
    app = Flask("app.planner", static_folder=None, template_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BODY_BYTES,
        SECRET_KEY=cookie.key,
        PERMANENT_SESSION_LIFETIME=cookie.lifetime,
        SESSION_COOKIE_NAME="__Host-planner" if cookie.https_only else "planner",
        SESSION_COOKIE_SECURE=cookie.https_only,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.register_blueprint(capacity_blueprint(parts))
    parts.instruments.measure_requests(app)

    @app.get("/metrics")
    def metrics() -> Response:
        authorise(parts.book, Scope.METRICS, parts.limits)
        return Response(parts.instruments.exposition(), content_type=CONTENT_TYPE_LATEST)

    problems.register(app, lambda _status: None)
    app.after_request(_safe)
    if pages is not None:
        pages(app)
    return app


def _safe(response: Response) -> Response:
    """Headers that every answer has; a page that needs others sets its own before."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
