"""Campaigns on record: put on, edited, taken off, and who did."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, g, redirect, request, url_for

from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.campaigns import (
    EditedMeanwhileError,
    NameTakenError,
    NoSuchCampaignError,
    RegisteredCampaign,
    flat_values,
    read_draft,
)
from app.capacity.register.series import duplicate, following
from app.web.pages.advice import advised_changes
from app.web.pages.calendar.listing import row_of
from app.web.pages.campaign_answer import values_of
from app.web.pages.forms.campaign import CampaignForm, ConfirmForm, typed
from app.web.pages.forms.fields import posted_number
from app.web.pages.forms.problems import find_problems, sentence_of, with_fold
from app.web.pages.language import gettext as _
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.wrappers import Response as AnyResponse

    from app.capacity.register.campaigns import Change, Draft
    from app.web.pages.queries import PlannerQueries


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the routes on the blueprint."""
    _add_new(blueprint, queries)
    _add_duplicate(blueprint, queries)
    _add_edit(blueprint, queries)
    _add_advice(blueprint, queries)
    _add_remove(blueprint, queries)
    _add_changes(blueprint, queries)


def _add_new(blueprint: Blueprint, queries: PlannerQueries) -> None:
    @blueprint.get("/campaigns/new", endpoint="new")
    def new() -> Response:
        return _form(CampaignForm(request.args, owner=None), queries)

    @blueprint.post("/campaigns/new", endpoint="add")
    def put_on() -> AnyResponse:
        return _saved(
            CampaignForm(), queries, lambda draft, _version: queries.register.add(draft, by=g.operator)
        )


def _add_duplicate(blueprint: Blueprint, queries: PlannerQueries) -> None:
    @blueprint.get("/campaigns/<int:number>/duplicate", endpoint="duplicate")
    def duplicate_one(number: int) -> Response:
        one = queries.register.campaign(number)
        if one is None:
            raise NoSuchCampaignError
        now = queries.clock().astimezone(queries.zone()).replace(tzinfo=None)
        return _form(CampaignForm(None, data=_draft_data(duplicate(one, now))), queries)


def _add_edit(blueprint: Blueprint, queries: PlannerQueries) -> None:
    @blueprint.get("/campaigns/<int:number>/edit", endpoint="edit")
    def edit(number: int) -> Response:
        one = queries.living(number)
        if "kind" in request.args:  # as it was typed before a session ended, or asked
            form = CampaignForm(request.args)
            form.version.data = form.version.data or str(one.version)
            _fill_in(form, one)
        else:
            form = CampaignForm(None, data=_data(one))
        return _form(form, queries, one=one)

    @blueprint.post("/campaigns/<int:number>/edit", endpoint="save")
    def save(number: int) -> AnyResponse:
        return _saved(
            CampaignForm(),
            queries,
            lambda draft, version: queries.register.edit(
                number, draft, version=version, by=g.operator, following=_following()
            ),
            one=queries.living(number),
        )


def _add_advice(blueprint: Blueprint, queries: PlannerQueries) -> None:
    @blueprint.post("/campaigns/<int:number>/advice", endpoint="take_advice")
    def take_advice(number: int) -> AnyResponse:
        """Take the advice over as it was shown; what has changed since is looked at again first."""
        one, judged = queries.living(number), queries.planned(number).judged
        changes = advised_changes(judged.own) if judged is not None and judged.own is not None else None
        shown, version = request.form.get("limit_per_min"), posted_number(request.form.get("version"))
        report = partial(url_for, "pages.report", number=number)
        if changes is None or str(changes["limit_per_min"]) != shown:
            return redirect(report(done="advice_changed"), 303)
        draft = replace(one.draft(), definition={**one.definition, **changes})
        try:
            queries.register.edit(number, draft, version=version, by=g.operator)
        except EditedMeanwhileError:
            return redirect(report(done="advice_changed"), 303)
        return redirect(report(done="advised"), 303)


def _add_remove(blueprint: Blueprint, queries: PlannerQueries) -> None:
    def asked(one: RegisteredCampaign, *, status: int = 200, newer: Any = None) -> Response:
        form = ConfirmForm(None, version=str(one.version))
        after = following(one, queries.register.series(one))
        return page("remove.html", status=status, campaign=one, newer=newer, form=form, after=after)

    @blueprint.get("/campaigns/<int:number>/remove", endpoint="remove")
    def remove(number: int) -> Response:
        return asked(queries.living(number))

    @blueprint.post("/campaigns/<int:number>/remove", endpoint="remove_now")
    def remove_now(number: int) -> AnyResponse:
        version = posted_number(request.form.get("version"))
        try:
            queries.register.remove(number, version=version, by=g.operator, following=_following())
        except EditedMeanwhileError as error:
            if not isinstance(error.newer, RegisteredCampaign):
                raise
            return asked(error.newer, status=409, newer=error.newer)
        return redirect(url_for("pages.calendar", done="removed"), 303)


