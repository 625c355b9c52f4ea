"""Reading values back from tables that others may write too: a value that cannot be read is None."""

from __future__ import annotations

from typing import Any

import msgspec


def instant(column: str) -> str:
    """SQL of an instant that Python can hold; NULL of any other."""
    name = column.rpartition(".")[2]
    return f"CASE WHEN {column} > '0002-01-01' AND {column} < '9999-01-01' THEN {column} END AS {name}"


def table(text: str | None) -> dict[str, Any] | None:
    """A JSON object from its text; None where it is none, or nested beyond all reason."""
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_storable(text: str) -> bool:
    """Whether Postgres can hold a text at all."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
