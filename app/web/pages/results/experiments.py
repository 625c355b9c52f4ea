"""Experiments: made, started and stopped by who plans, and listed for everybody."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from flask import g, redirect, request, url_for

from app.feedback.experiments.definition import BUILT_IN, read_arms
from app.feedback.experiments.refusals import ExperimentError, Refusal
from app.web.pages.language import language
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint, Response
    from werkzeug.wrappers import Response as AnyResponse

    from app.feedback.experiments.register import ExperimentRegister
    from app.web.pages.queries import PlannerQueries

_LONGEST: Final = 2_000  # characters of what is typed, shown again where it does not fit


def add(blueprint: Blueprint, queries: PlannerQueries, register: ExperimentRegister) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/experiments", endpoint="experiments")
    def listed() -> Response:
        return _shown(queries, register)

    @blueprint.post("/experiments", endpoint="add_experiment")
    def create() -> AnyResponse:
        return _done(lambda: _create(register), queries, register)

    @blueprint.post("/experiments/<key>/start", endpoint="start_experiment")
    def start(key: str) -> AnyResponse:
        return _done(lambda: register.start(key, by=g.operator), queries, register)

    @blueprint.post("/experiments/<key>/stop", endpoint="stop_experiment")
    def stop(key: str) -> AnyResponse:
        return _done(lambda: register.stop(key, by=g.operator), queries, register)


def _create(register: ExperimentRegister) -> None:
    typed = {
        name: request.form.get(name, "").strip()[:_LONGEST] for name in ("key", "campaign", "arms", "until")
    }
    arms = read_arms(typed["arms"].split())
    register.create(typed["key"], typed["campaign"], arms, until=_day(typed["until"]), by=g.operator)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ExperimentError(Refusal.NO_DAY, given=(text or "")[:40]) from error


def _done(change: Callable[[], object], queries: PlannerQueries, register: ExperimentRegister) -> AnyResponse:
    """Make a change, then show what there is; one that cannot be is told, and what was typed stays in the form."""
    try:
        change()
    except ExperimentError as error:
        return _shown(queries, register, wrong=error.said(language()), status=400)
    return redirect(url_for("pages.experiments"), 303)


def _shown(
    queries: PlannerQueries, register: ExperimentRegister, *, wrong: str = "", status: int = 200
) -> Response:
    return page(
        "experiments.html",
        status=status,
        wrong=wrong,
        typed={name: value[:_LONGEST] for name, value in request.form.items()},
        experiments=register.all(),
        campaigns=sorted({one.key for one in queries.register.campaigns() if one.key}),
        recipes=BUILT_IN,
        zone=queries.zone(),
    )
