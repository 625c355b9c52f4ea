"""Load tests kept: listed, shown, added, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.web.planner.answers import json_answer, not_found
from app.web.planner.requests import text_body

if TYPE_CHECKING:
    from flask import Response

    from app.web.planner.parts import PlannerParts

_NONE = "There is no evidence of this id; all are listed at /v1/capacity/evidence."


def all_evidence(parts: PlannerParts, _by: str) -> Response:
    """All load tests, the newest first."""
    return json_answer({"evidence": parts.evidence.all()})


def one_evidence(parts: PlannerParts, _by: str, evidence_id: str) -> Response:
    """The whole of one."""
    found = parts.evidence.document(evidence_id)
    if found is None:
        raise not_found(_NONE)
    return json_answer(found)


def add_evidence(parts: PlannerParts, by: str) -> Response:
    """Keep what a load test wrote."""
    added, new = parts.evidence.add(text_body(), by=by, now=parts.clock())
    return json_answer(added, status=201 if new else 200)


def remove_evidence(parts: PlannerParts, by: str, evidence_id: str) -> Response:
    """Take one back."""
    removed = parts.evidence.remove(evidence_id, by=by)
    if removed is None:
        raise not_found(_NONE)
    return json_answer(removed)
