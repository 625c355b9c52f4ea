"""A campaign that is sent every week: the same table again, with later days.

Tables may hold times as TOML has them or as JSON does; each comes back as it was.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from app.capacity.plan.table import LONGEST_TEXT, YEARS, PlanError, shown

FIELD: Final = "repeat_weekly_until"
MOST_REPEATS: Final = 52  # beside the first
WEEK: Final = timedelta(days=7)
_DAYS: Final = ("at", "ends_at", "launched_at", "finish_by", "on")
_DATED = re.compile(r" \d{4}-\d{2}-\d{2}$", re.ASCII)


def repeated(place: int, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the table at `place` (from 1) of a plan file once for each week in which it is sent.

    The first keeps its name; the others get their day beside it.

    Raises:
        PlanError: names the field.
    """
    first = {name: value for name, value in values.items() if name != FIELD}
    if values.get(FIELD) is None:
        return [first]
    begins, until = begins_on(first), _day(values[FIELD])
    if begins is None or begins.year not in YEARS:  # the table's own reader says what is wrong
        return [first]
    weeks = -1 if until is None else (until - begins) // WEEK
    if not 1 <= weeks <= MOST_REPEATS:
        raise PlanError(
            f"campaigns[{place}]: {FIELD} is {shown(values[FIELD])}; write a date one to {MOST_REPEATS} weeks after "
            f"the start, such as {begins + 4 * WEEK}."
        )
    return [first, *(_again(first, week * WEEK) for week in range(1, weeks + 1))]


def next_week(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a campaign's table for the same weekday of the first week after its own whose send lies after `now`.

    `now` is naive wall time, as a table's times are.
    """
    begins = begins_on(values)
    if begins is None:
        return dict(values)
    start = _moved(values.get("at"), timedelta())
    at = datetime.fromisoformat(start) if isinstance(start, str) else start
    first = at if isinstance(at, datetime) else datetime.combine(begins, now.time().max)
    weeks = max(1, (now - first) // WEEK + 1)
    return _again(values, weeks * WEEK)


def follow(before: Mapping[str, Any], after: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return another send of a series with what an edit of one changed, its days moved as far; the rest stays its own."""
    began, begins = begins_on(before), begins_on(other)
    apart = begins - began if began and begins else timedelta()
    changed = {name for name in {*before, *after} - {"name"} if before.get(name) != after.get(name)}
    edited = moved(after, apart)
    kept = {name: value for name, value in other.items() if name not in changed}
    values = {**kept, **{name: value for name, value in edited.items() if name in changed}}
    if undated(str(other.get("name"))) == undated(str(before.get("name"))):
        values["name"] = dated(str(after.get("name")), begins_on(values))
    return values


def begins_on(values: Mapping[str, Any]) -> date | None:
    """The day on which a table's send begins; None where it cannot be read."""
    return _day(values.get("at") or values.get("on"))


def moved(values: Mapping[str, Any], by: timedelta) -> dict[str, Any]:
    """Return a table with all its days moved; what is no day stays for the reader to refuse."""
    return {name: _moved(value, by) if name in _DAYS else value for name, value in values.items()}


def dated(name: str, day: date | None) -> str:
    """Return a name with a day beside it, in the place of the one that stands there."""
    tail = "" if day is None else f" {day.isoformat()}"
    return undated(name)[: LONGEST_TEXT - len(tail)].rstrip() + tail


def undated(name: str) -> str:
    """Return a name without the day beside it."""
    return _DATED.sub("", name)


def _again(values: Mapping[str, Any], by: timedelta) -> dict[str, Any]:
    again = moved(values, by)
    if isinstance(values.get("name"), str):
        again["name"] = dated(values["name"], begins_on(again))
    return again


def _moved(value: object, by: timedelta) -> Any:
    try:
        match value:
            case str() if len(value) <= len("2026-11-23"):
                return (date.fromisoformat(value) + by).isoformat()
            case str():
                return (datetime.fromisoformat(value) + by).isoformat()
            case date():
                return value + by
    except (ValueError, OverflowError):
        return value
    return value


def _day(value: object) -> date | None:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value).date()
    except ValueError:
        return None
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None