def _add_changes(blueprint: Blueprint, queries: PlannerQueries) -> None:
    @blueprint.get("/campaigns/<int:number>/changes", endpoint="changes")
    def changes(number: int) -> Response:
        one = queries.register.campaign(number)
        if one is None:
            raise NoSuchCampaignError
        return page(
            "changes.html",
            campaign=one,
            changes=[_told(c) for c in queries.register.changes(number)],
            zone=queries.zone(),
        )


def _saved(
    form: CampaignForm,
    queries: PlannerQueries,
    put: Callable[[Draft, int], RegisteredCampaign],
    one: RegisteredCampaign | None = None,
) -> AnyResponse:
    """Read the form and put it on record; whatever stands against it is shown beside what was typed."""
    if problems := find_problems(form, values_of(form)):
        return _form(form, queries, one=one, wrong=with_fold(problems), status=400)
    try:
        saved = put(read_draft(values_of(form)), posted_number(form.version.data))
    except DefinitionError as error:
        return _form(
            form, queries, one=one, wrong=with_fold({error.field or "name": sentence_of(error)}), status=400
        )
    except NameTakenError:
        taken = {"name": str(_("There is another campaign of this name."))}
        return _form(form, queries, one=one, wrong=taken, status=409)
    except EditedMeanwhileError as error:
        newer = error.newer
        form.version.data = str(newer.version)
        return _form(form, queries, one=one, newer=newer, status=409)
    return redirect(url_for("pages.report", number=saved.id, done="edited" if one else "added"), 303)


def _form(
    form: CampaignForm,
    queries: PlannerQueries,
    *,
    one: RegisteredCampaign | None = None,
    wrong: Mapping[str, str] | None = None,
    newer: Any = None,
    status: int = 200,
) -> Response:
    if one is None and not form.owner.data and not form.owner.raw_data:
        form.owner.data = g.operator
    differences = _differences(_data(newer), _typed_data(form)) if newer is not None else ()
    return page(
        "edit.html",
        status=status,
        form=form,
        campaign=one,
        wrong=wrong or {},
        newer=newer,
        differences=differences,
        offered=queries.offered_limits(),
        zone=queries.zone(),
        **_of_series(queries, one),
    )


def _of_series(queries: PlannerQueries, one: RegisteredCampaign | None) -> dict[str, Any]:
    """The weekly sends that a campaign is one of, and those of them that begin after it."""
    series = queries.register.series(one) if one is not None else ()
    after = following(one, series) if one is not None else ()
    carried = request.form.get("following") or request.args.get("following")
    return {"series": [row_of(other) for other in series], "after": after, "carried": carried == "1"}


def _data(one: RegisteredCampaign) -> dict[str, Any]:
    """The form's data for a campaign on record."""
    return {**_draft_data(one.draft()), "version": str(one.version)}


def _draft_data(draft: Draft) -> dict[str, Any]:
    """The form's data for what an operator wrote."""
    kept = {"key": draft.key, "owner": draft.owner, "braze_campaign_id": draft.braze_campaign_id}
    return {**typed(draft.definition), **kept}


def _typed_data(form: CampaignForm) -> dict[str, Any]:
    """What was typed, as the same data."""
    return {
        **typed(form.definition()),
        "key": form.key.data,
        "owner": form.owner.data,
        "braze_campaign_id": form.braze_campaign_id.data,
    }


def _differences(one_has: Mapping[str, Any], other_has: Mapping[str, Any]) -> list[tuple[Any, Any, Any]]:
    """(field, one's value, the other's) where two campaigns differ, as the form shows them."""
    blank = CampaignForm(None, meta={"csrf": False})
    fields = [one for one in blank if one.name not in {"version", "csrf_token"}]
    return [
        (one.label.text, _as_shown(one, one_has.get(one.name)), _as_shown(one, other_has.get(one.name)))
        for one in fields
        if one_has.get(one.name) != other_has.get(one.name)
    ]


def _as_shown(field: Any, value: Any) -> Any:
    if value is None or value == "":
        return "–"
    if hasattr(field, "choices"):
        return next((label for choice, label in field.choices if choice == value), value)
    return field.told(value)


def _told(change: Change) -> dict[str, Any]:
    """A change with the fields that differ, before and after."""
    before, after = (typed(flat_values(values)) if values else {} for values in (change.before, change.after))
    rows = _differences(before, after)
    return {"at": change.at, "who": change.who, "what": change.what, "rows": rows}


def _fill_in(form: CampaignForm, one: RegisteredCampaign) -> None:
    """What a question does not ask for stays as it is on record."""
    for name, value in _data(one).items():
        if name in {"name", "key", "owner", "braze_campaign_id"} and not form[name].raw_data:
            form[name].data = value


def _following() -> bool:
    """Whether those of the series that begin after it are meant, too."""
    return request.form.get("following") == "1"
