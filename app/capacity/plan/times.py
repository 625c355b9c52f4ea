"""Times of a plan's values: TOML has them as times, JSON as text such as "2026-11-23T09:00:00"."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final

_WALL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
_TIMES: Final[Mapping[str, tuple[re.Pattern[str], Callable[[str], object]]]] = {
    **dict.fromkeys(("at", "ends_at", "launched_at", "finish_by"), (_WALL, datetime.fromisoformat)),
    "on": (_DAY, date.fromisoformat),
    **dict.fromkeys(("fallback_at", "begin", "end"), (_CLOCK, time.fromisoformat)),
}


def as_plan_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with its times as TOML has them; a field that is null counts as left out.

    A text that is no time stays a text, for the reader to refuse.
    """
    return {name: _timed(name, value) for name, value in values.items() if value is not None}


def _timed(name: str, value: object) -> object:
    if isinstance(value, dict) and name == "quiet_hours":
        return as_plan_values(value)
    if isinstance(value, dict) and name in {"judging", "night"}:
        return {inner: _timed(inner, one) for inner, one in value.items()}
    if not isinstance(value, str) or name not in _TIMES:
        return value
    pattern, read = _TIMES[name]
    try:
        return read(value) if pattern.fullmatch(value) else value
    except ValueError:  # a day or an hour that no calendar has
        return value


def as_json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as JSON holds it, times as ISO 8601 text."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return as_json_values(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return value
