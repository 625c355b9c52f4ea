"""The settings that all campaigns share: shown to everybody, changed by who administers, with who changed what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, g, redirect, url_for

from app.capacity.plan.json_values import DefinitionError, read_workspace
from app.capacity.register.campaigns import EditedMeanwhileError
from app.web.pages.forms.workspace import WorkspaceForm, data_of, what_to_write
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from app.capacity.register.campaigns import Change, WorkspaceSettings
    from app.web.pages.queries import PlannerQueries

_NAMES = ("workspace_limit_per_min", "usable_share", "evidence_max_age_days", "night", "base_load_rps")


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/settings", endpoint="settings")
    def settings() -> Response:
        now = queries.register.workspace()
        form = WorkspaceForm(None, data={**data_of(now.definition), "version": str(now.version)})
        return _shown(form, now, queries)

    @blueprint.post("/settings", endpoint="save_settings")
    def save() -> AnyResponse:
        form, now = WorkspaceForm(), queries.register.workspace()
        wrong = {one.name: str(one.errors[0]) for one in form if one.errors} if not form.validate() else {}
        if wrong:
            return _shown(form, now, queries, wrong=wrong, status=400)
        version = str(form.version.data or "")
        made_from = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0  # noqa: PLR2004 - a number of versions
        try:
            definition = read_workspace(form.definition(now.definition))
            queries.register.edit_workspace(definition, version=made_from, by=g.operator)
        except DefinitionError as error:
            return _shown(form, now, queries, wrong=_wrong(error), status=400)
        except EditedMeanwhileError as error:
            newer = error.newer
            form.version.data = str(newer.version)
            return _shown(form, now, queries, newer=newer, status=409)
        return redirect(url_for("pages.settings", done="edited"), 303)


def _wrong(error: DefinitionError) -> dict[str, str]:
    """The field at fault, which a sentence on `judging` names after it, and how to mend it in the page's language."""
    named = re.findall("|".join(_NAMES), str(error))
    field = named[0] if named else "workspace_limit_per_min"
    return {"night_begin" if field == "night" else field: what_to_write(field)}


def _shown(
    form: WorkspaceForm,
    now: WorkspaceSettings,
    queries: PlannerQueries,
    *,
    wrong: Mapping[str, str] | None = None,
    newer: Any = None,
    status: int = 200,
) -> Response:
    typed = data_of(form.definition(now.definition)) if newer else {}
    return page(
        "settings.html",
        status=status,
        form=form,
        now=now,
        wrong=wrong or {},
        newer=newer,
        differences=_rows(data_of(now.definition), typed) if newer else (),
        changes=[_told(change) for change in queries.register.workspace_changes()],
        zone=queries.zone(),
    )


def _told(change: Change) -> dict[str, Any]:
    before, after = (data_of(values or {}) for values in (change.before, change.after))
    return {"at": change.at, "who": change.who, "rows": _rows(before, after)}


def _rows(one_has: Mapping[str, Any], other_has: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(field, one's value, the other's) where two differ, as the form shows them."""
    blank = WorkspaceForm(None, meta={"csrf": False})
    return [
        (
            blank[name].label.text,
            _as_shown(blank[name], one_has[name]),
            _as_shown(blank[name], other_has[name]),
        )
        for name in one_has
        if one_has[name] != other_has[name]
    ]


def _as_shown(field: Any, value: Any) -> str:
    return "–" if value is None else str(field.shown(value))
