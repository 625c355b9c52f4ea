"""The calendar: a week of sends, one day's calls under the ceiling, and what collides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, request

from app.web.pages.charts.figures import of_day
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response

    from app.capacity.planner import CampaignJudgement
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.web.pages.queries import PlannerQueries, Week

_DAYS = 7


@dataclass(frozen=True, slots=True)
class CalendarSend:
    """A campaign in the calendar."""

    campaign: RegisteredCampaign
    at: datetime
    judgement: CampaignJudgement | None


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of the week shown."""

    day: date
    sends: Sequence[CalendarSend]


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the route on the blueprint."""

    @blueprint.get("/")
    def calendar() -> Response:
        asked_for = _day(request.args.get("day"))
        week = queries.week(asked_for) if asked_for else queries.next_week()
        days = _days(week)
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


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if date(2000, 1, 10) <= day <= date(2099, 12, 20) else None


def _days(week: Week) -> list[CalendarDay]:
    judged = {one.name: one for one in week.judged.judgement.campaigns} if week.judged else {}
    days = [week.begins + timedelta(days=place) for place in range(_DAYS)]
    sends = [CalendarSend(one, at, judged.get(one.name)) for one, at in week.campaigns]
    return [CalendarDay(day, [send for send in sends if _shown_on(send, days) == day]) for day in days]


def _shown_on(send: CalendarSend, days: Sequence[date]) -> date:
    """The day it begins, or the week's first where it began before."""
    return max(send.at.date(), days[0])


def _first_to_show(week: Week, days: Sequence[CalendarDay]) -> date:
    """Today where it has sends, else the next day that has."""
    in_question = [one.day for one in days if one.sends]
    return next(
        (day for day in in_question if day >= week.today), in_question[0] if in_question else week.today
    )
