"""A row's values as JSON keeps them: what no receiver could read back is refused with a sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Literal

from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ColumnKind = Literal[
    "boolean", "number", "text", "date", "instant", "json", "numbers", "array", "local_time", "other"
]
MOST_WHOLE: Final = 2**53  # every receiver that reads JSON numbers as doubles keeps whole numbers up to here
MOST_NESTED: Final = 50  # arrays and objects in one another: no destination takes so many
_TOO_DEEP: Final = f"is nested more than {MOST_NESTED} deep: flatten it, or cast it to text."
MOST_KEY: Final = 2_000  # bytes of an id, by which what became of a row is kept
_DATE: Final = re.compile(r"[0-2]\d{3}-\d\d-\d\d(T[^B]*)?$")  # others are read as texts
_FRACTIONS: Final = ("real", "double precision")  # of which one id has several texts
_NO_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN: Final = 40  # characters of a value that a sentence repeats


class BadRowValueError(Exception):
    """A row that cannot be sent; the sentence names the column."""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a sync's query: its name, what it holds, and Postgres's word for its type."""

    name: str
    kind: ColumnKind
    type_name: str


@dataclass(frozen=True, slots=True)
class _Beyond:
    """A number that JSON's readers do not keep."""

    digits: str


def check_columns(
    columns: Sequence[SourceColumn], needed: Iterable[str], *, member: str, alone: bool = False
) -> None:
    """Refuse a query whose columns cannot be sent.

    Args:
        columns: What it gives.
        needed: Names that must be there.
        member: The one of them that says whose a row is.
        alone: Whether these say enough without any other, as an event does.

    Raises:
        SyncError: one is missing, doubled, nameless, or of a type that JSON, or an id, has no word for.
    """
    names = [column.name for column in columns]
    for name in needed:
        if name not in names:
            raise SyncError(
                f"The query has no column {name!r}: it gives {', '.join(names) or 'none'}. Name one so with AS."
            )
    for column in columns:
        if column.name == "?column?":
            raise SyncError("A column of the query has no name: give it one with AS.")
        if names.count(column.name) > 1:
            raise SyncError(f"The query gives the column {column.name!r} twice: name one of them otherwise.")
        if column.kind == "local_time":
            raise SyncError(
                f"The column {column.name!r} is a timestamp without a time zone, of which nobody knows the instant: "
                f"write {column.name} AT TIME ZONE 'Asia/Seoul', or cast it to date."
            )
        if column.kind == "other":
            raise SyncError(
                f"The column {column.name!r} is of type {column.type_name}, which JSON has no word for: cast it to text, "
                "a number, a boolean, a date or timestamptz, or leave it out."
            )
        if column.name == member and (
            column.kind not in ("text", "number") or column.type_name in _FRACTIONS
        ):
            raise SyncError(
                f"The column {member!r} is of type {column.type_name}, and an id is a text, a whole number or a uuid: cast it."
            )
    if not alone and len(columns) == len(set(needed)):
        raise SyncError("The query gives nothing to send beside its ids: add columns.")


def row_digest(text: str) -> bytes:
    """A row's fingerprint: 16 bytes, by which a row that was refused is known again."""
    return blake2b(text.encode(), digest_size=16).digest()


def values_of(text: str, kinds: Mapping[str, ColumnKind]) -> dict[str, Any]:
    """A row's values out of its JSON text.

    Raises:
        BadRowValueError: a number that JSON's readers do not keep, or a value nested too deep for them.
    """
    try:
        found: dict[str, Any] = json.loads(text, parse_int=_whole, parse_float=_fraction)
    except RecursionError:
        raise BadRowValueError(f"A value {_TOO_DEEP}") from None
    for name, value in found.items():
        if kinds.get(name) in ("number", "numbers") and _is_no_number(value):
            raise BadRowValueError(f"{name}: NaN and infinity are no numbers of JSON: give NULL instead.")
        if kinds.get(name) in ("date", "instant") and isinstance(value, str) and not _DATE.match(value):
            raise BadRowValueError(
                f"{name}: {shortened(value)} is no date from year 1 to 2999: give NULL instead."
            )
        if _is_deeper(value, MOST_NESTED):
            raise BadRowValueError(f"{name}: a value {_TOO_DEEP}")
        if (beyond := _beyond_in(value)) is not None:
            raise BadRowValueError(
                f"{name}: {shortened(beyond.digits)} has more digits than a JSON number keeps: round it, or cast it to text."
            )
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        return _canonical(one) == _canonical(other)
    equal: bool = one == other
    return equal


def shortened(text: str, most: int = SHOWN) -> str:
    """The begin of a value, for a sentence."""
    return text if len(text) <= most else f"{text[:most]}…"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _whole(digits: str) -> int | _Beyond:
    if len(digits) > len(str(MOST_WHOLE)) + 1 or abs(int(digits)) > MOST_WHOLE:
        return _Beyond(digits)
    return int(digits)


def _fraction(digits: str) -> float | _Beyond:
    found = float(digits)
    return found if Decimal(repr(found)) == Decimal(digits) else _Beyond(digits)


def _is_no_number(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_no_number(one) for one in value)
    return isinstance(value, str) and value in _NO_NUMBERS


def inner_values(value: Any) -> Iterable[Any]:
    """What a JSON value holds: of an object its values, of an array its elements, of all else nothing."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _is_deeper(value: Any, most: int) -> bool:
    return any(most == 0 or _is_deeper(one, most - 1) for one in inner_values(value))


def _beyond_in(value: Any) -> _Beyond | None:
    if isinstance(value, _Beyond):
        return value
    return next((found for one in inner_values(value) if (found := _beyond_in(one)) is not None), None)


def milliseconds(time: str) -> int:
    """Milliseconds since 1970 of an instant in ISO 8601."""
    return (datetime.fromisoformat(time) - EPOCH) // timedelta(milliseconds=1)
