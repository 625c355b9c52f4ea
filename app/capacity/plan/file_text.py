"""A plan's values written as a plan file."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from app.capacity.plan.table import PLAN, PlanError, shown
from app.capacity.plan.times import as_plan_values

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_ESCAPED = {"\x7f": "\\u007f"}  # what JSON leaves as it is and TOML does not take


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
