"""The calendar: a week of sends, one day's calls under the ceiling, and what collides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, request

from app.web.pages.calendar.in_braze import with_unfinished
from app.web.pages.calendar.sends import CalendarDay, CalendarSend, days_of, read_day
from app.web.pages.charts.figures import of_day
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from flask import Response

    from app.web.pages.queries import PlannerQueries, Week

_DAYS = 7


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the route on the blueprint."""

    @blueprint.get("/")
    def calendar() -> Response:
        asked_for = read_day(request.args.get("day"))
        week = queries.week(asked_for) if asked_for else queries.next_week()
        days = with_unfinished(_days(week), week.left_out, week.time_zone)
        chosen = asked_for or _first_to_show(week, days)
        return page(
            "calendar.html",
            week=week,
            days=days,
            chosen=chosen,
            moved_on=asked_for is None and week.begins > week.today,
            chart=of_day(week.judged.judgement, chosen, week.time_zone) if week.judged else None,
            earlier=week.begins - timedelta(days=_DAYS),
            later=week.begins + timedelta(days=_DAYS),
        )


def _days(week: Week) -> list[CalendarDay]:
    judgement = week.judged.judgement if week.judged else None
    judged = judgement.by_name if judgement else {}
    colliding = (
        {name for met in judgement.collisions for name in (met.campaign, *met.others)} if judgement else set()
    )
    sends = [CalendarSend(one, at, judged.get(one.name), one.name in colliding) for one, at in week.campaigns]
    return days_of(sends, week.begins, _DAYS)


def _first_to_show(week: Week, days: Sequence[CalendarDay]) -> date:
    """Today where it has sends, else the next day that has."""
    in_question = [one.day for one in days if one.sends]
    return next(
        (day for day in in_question if day >= week.today), in_question[0] if in_question else week.today
    )
