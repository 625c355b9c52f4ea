"""One value of an import file: read from text or from JSON, and refused in a sentence that tells how to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ID_LENGTH = 200
LIST_LENGTH = 200
YEARS = range(1970, 2101)
MOST_YEARS_OF_CAREER = 70.0

_WHOLE = re.compile(r"[0-9]{1,16}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,4}(\.[0-9]{1,9})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_UNIT = re.compile(r"[A-Z]{3}/(?:year|month|week|day|hour)", re.ASCII)
# What neither Postgres (NUL, lone surrogates) nor a mail can carry; white space is folded before this looks.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BadValueError(ValueError):
    """A value that cannot be taken; the message says why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a column's values are read. Either reader raises `BadValueError`; `text` never sees an empty field."""

    text: Callable[[str], object]
    json: Callable[[object], object]


def identifier(text: str) -> str:
    """An id: 1 to 200 printable characters, no blank at either end."""
    if len(text) > ID_LENGTH:
        raise BadValueError(
            f"An id has at most {ID_LENGTH} characters and this one has {len(text)}; shorten it."
        )
    if not text.isprintable():
        raise BadValueError("An id is printable characters only; remove the invisible one.")
    if text[0] == " " or text[-1] == " ":
        raise BadValueError("The id begins or ends with a blank; remove it.")
    return text


def plain(most: int) -> Callable[[str], str]:
    """Text of at most so many characters; each run of white space becomes one blank."""

    def read(text: str) -> str:
        folded = " ".join(text.split())
        if not folded:
            raise BadValueError("Only blanks stand here; write a value or leave the field empty.")
        if len(folded) > most:
            raise BadValueError(
                f"At most {most} characters fit and these are {len(folded)}; shorten the text."
            )
        if bad := _CONTROL.search(folded):
            raise BadValueError(f"The text holds the control character U+{ord(bad[0]):04X}; remove it.")
        return folded

    return read


def url(text: str) -> str:
    """An address that begins with http:// or https:// and has a host."""
    if not _URL.fullmatch(text):
        raise BadValueError(
            "Not a web address; write it like https://example.com/postings/1, without blanks."
        )
    return plain(2000)(text)


def region(text: str) -> str:
    """A path from large to small, joined by "/"."""
    parts = [part.strip() for part in text.split("/")]
    if not all(parts):
        raise BadValueError(
            f"The region {text[:ID_LENGTH]!r} has an empty part; write it from large to small, like 101000/강남구."
        )
    return "/".join(parts)


def salary_unit(text: str) -> str:
    """A currency and a period."""
    if not _UNIT.fullmatch(text):
        raise BadValueError(
            "Not a salary unit; write a currency and year, month, week, day or hour: KRW/year."
        )
    return text


def moment(text: str) -> datetime:
    """An ISO 8601 time with a zone, as an instant in UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadValueError("Not a time; write it like 2026-11-21T09:00:00+09:00.") from None
    if at.tzinfo is None:
        raise BadValueError("The time has no zone; add one at its end, like +09:00 or Z.")
    if at.year not in YEARS:
        raise BadValueError(f"The year {at.year} is not between {YEARS[0]} and {YEARS[-1]}; correct it.")
    return at.astimezone(UTC)


def day(text: str) -> date:
    """A calendar day in Asia/Seoul."""
    try:
        read = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        read = None
    if read is None:
        raise BadValueError("Not a date; write it like 2026-12-01.")
    if read.year not in YEARS:
        raise BadValueError(f"The year {read.year} is not between {YEARS[0]} and {YEARS[-1]}; correct it.")
    return read


def choice(meanings: Mapping[str, object]) -> Callable[[str], object]:
    """One of a few words, and what each is stored as."""
    words = ", ".join(meanings)

    def read(text: str) -> object:
        try:
            return meanings[text]
        except KeyError:
            raise BadValueError(f"{text[:ID_LENGTH]!r} is not known here; write one of {words}.") from None

    return read


def words(read: Callable[[str], object]) -> Kind:
    """A column whose values are text in JSON too."""

    def from_json(value: object) -> object:
        if not isinstance(value, str):
            raise BadValueError("JSON text is needed here; put the value in quotes.")
        return read(value)

    return Kind(read, from_json)


def whole(most: int) -> Kind:
    """A whole number from 0 to `most`."""

    def in_range(number: int) -> int:
        if not 0 <= number <= most:
            raise BadValueError(f"The number is not between 0 and {most}; correct it.")
        return number

    def from_text(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise BadValueError("Not a whole number of at most 16 digits; write digits only, like 36000000.")
        return in_range(int(text))

    def from_json(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValueError("A whole JSON number is needed here, like 36000000 without quotes.")
        return in_range(value)

    return Kind(from_text, from_json)


def career_years() -> Kind:
    """Years of career, whole or fractional."""

    def in_range(years: float) -> float:
        if not 0 <= years <= MOST_YEARS_OF_CAREER:
            raise BadValueError(
                f"Years of career lie between 0 and {MOST_YEARS_OF_CAREER:.0f}; correct the number."
            )
        return years

    def from_text(text: str) -> float:
        if not _DECIMAL.fullmatch(text):
            raise BadValueError("Not a number of years; write digits, like 3 or 2.5.")
        return in_range(float(text))

    def from_json(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadValueError("A JSON number of years is needed here, like 2.5 without quotes.")
        return in_range(value)

    return Kind(from_text, from_json)


def truth() -> Kind:
    """True or false."""

    def from_json(value: object) -> bool:
        if not isinstance(value, bool):
            raise BadValueError("JSON true or false is needed here, without quotes.")
        return value

    return Kind(choice({"true": True, "false": False}), from_json)


def listed(read: Callable[[str], object]) -> Kind:
    """A list: joined by "|" in CSV, an array in JSON; an item that stands twice is taken once."""

    def from_items(items: list[str]) -> list[object]:
        if len(items) > LIST_LENGTH:
            raise BadValueError(
                f"A list has at most {LIST_LENGTH} items and this one has {len(items)}; shorten it."
            )
        return list(dict.fromkeys([read(_filled(item)) for item in items]))

    def from_json(value: object) -> list[object]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadValueError('A JSON array of texts is needed here, like ["2", "16"].')
        return from_items(value)

    return Kind(lambda text: from_items(text.split("|")), from_json)


def _filled(item: str) -> str:
    if item := item.strip():
        return item
    raise BadValueError("The list has an empty item; remove it.")
