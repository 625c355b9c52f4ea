"""One value of an import file: read from text or from JSON, and refused in a sentence that tells how to mend it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from babel import Locale

from app.board.texts import ascii_host, is_link, says_something, shown_text
from app.board.veto import BOARD_ZONE, NO_END_YEAR, last_moment
from app.board.vocabulary import HYBRID, REMOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ID_LENGTH = 200
LIST_LENGTH = 200
YEARS = range(1970, 2101)
MOST_YEARS_OF_CAREER = 70.0
MOST_MONEY = 10**15  # won
# What programs and people write where there is no value. "none" is none of these: it is an education.
NOT_GIVEN = frozenset(
    {"null", "NULL", "Null", "None", "nil", "undefined", "nan", "NaN", "NaT", "<NA>", "N/A", "n/a", "#N/A", "\\N", "-", "--", "없음", "해당없음"}
)  # fmt: skip
PERIODS = ("year", "month", "week", "day", "hour", "case")

_WHOLE = re.compile(r"[0-9]{1,16}", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,40})(?:\.[0-9]{1,20})?(?:[eE]\+?[0-9]{1,2})?", re.ASCII
)
# An id of hexadecimal digits may be 1e5; a program writes a number so with its sign.
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?(?:E\+?|e\+)[0-9]{1,3}", re.ASCII)
_WITH_A_POINT = re.compile(
    r"(?:0|[1-9][0-9]*)\.0", re.ASCII
)  # as programs write numbers of columns with gaps
_ALL_NINES = re.compile(r"9{4,}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHEN = re.compile(
    r"""([0-9]{4}) (?: -([0-9]{1,2})-([0-9]{1,2}) | /([0-9]{1,2})/([0-9]{1,2}) | \.\s?([0-9]{1,2})\.\s?([0-9]{1,2})\.?
                     | 년\s*([0-9]{1,2})월\s*([0-9]{1,2})일 | ([0-9]{2})([0-9]{2}) )
        (?: (?:\s*T|\s+) (?:(오전|오후|AM|PM)\s*)? ([0-9]{1,2})
            (?: :([0-9]{2})(?: :([0-9]{2})(?:[.,][0-9]{1,9})?)? | 시(?:\s*([0-9]{1,2})분)? | (?<=T[0-9]{2})([0-9]{2})([0-9]{2})? )
            (?:\s*(AM|PM))?
            \s*(Z|UTC|GMT|KST|[+-][0-9]{2}(?::?[0-9]{2})?)? )?""",
    re.ASCII | re.VERBOSE | re.IGNORECASE,
)
_DAY_OR_MONTH_FIRST = re.compile(r"[0-9]{1,2}([-/.])\s?[0-9]{1,2}\1\s?[0-9]{2,4}\b.*")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)
_HALF_DAY_H = 12
_END_OF_DAY_H = 24
_AUTHORITY = re.compile(
    r"(?:(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?)+|\[[0-9a-f:.]+\])(?::[0-9]{1,4}|:[1-6][0-9]{4})?(?=[/?#]|\Z)",
    re.ASCII | re.IGNORECASE,
)
# What neither Postgres (NUL, lone surrogates) nor a mail can carry; white space is folded before this looks.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SPREADSHEET_ERRORS = frozenset({"#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"})
# Postgres's array, JSON's and Python's; a label in square brackets alone may be meant.
_PRINTED_LIST = re.compile(r"\s*(?:\{.*\}|\[(?:.*[,'\"].*|\s*[0-9]+\s*)\])\s*", re.DOTALL)
_EXACT_FLOAT = 2**53
_KEPT = 8_192  # values of columns that say the same again and again are read once
_CENT = Decimal("0.01")
_LIKE_A_TIME = "like 2026-11-21T09:00:00+09:00"
_WORKPLACES = {
    "remote": REMOTE, "재택": REMOTE, "재택근무": REMOTE, "원격": REMOTE, "원격근무": REMOTE, "telecommute": REMOTE,
    "hybrid": HYBRID, "하이브리드": HYBRID,
}  # fmt: skip
_TRUTH = {
    "true": True, "t": True, "yes": True, "y": True, "1": True, "1.0": True, "on": True, "예": True, "네": True,
    "false": False, "f": False, "no": False, "n": False, "0": False, "0.0": False, "off": False, "아니오": False,
    "아니요": False,
}  # fmt: skip


class BadValueError(ValueError):
    """A value that cannot be taken; the message says why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """How a column's values are read. Either reader raises `BadValueError`; `text` never sees an empty field."""

    text: Callable[[str], object]
    json: Callable[[object], object]
    many: bool = False


