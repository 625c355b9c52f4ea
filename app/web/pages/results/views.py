"""Results: what sends and experiments came to; counts alone, and no member's clicks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from flask import request
from werkzeug.exceptions import NotFound

from app.board.veto import board_day
from app.feedback.results.campaign import summarise
from app.feedback.results.experiment import conclude
from app.feedback.results.fewest import FEWEST, is_few
from app.feedback.results.sentences import sentences
from app.web.pages.language import language
from app.web.pages.rendering import page
from app.web.pages.results.figures import difference_figure, mark_of, place_figure, reason_names
from app.web.pages.results.power import PowerQuestion

if TYPE_CHECKING:
    from datetime import tzinfo

    from flask import Blueprint, Response

    from app.feedback.results.store import CountedExperiment, ResultsStore
    from app.web.pages.queries import PlannerQueries

NEVER: Final = datetime.min.replace(tzinfo=UTC)
GROUNDS: Final = ("clicked", "seen", "drawn")


def add(blueprint: Blueprint, queries: PlannerQueries, results: ResultsStore) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/results", endpoint="results")
    def overview() -> Response:
        experiments, newest = results.experiments(), results.campaigns()
        return page(
            "results.html",
            experiments=[_listed(one) for one in experiments],
            campaigns=newest.sends,
            computed_at=max([newest.computed_at or NEVER, *(one.computed_at for one in experiments)]),
            zone=queries.zone(),
            power=PowerQuestion.of(request.args),
        )

    @blueprint.get("/results/experiments/<key>", endpoint="experiment_results")
    def experiment(key: str) -> Response:
        if (counted := results.experiment(key)) is None:
            raise NotFound
        found = conclude(counted.counts)
        return page(
            "experiment_results.html",
            last_day=_last_day(counted.counts.planned_end, queries.zone()),
            found=found,
            counts=counted.counts,
            few={arm.arm for arm in counted.counts.arms if is_few(arm)},
            fewest=FEWEST,
            computed_at=counted.computed_at,
            said=sentences(found, language()),
            mark=mark_of(found),
            figure=difference_figure(found),
            zone=queries.zone(),
        )

    @blueprint.get("/results/campaigns/<key>", endpoint="campaign_results")
    def campaign(key: str) -> Response:
        if not (counted := results.sends(key)).sends:
            raise NotFound
        found = summarise(key, counted.sends, board_day(queries.clock()))
        return page(
            "campaign_results.html",
            found=found,
            computed_at=counted.computed_at,
            figure=place_figure(found.by_position) if found.by_position else None,
            reasons=reason_names(),
            grounds=GROUNDS,
            experiments=[_listed(one) for one in results.experiments() if one.counts.campaign == key],
            zone=queries.zone(),
        )


def _last_day(end: datetime | None, zone: tzinfo) -> datetime | None:
    """The last day that counts: an experiment ends as that day does."""
    return end and (end - timedelta(seconds=1)).astimezone(zone)


def _listed(one: CountedExperiment) -> dict[str, Any]:
    """An experiment as a list shows it."""
    found = conclude(one.counts)
    return {"counts": one.counts, "said": sentences(found, language())[0], "mark": mark_of(found)}
