"""May I send? A form, and the verdict while one types."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, request, url_for
from werkzeug.datastructures import MultiDict

from app.capacity.formats import number
from app.web.pages import what_if
from app.web.pages.advice import advised_changes
from app.web.pages.campaign_answer import CampaignAnswer, FormAnswer, answer_form
from app.web.pages.forms.campaign import CampaignForm
from app.web.pages.forms.spoken import MORNING, understand
from app.web.pages.language import gettext as _
from app.web.pages.queries import UNSAVED
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from app.web.pages.queries import PlannerQueries

_SATURDAY = 5


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/ask")
    def ask() -> AnyResponse:
        if (line := request.args.get("say", "").strip()) and (told := _understood(line, queries)):
            kept = {name: value for name, value in request.args.items() if value and name != "say"}
            asked = {"kind": "rate_limited", **(kept if "audience" in kept else {}), **told}
            return redirect(f"{url_for('pages.ask')}?{urlencode(asked)}#reply", 303)
        return page("ask.html", offered=queries.offered_limits(), say=line, **_answered(queries))

    @blueprint.get("/ask/answer")
    def answer() -> Response:
        return page("answer.html", **_answered(queries))


def _understood(line: str, queries: PlannerQueries) -> Mapping[str, str]:
    """The fields of the form that a typed line fills; empty if it fills no field."""
    now = queries.clock().astimezone(queries.zone()).replace(tzinfo=None)
    return understand(line, now).fields()


def _answered(queries: PlannerQueries) -> dict[str, Any]:
    """The form as it was typed, with what is said of it."""
    was_asked = "kind" in request.args
    args = what_if.typed(request.args)
    form = CampaignForm(args if was_asked else _opening(queries), meta={"csrf": False})
    replacing = request.args.get("instead_of", UNSAVED, int)
    result = answer_form(form, queries, instead_of=replacing) if was_asked else FormAnswer()
    answer = result.answer
    return {
        "form": form,
        "wrong": result.wrong,
        "problems": result.problems(form),
        "answer": answer,
        "replacing": replacing,
        "saves": _saves(answer, args, replacing) if answer else (),
        "sliders": what_if.sliders(form) if answer else (),
        "as_typed": [pair for pair in args.items(multi=True) if pair[1] and pair[0] not in what_if.FIELDS],
    }


def _saves(answer: CampaignAnswer, args: MultiDict[str, str], replacing: int) -> list[tuple[str, str]]:
    """Where what was asked can be put on record and what the button says: as advised first, then as typed."""
    own, found = answer.own, answer.found
    if own.state != "planned":
        return []
    path = url_for("pages.edit", number=replacing) if replacing else url_for("pages.new")
    audience = {"audience": f"{found.audience:,}"} if found.audience else {}
    as_typed = {name: value for name, value in args.items() if value} | audience

    def link(**changed: str) -> str:
        return f"{path}?{urlencode({**as_typed, **changed})}"

    saves = []
    if (advised := advised_changes(own)) is not None:
        typed = {
            "limit_per_min": number(advised["limit_per_min"]),
            "finish_by": advised.get("finish_by", "")[:16],
        }
        changed = {"kind": advised["kind"], **{name: value for name, value in typed.items() if value}}
        later = "finish_by" in advised
        label = (
            _("Save at the advised speed, with the later end") if later else _("Save at the advised speed")
        )
        saves.append((link(**changed), label))
    if found.open_speed:
        if own.verdict == "GO":
            saves.append((link(kind="at_once"), _("Save this send")))
        return saves
    as_it_is = _("Save as typed") if saves else _("Save this send")
    return [*saves, (link(), _("Change the campaign to this") if replacing and not saves else as_it_is)]


def _opening(queries: PlannerQueries) -> MultiDict[str, str]:
    """An empty form on the next working day at nine."""
    day = queries.today() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    at = datetime.combine(day, MORNING)
    return MultiDict(
        {"kind": "rate_limited", "at": f"{at:%Y-%m-%dT%H:%M}", "calls": "unsure", "on_failure": "blank"}
    )
