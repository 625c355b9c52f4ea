"""What surrounds every page: who may see it, in which language, how it is protected, and what errors look like."""

from __future__ import annotations

import logging
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect  # type: ignore[import-untyped] # it ships no types
from werkzeug.exceptions import HTTPException, NotFound

from app.capacity.plan.json_values import DefinitionError
from app.capacity.planner import judge, sentence, ways_out
from app.capacity.register.campaigns import (
    NoSuchCampaignError,
    RegisterRefusedError,
    RegisterUnavailableError,
)
from app.credentials import Role
from app.telemetry import LogField
from app.web.observability.logs import request_id
from app.web.pages import ask, evidence, language, preview, report, settings, syncs
from app.web.pages.access import security_headers as headers
from app.web.pages.access import shares as share_links
from app.web.pages.access import sign_in
from app.web.pages.access.roles import needed_for
from app.web.pages.access.session import SignIn, way_back, with_typed
from app.web.pages.calendar import campaigns, files, listing, month, week
from app.web.pages.calendar.in_braze import lacks
from app.web.pages.charts.figures import numbers_are_for
from app.web.pages.evidence_words import what_next
from app.web.pages.preview import PreviewedMails
from app.web.pages.queries import PlannerQueries
from app.web.pages.rendering import is_fragment, page
from app.web.pages.results import experiments
from app.web.pages.results import views as results
from app.web.pages.results.figures import signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response
    from werkzeug.wrappers import Response as AnyResponse

    from app.braze.mails import Mails
    from app.capacity.register.shares import ShareStore
    from app.credentials import Operator
    from app.feedback.experiments.register import ExperimentRegister
    from app.sync.record import SyncRegister
    from app.web.pages.access.session import Sessions
    from app.web.planner.parts import PlannerParts

STATIC = Path(__file__).parent / "static"
OPEN = frozenset({"pages.sign_in", "pages.sign_in_now", "pages.static", "pages.speak", "pages.shared"})
_NOT_PAGES = ("/v1/", "/health", "/openapi.json", "/metrics")
_log = logging.getLogger("connected_jobs.pages")


def pages(
    parts: PlannerParts,
    *,
    sessions: Sessions,
    shares: ShareStore,
    experiment_register: ExperimentRegister,
    sync_register: SyncRegister,
    previews: Mails | None = None,
    loadtest_command: str | None = None,
) -> Callable[[Flask], None]:
    """What puts the pages on the planner's application.

    Args:
        parts: The application's.
        sessions: Operators' sessions.
        shares: Links to one report.
        experiment_register: Experiments on record.
        sync_register: Syncs on record.
        previews: Renders mails; None where no running service was named.
        loadtest_command: What makes a load test here; None where nobody told.
    """
    queries = PlannerQueries(register=parts.register, evidence=parts.evidence, judge=judge, clock=parts.clock)
    auth = SignIn(parts.book, parts.limits, parts.clock, sessions)

    def install(app: Flask) -> None:
        app.config["WTF_CSRF_CHECK_DEFAULT"] = (
            False  # the API has no cookie; the pages check each request below
        )
        app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form stays good as long as its session
        language.install(app)
        app.jinja_env.globals["loadtest_command"] = loadtest_command
        mails = PreviewedMails(previews, parts.random_member)
        blueprint = _blueprint(queries, auth, CSRFProtect(app), mails, shares, app)
        listing.add(blueprint, queries, parts.results)
        results.add(blueprint, queries, parts.results)
        experiments.add(blueprint, queries, experiment_register)
        syncs.add(blueprint, queries, sync_register)
        app.register_blueprint(blueprint)
        app.register_error_handler(404, _not_found(app, auth))

    return install


def _blueprint(
    queries: PlannerQueries,
    auth: SignIn,
    csrf: CSRFProtect,
    mails: PreviewedMails,
    shares: ShareStore,
    app: Flask,
) -> Blueprint:
    blueprint = Blueprint(
        "pages", __name__, template_folder="templates", static_folder=STATIC, static_url_path="/static"
    )
    over_https = bool(app.config["SESSION_COOKIE_SECURE"])
    versions = {path.name: sha256(path.read_bytes()).hexdigest()[:10] for path in STATIC.iterdir()}
    blueprint.before_request(_admission(auth, csrf))
    blueprint.after_request(lambda response: _finished(response, over_https=over_https))
    blueprint.app_context_processor(
        lambda: {
            "operator": g.get("operator"),
            "role": g.get("role"),
            "may": may,
            "language": language.language(),
            "zone_name": lambda: queries.zone().key,
            "asset": lambda name: url_for("pages.static", filename=name, v=versions[name]),
            "here": way_back() if request.method == "GET" else request.path,
        }
    )
    filters: dict[str, Callable[..., Any]] = {
        **language.FILTERS,
        "sentence": sentence,
        "ways_out": ways_out,
        "what_next": what_next,
        "numbers_are_for": numbers_are_for,
        "signed": signed,
        "lacks": lacks,
    }
    for name, function in filters.items():
        blueprint.add_app_template_filter(function, name)
    sign_in.add(blueprint, auth)
    week.add(blueprint, queries)
    month.add(blueprint, queries)
    files.add(blueprint, queries)
    ask.add(blueprint, queries)
    campaigns.add(blueprint, queries)
    report.add(blueprint, queries)
    evidence.add(blueprint, queries)
    preview.add(blueprint, queries, mails)
    settings.add(blueprint, queries)
    share_links.add(blueprint, queries, shares, auth.limits)
    _add_errors(blueprint)
    return blueprint


