"""The campaigns of some days with their verdicts, as files for spreadsheets and calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from flask import Response, request

from app.capacity.calendar.as_csv import as_csv
from app.capacity.calendar.as_ical import as_ical
from app.capacity.calendar.entries import calendar_days, entries
from app.capacity.formats import LANGUAGES
from app.web.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.capacity.calendar.entries import CalendarEntry
    from app.web.planner.parts import PlannerParts

_YEARS: Final = range(2000, 2099)


def calendar_csv(parts: PlannerParts, _by: str) -> Response:
    """Comma-separated values."""
    return Response(as_csv(_entries(parts)), mimetype="text/csv")


def calendar_ical(parts: PlannerParts, _by: str) -> Response:
    """ICalendar, its sentences in Korean or English."""
    lang = request.args.get("lang") or "ko"
    if lang not in LANGUAGES:
        raise invalid("lang", f"lang must be one of {', '.join(LANGUAGES)}.")
    return Response(as_ical(_entries(parts), lang), mimetype="text/calendar")


def _entries(parts: PlannerParts) -> Sequence[CalendarEntry]:
    now = parts.clock()
    zone = ZoneInfo(parts.register.workspace().time_zone)
    days = calendar_days(_day("from") or now.astimezone(zone).date(), _day("until"))
    return entries(parts.register, parts.evidence, *days, now=now)


def _day(name: str) -> date | None:
    given = request.args.get(name)
    if not given:
        return None
    try:
        found = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise invalid(name, f"{name} must be a day of the years 2000 to 2098, such as 2026-11-23.")
    return found