class ImportedDeadline(NamedTuple):
    """The last day to apply and the time on it; no day where what stands there says that there is no end."""

    day: date | None
    at: time | None


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
    if text[0] == "#" and text in _SPREADSHEET_ERRORS:
        raise BadValueError("A spreadsheet's error stands here; mend the formula and export it again.")
    if text[0] == "'" or text.startswith('="'):
        raise BadValueError("A spreadsheet's mark of text stands before this id; remove it.")
    if ("E" in text or "+" in text) and _ROUNDED.fullmatch(text):
        raise BadValueError(
            "A spreadsheet has rounded this id; format its column as text and export it again."
        )
    return text


def row_id(text: str) -> str:
    """The id of a row: `12345.0`, as a table's program writes whole numbers of a column with gaps, is `12345`.

    Codes are left as they are: of `2.0` and `2.1` neither is a number.
    """
    text = identifier(text)
    if not _WITH_A_POINT.fullmatch(text):
        return text
    whole = text.removesuffix(".0")
    if int(whole) > _EXACT_FLOAT:
        raise BadValueError("A number so large has lost its last digits; export this column as text.")
    return whole


def plain_text(most: int, *, headline: bool = False) -> Callable[[str], str]:
    """Text of at most `most` characters, as a person reads it: see `shown_text`. A headline has a letter or digit."""

    def read(text: str) -> str:
        shown = shown_text(text)
        if not shown:
            raise BadValueError("Nothing visible stands here; write a value or leave the field empty.")
        if len(shown) > most:
            raise BadValueError(
                f"At most {most} characters fit and these are {len(shown)}; shorten the text."
            )
        if bad := _CONTROL.search(shown):
            raise BadValueError(f"The text holds the control character U+{ord(bad[0]):04X}; remove it.")
        if "\ufffd" in shown:
            raise BadValueError("The text was broken by a wrong encoding; export it again as UTF-8.")
        if shown[0] == "#" and shown in _SPREADSHEET_ERRORS:
            raise BadValueError("A spreadsheet's error stands here; mend the formula and export it again.")
        if headline and not says_something(shown):
            raise BadValueError("No letter and no digit stands here; write what it is called.")
        return shown

    return read


def url(text: str) -> str:
    """An address that begins with http:// or https:// and has a host."""
    link = text.strip().replace("&amp;", "&")
    if not is_link(link):
        if "@" in link.partition("://")[2].partition("/")[0]:
            raise BadValueError("The address holds a name or a password before an @; remove it.")
        raise BadValueError(
            "Not a web address; write it like https://example.com/postings/1, without blanks."
        )
    try:
        authority = ascii_host(link).partition("://")[2]
    except UnicodeError:
        authority = ""
    if not _AUTHORITY.match(authority):
        raise BadValueError("The address has a host or a port that cannot be; correct it.")
    if not link.isprintable():
        raise BadValueError("The address holds an invisible character; remove it.")
    if len(link) > 2000:  # noqa: PLR2004 - as the sentence says
        raise BadValueError(f"At most 2000 characters fit and these are {len(link)}; shorten the address.")
    return link


@lru_cache(maxsize=_KEPT)
def region(text: str) -> str:
    """A path from large to small, joined by "/", or a word for working from home."""
    if workplace := _WORKPLACES.get(text.strip().lower()):
        return workplace
    parts = [shown_text(part).strip() for part in text.split("/")]
    if not all(parts):
        raise BadValueError(
            f"The region {text[:ID_LENGTH]!r} has an empty part; write it from large to small, like 101000/강남구."
        )
    return "/".join(parts)


@lru_cache(maxsize=_KEPT)
def salary_unit(text: str) -> str:
    """A currency and a period."""
    currency, _, period = (part.strip() for part in text.partition("/"))
    currency, period = currency.upper(), period.lower()
    if currency not in _currencies() or period not in PERIODS:
        raise BadValueError(
            f"Not a salary unit; write a currency and {', '.join(PERIODS[:-1])} or {PERIODS[-1]}: KRW/year."
        )
    return f"{currency}/{period}"


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    return frozenset(Locale("en").currencies)


def instant(text: str) -> datetime:
    """An ISO 8601 time with a zone, as an instant in UTC."""
    text = text.strip()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadValueError(f"Not a time; write it {_LIKE_A_TIME}.") from None
    if at.year not in YEARS:
        raise BadValueError(_year_out_of_range(at.year))
    if at.tzinfo is None:
        if _DAY.fullmatch(text):
            raise BadValueError(f"Only a day stands here; add a time with its zone, {_LIKE_A_TIME}.")
        raise BadValueError("The time has no zone; add one at its end, like +09:00 or Z.")
    at = at.astimezone(UTC)
    if at.timestamp() <= 0:
        raise BadValueError(_EPOCH)
    return at


def end(text: str) -> datetime | None:
    """A time like `instant`; None where what stands there says that there is no end."""
    text = text.strip()
    if text.lower() == "infinity":
        return None
    found = _WHEN.fullmatch(text)
    return None if found is not None and int(found[1]) >= NO_END_YEAR else instant(text)


