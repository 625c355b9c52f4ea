"""A plan's values as JSON holds them, and the plan file they stand for.

JSON has no times: where a plan file has one, JSON has its text, "2026-11-23T09:00:00". The plan file's own reader
judges both, so a page, the API and a file are refused in the same words.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final

from app.capacity.campaign import Campaign
from app.capacity.plan.campaign_table import read_campaign
from app.capacity.plan.plan import read_plan
from app.capacity.plan.table import PLAN, PlanError, shown

_WALL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
_TIMES: Final[Mapping[str, tuple[re.Pattern[str], Callable[[str], object]]]] = {
    **dict.fromkeys(("at", "ends_at", "launched_at", "finish_by"), (_WALL, datetime.fromisoformat)),
    "on": (_DAY, date.fromisoformat),
    **dict.fromkeys(("fallback_at", "begin", "end"), (_CLOCK, time.fromisoformat)),
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_ESCAPED = {"\x7f": "\\u007f"}  # what JSON leaves as it is and TOML does not take
TOP_FIELDS: Final = ("time_zone", "workspace_limit_per_min", "judging", "assumptions")
_NO_CAMPAIGN: Final[Mapping[str, Any]] = {
    "name": "none",
    "kind": "at_once",
    "audience": 0,
    "at": "2000-01-01T00:00",
}


class DefinitionError(ValueError):
    """A campaign or a workspace that the plan file's reader refuses.

    `field` is the field at fault where one is, and the sentence says what is wrong with it and how to mend it.
    """

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


def as_plan_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with its times as a plan file has them; a field that is null counts as left out.

    A text that is no time stays a text, for the reader to refuse.
    """
    return {name: _timed(name, value) for name, value in values.items() if value is not None}


def _timed(name: str, value: object) -> object:
    if isinstance(value, dict) and name in {"quiet_hours", "judging", "night"}:
        return as_plan_values(value)
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


def read_definition(values: Mapping[str, Any]) -> tuple[Campaign, dict[str, Any]]:
    """Read one `[[campaigns]]` table given as JSON values; returns the campaign and its values in one form.

    Raises:
        DefinitionError: the plan file's sentence, without the table's place in a file.
    """
    timed = as_plan_values(values)
    try:
        return read_campaign(1, timed), as_json_values(timed)
    except PlanError as error:
        where = f"campaigns[1] {shown(timed['name'])}" if "name" in timed else "campaigns[1]"
        raise _about(str(error), where, "campaigns[1]") from error
    except RecursionError:
        raise DefinitionError("The campaign is nested too deeply: write its fields flat.") from None


def read_workspace(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read the plan file's top-level fields given as JSON values; returns them in one form.

    Raises:
        DefinitionError: the plan file's sentence.
    """
    for name in values:
        if name not in TOP_FIELDS:
            raise DefinitionError(
                f"{shown(name)} is not a field of the workspace; it has {', '.join(TOP_FIELDS)}.", name
            )
    timed = as_plan_values(values)
    try:
        read_plan(as_plan_text(timed, [_NO_CAMPAIGN]))
    except PlanError as error:
        raise _about(str(error), PLAN) from error
    except RecursionError:
        raise DefinitionError("The workspace is nested too deeply: write its fields flat.") from None
    return as_json_values(timed)


def _about(sentence: str, *places: str) -> DefinitionError:
    """The reader's sentence without the place it names first, which is none that a person wrote."""
    for place in places:
        if sentence.startswith(place):
            sentence = sentence.removeprefix(place).lstrip(": ")
            break
    named = re.match(r'"?([A-Za-z_]+)', sentence)
    return DefinitionError(sentence[:1].upper() + sentence[1:], named[1] if named else None)


def as_plan_text(top: Mapping[str, Any], campaigns: list[Mapping[str, Any]]) -> str:
    """Write a plan file of JSON values: the top-level fields and a `[[campaigns]]` table for each campaign.

    Raises:
        PlanError: a value that a plan file cannot hold.
    """
    tables = ["\n".join(_line(name, value) for name, value in as_plan_values(top).items())]
    tables += [
        "\n".join(["[[campaigns]]", *(_line(name, value) for name, value in as_plan_values(table).items())])
        for table in campaigns
    ]
    return "\n\n".join(tables) + "\n"


def _line(name: str, value: object) -> str:
    return f"{_key(name)} = {_toml(name, value)}"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A text as TOML has it, which is as JSON has it but for one character."""
    return "".join(_ESCAPED.get(letter, letter) for letter in json.dumps(text, ensure_ascii=False))


def _toml(name: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case datetime() | date() | time():
            return value.isoformat()
        case int() | float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(_toml(name, entry) for entry in value) + "]"
        case Mapping():
            inner = ", ".join(_line(str(key), entry) for key, entry in value.items())
            return "{" + inner + "}"
    raise PlanError(f"{PLAN}: {shown(name)} is {shown(value)}; write a number, a text, a list or a table.")
