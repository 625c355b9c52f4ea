"""Evidence: the load tests that verdicts stand on, for those who run the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext as _  # type: ignore[import-untyped] # it ships no types
from werkzeug.exceptions import NotFound

from app.web.pages.charts import NARROW, WIDE, latencies
from app.web.pages.figures import Figure
from app.web.pages.language import number
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Blueprint, Response

    from app.web.pages.planning import Planning

OVERLOAD: Final = "overload"
_PERCENTILES: Final = ("p50", "p99")


def add(blueprint: Blueprint, planning: Planning) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/evidence", endpoint="evidence")
    def overview() -> Response:
        return page(
            "evidence.html",
            tests=planning.evidence.all(),
            now=planning.clock(),
            running=planning.register.running(),
            zone=planning.zone(),
        )

    @blueprint.get("/evidence/<evidence_id>", endpoint="one_evidence")
    def one(evidence_id: str) -> Response:
        document = planning.evidence.document(evidence_id)
        if document is None:
            raise NotFound
        summary = next((test for test in planning.evidence.all() if test.id == evidence_id), None)
        steps = _steps(document)
        return page(
            "one_evidence.html",
            document=document,
            summary=summary,
            now=planning.clock(),
            zone=planning.zone(),
            chart=_chart(steps) if steps else None,
            service=document.get("environment", {}).get("service", {}),
            generator=document.get("environment", {}).get("generator", {}),
        )


def _steps(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rates tried that have a latency to show, the slowest rate first; the overload is another matter."""
    steps = [
        step
        for step in document.get("steps", [])
        if step.get("phase") != OVERLOAD and all(_latency(step, name) for name in _PERCENTILES)
    ]
    return sorted(steps, key=lambda step: float(step.get("rps", 0)))


def _latency(step: Mapping[str, Any], percentile: str) -> float | None:
    """Milliseconds from the intended start."""
    found = step.get("latency", {}).get("percentiles_ms", {}).get(percentile)
    return float(found) if isinstance(found, int | float) and found > 0 else None


def _chart(steps: Sequence[Mapping[str, Any]]) -> Figure:
    def dots(percentile: str, *outcomes: str) -> list[tuple[float, float]]:
        return [
            (float(step["rps"]), _latency(step, percentile) or 1.0)
            for step in steps
            if not outcomes or step.get("outcome") in outcomes
        ]

    paths = [("p50", dots("p50")), ("p99", dots("p99"))]
    marks = [(role, some) for role in ("held", "broke") if (some := dots("p99", role))]
    name = _("Latency by rate of calls: half of the calls, and 99 in 100, were answered within this time.")
    rows = [
        (
            number(step["rps"]),
            _outcome(step),
            number(_latency(step, "p50"), 1),
            number(_latency(step, "p99"), 1),
            number(step.get("calls", 0)),
            ", ".join(step.get("broken", ())) or "–",
        )
        for step in steps
    ]
    return Figure(
        wide=latencies(paths, marks, name=name, size=WIDE),
        narrow=latencies(paths, marks, name=name, size=NARROW),
        legend=[
            ("p50", _("Half of the calls, ms")),
            ("held", _("99 in 100, ms: held")),
            ("broke", _("99 in 100, ms: broke the line")),
        ],
        columns=(_("Calls a second"), _("Outcome"), "p50 ms", "p99 ms", _("Calls"), _("What broke")),
        rows=rows,
    )


def _outcome(step: Mapping[str, Any]) -> str:
    words = {"held": _("held"), "broke": _("broke"), "interrupted": _("interrupted")}
    outcome = str(step.get("outcome", ""))
    return str(words.get(outcome, outcome))