_EPOCH = "1970-01-01 stands for no time in many systems; leave the field empty, or correct it."


def _year_out_of_range(year: int) -> str:
    return (
        f"The year {year} is not between {YEARS[0]} and {YEARS[-1]}; correct it, or leave the field empty"
        " where no time is meant."
    )


@lru_cache(maxsize=_KEPT)
def deadline(text: str) -> ImportedDeadline:
    """A day, to the end of which one may apply, or a time; without a zone it is the board's, Asia/Seoul."""
    if _DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is not None and YEARS[1] <= day.year < NO_END_YEAR:
            return ImportedDeadline(day, None)
    text = unicodedata.normalize("NFKC", text).strip()
    if text.lower() == "infinity":
        return ImportedDeadline(None, None)
    found = _WHEN.fullmatch(text)
    if found is None:
        if _DAY_OR_MONTH_FIRST.fullmatch(text):
            raise BadValueError(
                "Day, month and year cannot be told apart; write the year first, like 2026-12-01."
            )
        raise BadValueError(_NO_DEADLINE)
    return _deadline_of(found)


_NO_DEADLINE = (
    "Not a date; write it like 2026-12-01 or 2026-12-01T18:00, or leave the field empty where no day is set (closes"
    " says always_open or when_filled)."
)


def _deadline_of(found: re.Match[str]) -> ImportedDeadline:
    year, *parts = found.groups()
    month, day = (int(part) for part in parts[:10] if part is not None)
    half, hour, minute, second, minute_ko, minute_iso, second_iso, half_after, zone = parts[10:]
    if int(year) >= NO_END_YEAR:
        return ImportedDeadline(None, None)
    if year == "0000":
        raise BadValueError("A day of zeros stands for none; leave the field empty.")
    if int(year) not in YEARS:
        raise BadValueError(_year_out_of_range(int(year)))
    zone = (zone or "").upper()
    zone = "+00:00" if zone in ("Z", "UTC", "GMT") else zone.replace("KST", "+09:00")
    try:
        midnight = datetime(int(year), month, day)  # noqa: DTZ001 - the zone follows
        if hour is None:
            end = midnight + timedelta(days=1)
        else:
            clock = (
                int(part or 0) for part in (hour, minute or minute_ko or minute_iso, second or second_iso)
            )
            end = midnight + _since_midnight(*clock, half=(half or half_after or "").upper())
        last = last_moment(
            datetime.fromisoformat(end.isoformat() + zone) if zone else end.replace(tzinfo=BOARD_ZONE)
        )
    except ValueError:
        raise BadValueError(_NO_DEADLINE) from None
    if (midnight.year, midnight.month, midnight.day) == (1970, 1, 1):
        raise BadValueError(_EPOCH)
    if not zone and end == midnight:
        raise BadValueError(
            f"Midnight at which end of the day? Write {midnight:%Y-%m-%d} alone for its end, or 24:00 of the day before."
        )
    return ImportedDeadline(*last)


def _since_midnight(hour: int, minute: int, second: int, *, half: str) -> timedelta:
    """Raises `ValueError` where no clock shows that."""
    if half:
        if not 1 <= hour <= _HALF_DAY_H:
            raise ValueError(hour)
        hour = hour % _HALF_DAY_H + (_HALF_DAY_H if half in ("오후", "PM") else 0)
    if (hour, minute, second) == (_END_OF_DAY_H, 0, 0):
        return timedelta(days=1)
    at = time(hour, minute, second)
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)


def clock(text: str) -> timedelta:
    """A time of day, since midnight; 24:00 is the end of the day."""
    found = _CLOCK.fullmatch(text.strip())
    try:
        if found is not None:
            return _since_midnight(*(int(part or 0) for part in found.groups()), half="")
    except ValueError:
        pass
    raise BadValueError("Not a time of day; write it like 18:00.")


def choice(meanings: Mapping[str, object]) -> Callable[[str], object]:
    """One of a few words, in any case, and what each is stored as."""
    words = ", ".join(meanings)

    def read(text: str) -> object:
        try:
            return meanings[text]
        except KeyError:
            pass
        try:
            return meanings["_".join(re.split(r"[\s_-]+", text.strip().lower()))]
        except KeyError:
            raise BadValueError(f"{text[:ID_LENGTH]!r} is not known here; write one of {words}.") from None

    return read


def scalar(read: Callable[[str], object]) -> FieldType:
    """A column of one value each; a JSON number is read as its text."""

    def from_json(value: object) -> object:
        return read(value if type(value) is str else _text_of(value))

    return FieldType(read, from_json)