def _admission(auth: SignIn, csrf: CSRFProtect) -> Callable[[], AnyResponse | None]:
    """Let in who is signed in; from the others only a form of ours is taken, that for signing in."""

    def admit() -> AnyResponse | None:
        if not auth.book.loaded and request.endpoint not in OPEN:
            return page("error.html", status=503, kind="starting", back=way_back())
        _remember(auth.operator())
        if g.operator is None and request.endpoint not in OPEN:
            ended = "id" in session
            if is_fragment():
                return page("signed_out.html", status=401)
            return redirect(url_for("pages.sign_in", next=way_back(), ended=1 if ended else None), 303)
        csrf.protect()
        needed = needed_for(request.endpoint, request.method)
        if request.endpoint not in OPEN and not may(needed):
            return page("error.html", status=403, kind="role", needed=needed, back=None)
        return None

    return admit


def _remember(operator: Operator | None) -> None:
    """Who is signed in, for the rest of the request: the name, and what the role allows."""
    g.operator = None if operator is None else operator.name
    g.role = None if operator is None else operator.role


def may(needed: str) -> bool:
    """Whether who is signed in may do what needs a role."""
    role: Role | None = g.get("role")
    return role is not None and role.may(Role(needed))


def _finished(response: Response, *, over_https: bool) -> Response:
    if request.endpoint == "pages.static":
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return headers.protect(response, over_https=over_https)


def _add_errors(blueprint: Blueprint) -> None:
    def csrf_failed(_error: CSRFError) -> Response:
        return page("error.html", status=400, kind="stale_form", back=with_typed(request.path, request.form))

    def gone(_error: NoSuchCampaignError) -> Response:
        return page("error.html", status=404, kind="gone", back=None)

    def unavailable(error: RegisterUnavailableError) -> Response:
        _log.warning("the register cannot be reached", exc_info=error)
        response = page("error.html", status=503, kind="unavailable", back=way_back(), detail=str(error))
        response.headers["Retry-After"] = "5"
        return response

    def refused(error: RegisterRefusedError) -> Response:
        _log.warning("the register cannot be used: %s", error)
        return page("error.html", status=503, kind="refused", back=way_back(), detail=str(error))

    def http_error(error: HTTPException) -> Response:
        kind = "not_found" if isinstance(error, NotFound) else "other"
        return page("error.html", status=error.code or 500, kind=kind, back=None)

    def unexpected(error: Exception) -> Response:
        facts: dict[str, object] = {
            LogField.REQUEST_ID: request_id(request.environ),
            LogField.PATH: request.path,
        }
        _log.exception("unexpected failure", exc_info=error, extra=facts)
        return page("error.html", status=500, kind="failed", back=None)

    def unjudged(error: DefinitionError) -> Response:
        return page("error.html", status=422, kind="unjudged", back=None, detail=str(error))

    blueprint.register_error_handler(DefinitionError, unjudged)
    blueprint.register_error_handler(CSRFError, csrf_failed)
    blueprint.register_error_handler(NoSuchCampaignError, gone)
    blueprint.register_error_handler(RegisterUnavailableError, unavailable)
    blueprint.register_error_handler(RegisterRefusedError, refused)
    blueprint.register_error_handler(HTTPException, http_error)
    blueprint.register_error_handler(Exception, unexpected)


def _not_found(app: Flask, auth: SignIn) -> Callable[[NotFound], AnyResponse]:
    """A page for a path that nothing is at; what is no page's keeps the application's own answer."""
    otherwise: Callable[[HTTPException], AnyResponse] = app.error_handler_spec[None][None][HTTPException]  # type: ignore[assignment] # it is `problems.register`'s, which answers with a response
    over_https = bool(app.config["SESSION_COOKIE_SECURE"])

    def not_found(error: NotFound) -> AnyResponse:
        if request.path.startswith(_NOT_PAGES):
            return otherwise(error)
        _remember(auth.operator())
        return headers.protect(
            page("error.html", status=404, kind="not_found", back=None), over_https=over_https
        )

    return not_found
