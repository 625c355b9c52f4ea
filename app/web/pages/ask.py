"""May I send? A form, and the verdict while one types."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, request, url_for
from werkzeug.datastructures import MultiDict

from app.web.pages.campaign_answer import FormAnswer, answer_form
from app.web.pages.forms.campaign import CampaignForm
from app.web.pages.queries import UNSAVED
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from flask import Response

    from app.web.pages.queries import PlannerQueries

_SATURDAY = 5
_MORNING = time(9)


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/ask")
    def ask() -> Response:
        return page("ask.html", offered=queries.offered_limits(), **_answered(queries))

    @blueprint.get("/ask/answer")
    def answer() -> Response:
        return page("answer.html", **_answered(queries))


def _answered(queries: PlannerQueries) -> dict[str, Any]:
    """The form as it was typed, with what is said of it."""
    was_asked = "audience" in request.args
    form = CampaignForm(request.args if was_asked else _opening(queries), meta={"csrf": False})
    replacing = request.args.get("instead_of", UNSAVED, int)
    result = answer_form(form, queries, instead_of=replacing) if was_asked else FormAnswer()
    return {
        "form": form,
        "wrong": result.wrong,
        "problems": result.problems(form),
        "answer": result.answer,
        "replacing": replacing,
        "save_at": _save_at(replacing) if result.answer else None,
    }


def _opening(queries: PlannerQueries) -> MultiDict[str, str]:
    """An empty form on the next working day at nine."""
    day = queries.today() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    at = datetime.combine(day, _MORNING)
    return MultiDict(
        {"kind": "rate_limited", "at": f"{at:%Y-%m-%dT%H:%M}", "calls": "unsure", "on_failure": "blank"}
    )


def _save_at(replacing: int) -> str:
    """Where what was asked can be put on record, as it was typed."""
    path = url_for("pages.edit", number=replacing) if replacing else url_for("pages.new")
    return f"{path}?{urlencode([(name, value) for name, value in request.args.items() if value])}"