def _text_of(value: object) -> str:
    """A JSON value as CSV would have it."""
    if isinstance(value, bool):
        raise BadValueError("true and false are no value here; write the text or the number that is meant.")
    if isinstance(value, float) and value.is_integer():
        if abs(value) > _EXACT_FLOAT:
            raise BadValueError("A number so large has lost its last digits; write it in quotes.")
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise BadValueError(
            f"One value is needed here, not a list of {len(value)}; keep the one that is meant."
        )
    raise BadValueError("One value is needed here, not an object; write the part of it that is meant.")


def _number(text: str) -> Decimal | None:
    """A number as programs, spreadsheets and people write it, or None."""
    text = unicodedata.normalize("NFKC", text).strip()
    return Decimal(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def whole(most: int) -> FieldType:
    """A whole number from 0 to `most`."""
    not_whole = "Not a whole number; write digits only, like 1200."

    def read(text: str) -> int:
        number = Decimal(text) if _WHOLE.fullmatch(text) else _number(text)
        if number is None:
            raise BadValueError(not_whole)
        if number < 0:
            raise BadValueError(f"{text} is below 0; leave the field empty where the number is not known.")
        if number > most:
            raise BadValueError(f"The number is not between 0 and {most}; correct it.")
        if number % 1:  # only now: of a number with more digits than Python's decimals have it cannot be said
            raise BadValueError(not_whole)
        return int(number)

    return scalar(read)


def amount(most: int) -> FieldType:
    """An amount of money up to `most`, with cents or without; None for 0, which is to be agreed."""

    def read(text: str) -> Decimal | int | None:
        number = Decimal(text) if _WHOLE.fullmatch(text) else _number(text)
        if number is None:
            raise BadValueError(
                "Not an amount; write digits only, like 36000000 or 17.50, or leave the field empty where pay is agreed later."
            )
        if number < 0:
            raise BadValueError(f"{text} is below 0; leave the field empty where pay is agreed later.")
        if number > most:
            raise BadValueError(f"The amount is not between 0 and {most}; correct it.")
        if _ALL_NINES.fullmatch(f"{number.normalize():f}"):
            raise BadValueError(
                f"{text} stands for no limit in many systems; leave the field empty where there is none, or write"
                " the amount round."
            )
        return (number.quantize(_CENT, ROUND_HALF_UP) if number % 1 else int(number)) or None

    return scalar(read)


def career_years() -> FieldType:
    """Years of career, whole or fractional."""

    @lru_cache(maxsize=_KEPT)
    def read(text: str) -> float:
        number = _number(text)
        if number is None:
            raise BadValueError(
                "Not a number of years; write digits, like 3 or 2.5 (0 for a newcomer), or leave the field empty for any."
            )
        if not 0 <= number <= MOST_YEARS_OF_CAREER:
            raise BadValueError(
                f"Years of career lie between 0 and {MOST_YEARS_OF_CAREER:.0f}; correct the number, or leave the"
                f" field empty where {text} stands for any."
            )
        return float(number)

    return scalar(read)


def boolean() -> FieldType:
    """True or false, as programs, spreadsheets and people write it."""

    def read(text: str) -> bool:
        try:
            return _TRUTH[text.strip().lower()]
        except KeyError:
            raise BadValueError(
                f"{text[:ID_LENGTH]!r} is neither true nor false; write one of them."
            ) from None

    return FieldType(read, lambda value: value if isinstance(value, bool) else read(_text_of(value)))


def list_of(read: Callable[[str], object]) -> FieldType:
    """A list: joined by "|" in CSV, an array in JSON; an item that stands twice is taken once."""

    @lru_cache(maxsize=_KEPT)
    def read_item(item: str) -> object:
        return read(_require_text(item))

    def from_items(items: list[str]) -> list[object]:
        if len(items) > LIST_LENGTH:
            raise BadValueError(
                f"A list has at most {LIST_LENGTH} items and this one has {len(items)}; shorten it."
            )
        return list(dict.fromkeys(map(read_item, items)))

    @lru_cache(maxsize=_KEPT)
    def from_joined(text: str) -> tuple[object, ...]:
        return tuple(from_items(_split(text)))

    def from_text(text: str) -> list[object]:
        return list(from_joined(text))

    def from_json(value: object) -> list[object]:
        if isinstance(value, list):
            return from_items(["" if item is None else _text_of(item) for item in value])
        if isinstance(value, dict):
            raise BadValueError('A JSON array of texts is needed here, like ["2", "16"].')
        return from_text(_text_of(value))

    return FieldType(from_text, from_json, many=True)


def _split(text: str) -> list[str]:
    if text.strip() in ("[]", "{}"):
        return []
    if _PRINTED_LIST.fullmatch(text):
        raise BadValueError("A list stands here as a program prints it; join its items by |, like 2|16.")
    return text.split("|")


def _require_text(item: str) -> str:
    if item := item.strip():
        return item
    raise BadValueError("The list has an empty item; remove it.")
