"""Evidence: the load tests that verdicts stand on, for those who run the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from flask import g, redirect, request, url_for
from werkzeug.exceptions import NotFound

from app.capacity.evidence.file import CLOCKS_DIFFER, Step
from app.capacity.formats import number
from app.web.pages.charts.figures import Figure, Plot
from app.web.pages.charts.svg import NARROW, WIDE, latencies
from app.web.pages.evidence_words import facts, found, lines, outcome, what_next, why_unreadable
from app.web.pages.forms.campaign import ConfirmForm
from app.web.pages.language import gettext as _
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Blueprint, Response
    from werkzeug.wrappers import Response as AnyResponse

    from app.web.pages.queries import PlannerQueries

NO_SEARCH: Final = frozenset(
    {"overload", "drift", "cold_start"}
)  # phases that look at something else than a rate
_PERCENTILES: Final = ("p50", "p99")


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/evidence", endpoint="evidence")
    def overview() -> Response:
        return page(
            "evidence.html",
            tests=(tests := queries.evidence.all()),
            next_step=what_next(tests[0].kind) if tests and not tests[0].wrong else "",
            now=queries.clock(),
            ahead=CLOCKS_DIFFER,
            running=queries.register.running(),
            zone=queries.zone(),
        )

    @blueprint.get("/evidence/<path:evidence_id>", endpoint="one_evidence")
    def one(evidence_id: str) -> Response:
        document = queries.evidence.document(evidence_id)
        summary = next((test for test in queries.evidence.all() if test.id == evidence_id), None)
        if document is None or summary is None:
            raise NotFound
        steps = _steps(document)
        environment = _table(document, "environment")
        return page(
            "one_evidence.html",
            summary=summary,
            found=found(document),
            next_step=what_next(summary.kind),
            why=why_unreadable(summary.wrong) if summary.wrong else "",
            high_rps=None if summary.wrong else _table(document, "verdict").get("high_rps"),
            now=queries.clock(),
            zone=queries.zone(),
            chart=_chart(steps) if steps else None,
            service=facts(_table(environment, "service")),
            generator=facts(_table(environment, "generator")),
            form=ConfirmForm(),
        )

    @blueprint.post("/evidence/remove", endpoint="remove_evidence")
    def remove() -> AnyResponse:
        if queries.evidence.remove(request.form.get("id", ""), by=g.operator) is None:
            raise NotFound
        return redirect(url_for("pages.evidence"), 303)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within a document; an empty one where something else stands there."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _steps(document: Mapping[str, Any]) -> list[Step]:
    """The rates tried that have a latency to show, the slowest rate first; the overload is another matter."""
    kept = document.get("steps")
    steps = [found for one in kept if (found := _read(one)) is not None] if isinstance(kept, list) else []
    shown = [
        step
        for step in steps
        if step.phase not in NO_SEARCH and all(_latency(step, name) for name in _PERCENTILES)
    ]
    return sorted(shown, key=lambda step: step.rps)


def _slowest(steps: Sequence[Step], percentile: str) -> list[tuple[float, float]]:
    """A point for each rate: of one that was tried more than once the slowest time."""
    points: dict[float, float] = {}
    for step in steps:
        points[step.rps] = max(points.get(step.rps, 0.0), _latency(step, percentile) or 1.0)
    return sorted(points.items())


def _read(step: Any) -> Step | None:
    """Read a step; return None if it cannot be read, so that an older file is shown without it."""
    try:
        return msgspec.convert(step, Step)
    except msgspec.MsgspecError:
        return None


def _latency(step: Step, percentile: str) -> float | None:
    """Milliseconds from the intended start."""
    return step.latency.percentiles_ms.get(percentile) or None


def _chart(steps: Sequence[Step]) -> Figure:
    def dots(word: str) -> list[tuple[float, float]]:
        return [(step.rps, _latency(step, "p99") or 1.0) for step in steps if step.outcome == word]

    paths = [(percentile, _slowest(steps, percentile)) for percentile in _PERCENTILES]
    marks = [(role, some) for role in ("held", "broke") if (some := dots(role))]
    name = _("Latency by rate of calls: half of the calls, and 99 in 100, were answered within this time.")
    rows = [
        (
            number(step.rps),
            outcome(step.outcome),
            number(_latency(step, "p50"), 1),
            number(_latency(step, "p99"), 1),
            number(step.calls),
            lines(step.broken),
        )
        for step in steps
    ]
    return Figure(
        plots=[
            Plot(
                wide=latencies(paths, marks, name=name, size=WIDE),
                narrow=latencies(paths, marks, name=name, size=NARROW),
            )
        ],
        legend=[
            ("p50", _("Half of the calls, ms")),
            ("held", _("99 in 100, ms: held")),
            ("broke", _("99 in 100, ms: broke the line")),
        ],
        columns=(_("Calls a second"), _("Outcome"), "p50 ms", "p99 ms", _("Calls"), _("What broke")),
        rows=rows,
    )
