"""Wire the second application, the planner's: its JSON API and, where given, its pages.

It shares no process with the calls of a send, so that planning never slows one, and sessions exist only here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.credentials import Scope
from app.web import problems
from app.web.auth import authorise
from app.web.planner.api import capacity_blueprint
from app.web.planner.metrics import PlannerInstruments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.capacity.register.plans import EvidenceShelf, Register
    from app.credentials import CredentialBook
    from app.web.limits import CallLimits

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """How the pages' session cookie is signed and sent.

    `key` signs it; `https_only` is off where the planner is reached over plain http, on loopback; a session ends
    `lifetime` after the sign-in.
    """

    key: bytes = field(repr=False)
    https_only: bool = True
    lifetime: timedelta = timedelta(hours=10)


def create_planner_app(  # noqa: PLR0913 - what it is made of, by name
    *,
    register: Register,
    evidence: EvidenceShelf,
    book: CredentialBook,
    limits: CallLimits,
    sessions: SessionRules,
    readiness: Callable[[], tuple[bool, Sequence[str]]] = lambda: (True, ()),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    pages: Callable[[Flask], None] | None = None,
    instruments: PlannerInstruments | None = None,
) -> Flask:
    """The planner's WSGI application.

    Args:
        register: The campaigns on record.
        evidence: The load tests kept.
        book: Credentials; only those of the scope `operator` open anything here.
        limits: Slows down those who try wrong credentials.
        sessions: The pages' session cookie.
        readiness: Whether it can answer, and what is missing.
        clock: Now, aware.
        pages: Puts the pages on the application.
        instruments: What is measured; some of its own where absent.
    """
    instruments = instruments or PlannerInstruments()
    app = Flask("app.planner", static_folder=None, template_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BODY_BYTES,
        SECRET_KEY=sessions.key,
        PERMANENT_SESSION_LIFETIME=sessions.lifetime,
        SESSION_COOKIE_NAME="__Host-planner" if sessions.https_only else "planner",
        SESSION_COOKIE_SECURE=sessions.https_only,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.register_blueprint(
        capacity_blueprint(register, evidence, book, limits, readiness=readiness, clock=clock)
    )
    instruments.watch(app)

    @app.get("/metrics")
    def metrics() -> Response:
        authorise(book, Scope.METRICS, limits)
        return Response(instruments.exposition(), content_type=CONTENT_TYPE_LATEST)

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
