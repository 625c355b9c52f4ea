"""What all campaigns share, and who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.capacity.plan.json_values import read_workspace
from app.web.planner.answers import json_answer, version_of
from app.web.planner.requests import MOST_FORM_BYTES, json_body, version

if TYPE_CHECKING:
    from flask import Response

    from app.web.planner.parts import PlannerParts


def workspace(parts: PlannerParts, _by: str) -> Response:
    """The workspace as it is."""
    found = parts.register.workspace()
    return json_answer(found, headers=version_of(found))


def edit_workspace(parts: PlannerParts, by: str) -> Response:
    """Save an edit."""
    made_from = version()
    definition = read_workspace(json_body(MOST_FORM_BYTES))
    edited = parts.register.edit_workspace(definition, version=made_from, by=by)
    return json_answer(edited, headers=version_of(edited))


def audit(parts: PlannerParts, _by: str) -> Response:
    """Who changed what, the newest first."""
    return json_answer({"deeds": parts.register.audit_log()})
