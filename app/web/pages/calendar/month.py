"""A month of sends: each with its verdict, on the day it begins."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, request

from app.web.pages.calendar.in_braze import with_unfinished
from app.web.pages.calendar.sends import calendar_part, read_day
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from flask import Response

    from app.web.pages.queries import PlannerQueries

_WEEK = 7
MOST_SHOWN = 5  # sends of a day; the others are in its week


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the route on the blueprint."""

    @blueprint.get("/month")
    def month() -> Response:
        asked = read_day(f"{request.args.get('month') or ''}-01")
        first = asked or queries.today().replace(day=1)
        later = (first + timedelta(days=31)).replace(day=1)
        begins = first - timedelta(days=first.weekday())
        weeks = -((begins - later).days // _WEEK)
        part = calendar_part(queries, begins, weeks * _WEEK)
        days = with_unfinished(part.days, part.found.left_out, queries.zone())
        return page(
            "month.html",
            month=first,
            part=part,
            weeks=[days[place : place + _WEEK] for place in range(0, weeks * _WEEK, _WEEK)],
            most=MOST_SHOWN,
            earlier=(first - timedelta(days=1)).replace(day=1),
            later=later,
            until=later - timedelta(days=1),
        )
