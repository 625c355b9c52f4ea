"""Dates and times as Ruby reads and prints them; without a zone of their own they are in UTC, whatever the machine's.

Ruby reads nearly anything as a date (`Time.parse`), so this follows its order of trying, and prints with its
`strftime`, whose years have no end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from app.braze.liquid.errors import LimitError, LiquidError, check_digits

if TYPE_CHECKING:
    from collections.abc import Callable

DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
LONGEST_DATE: Final = 128
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Time:
    """A point in time seen at an offset: seconds since 1970 in UTC, nanoseconds beyond, seconds east of UTC."""

    second: int
    nanosecond: int = 0
    offset: int = 0
    zone: str = "UTC"

    @classmethod
    def of(cls, year: int, month: int, day: int, second: int = 0, nanosecond: int = 0) -> Time:
        """Return the moment of a date and a second of its day, in UTC; days beyond the month's end run into the next month."""
        return cls(_days(year, month, day) * _DAY_S + second, nanosecond)

    def at(self, offset: int, zone: str = "") -> Time:
        """Return the same moment at another offset, in seconds east of UTC."""
        return replace(self, offset=offset, zone=zone)

    @property
    def date(self) -> tuple[int, int, int]:
        """The year, the month (1 to 12) and the day (1 to 31) at its offset."""
        return _date_of((self.second + self.offset) // _DAY_S)

    @property
    def time(self) -> tuple[int, int, int]:
        """The hour, the minute and the second at its offset."""
        rest = (self.second + self.offset) % _DAY_S
        return rest // 3600, rest // 60 % 60, rest % 60

    @property
    def weekday(self) -> int:
        """The day of the week, 0 for Sunday."""
        return ((self.second + self.offset) // _DAY_S + 4) % 7

    @property
    def day_of_year(self) -> int:
        """The day of the year, 1 for the first of January."""
        return (self.second + self.offset) // _DAY_S - _days(self.date[0], 1, 1) + 1

    def __str__(self) -> str:
        """Return what Ruby prints for a time."""
        return strftime(self, "%Y-%m-%d %H:%M:%S " + ("UTC" if self.zone == "UTC" else "%z"))


def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 in the Gregorian calendar. It counts in years that begin in March, so that 29 February comes last."""
    year -= month <= 2  # noqa: PLR2004 - February
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1  # noqa: PLR2004
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719_468


def _date_of(days: int) -> tuple[int, int, int]:
    """Return the date so many days after 1970-01-01."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9  # noqa: PLR2004
    return era * 400 + year + (month <= 2), month, day  # noqa: PLR2004


def read_time(value: object, now: Time) -> Time | None:
    """Return the moment that a value names, as Liquid's `date` filter reads it; None where it names none."""
    if isinstance(value, Time):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Time(value)
    if not isinstance(value, str):
        return None
    text = value.lower()
    if text in {"now", "today"}:
        return now
    if re.fullmatch(r"[0-9]+", text):
        check_digits(len(text))
        return Time(int(text))
    return parse_time(text, now)


# ---- reading ------------------------------------------------------------------------------------------------------

_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_ERA = r"(?:\s*(c(?:e|\.e\.)|b(?:ce|\.c\.e\.)|a(?:d|\.d\.)|b(?:c|\.c\.))?\s*('?-?\d+(?:(?:st|nd|rd|th)\b)?))?"
_COMMA_ERA = r"(?:\s*,?\s*(c(?:e|\.e\.)|b(?:ce|\.c\.e\.)|a(?:d|\.d\.)|b(?:c|\.c\.))?\s*('?-?\d+))?"
_WORDS = re.compile(r"[^\w\-+',./:@\[\]]+|_+")
_WEEKDAY = re.compile(r"\b(?:sun|mon|tue|wed|thu|fri|sat)[^-/\d\s]*")
_TIME = re.compile(
    r"""
    ((?:\d+\s*:\s*\d+(?:\s*:\s*\d+(?:[,.]\d*)?)?|\d+\s*h(?:\s*\d+m?(?:\s*\d+s?)?)?)(?:\s*[ap](?:m\b|\.m\.))?
     |\d+\s*[ap](?:m\b|\.m\.))
    (?:\s*((?:gmt|utc?)?[-+]\d+(?:[,.:]\d+(?::\d+)?)?|[^\W\d_.]+(?:[^\W\d_]|[.\s])*(?:standard|daylight)\stime\b
     |[^\W\d_]+(?:\sdst)?\b))?
    """,
    re.VERBOSE,
)
_CLOCK = re.compile(
    r"(\d+)\s*h?(?:\s*:?\s*(\d+)m?(?:\s*:?\s*(\d+)(?:[,.](\d*))?s?)?)?(?:\s*([ap])(?:m\b|\.m\.))?"
)
_DATES: Final = tuple(
    (re.compile(pattern), order)
    for pattern, order in (
        (rf"('?\d+)[^-\d\s]*\s*({_MONTH})[^-\d\s']*{_ERA}", "dmey"),
        (rf"\b({_MONTH})[^-\d\s']*\s*('?\d+)[^-\d\s']*{_COMMA_ERA}", "mdey"),
        (r"('?[-+]?\d+)-(\d+)-('?-?\d+)", "ymd"),
        (r"\b(\d{4})-(\d{3})\b", "yo"),
        (r"\b([mtshr])(\d+)\.(\d+)\.(\d+)", "jymd"),
        (rf"('?-?\d+)-({_MONTH})[^-/.]*-('?-?\d+)", "dmy"),
        (rf"\b({_MONTH})[^-/.]*-('?-?\d+)(?:-('?-?\d+))?", "mdy"),
        (r"('?-?\d+)/\s*('?\d+)(?:\D\s*('?-?\d+))?", "ymd"),
        (r"('?-?\d+)\.\s*('?\d+)\.\s*('?-?\d+)", "ymd"),
        (r"'(\d+)\b", "y"),
        (rf"\b({_MONTH})\S*", "m"),
        (r"(\d+)(?:st|nd|rd|th)\b", "d"),
    )
)
_JAPANESE_ERAS: Final = {"m": 1867, "t": 1911, "s": 1925, "h": 1988, "r": 2018}
_DIGITS = re.compile(
    r"([-+]?)(\d{2,14})(?:\s*t?\s*(\d{2,6})?(?:[,.](\d*))?)?(z\b|[-+]\d{1,4}\b|\[[-+]?\d[^\]]*\])?"
)
_ZONES: Final = {
    "utc": 0, "z": 0, "ut": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7,
}  # fmt: skip
_MILITARY: Final = dict(zip("abcdefghiklm", range(1, 13), strict=True)) | dict(
    zip("nopqrstuvwxy", range(-1, -13, -1), strict=True)
)
_OFFSET = re.compile(r"([-+])(\d\d)(?:(:?)(\d\d)(?:\3(\d\d))?)?")
_UTC_NAMES: Final = ("utc", "z", "ut", "gmt", "-00:00")


def parse_time(text: str, now: Time) -> Time | None:
    """Return what Ruby's `Time.parse` makes of a text in small letters; None where it finds no time in it."""
    if len(text) > LONGEST_DATE:
        return None
    found: dict[str, int | str] = {}
    rest = _WEEKDAY.sub(" ", _WORDS.sub(" ", text), count=1)
    if (match := _TIME.search(rest)) and _read_clock(match, found):
        rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    for pattern, order in _DATES:
        if match := pattern.search(rest):
            _assign_date_parts(found, dict(zip(order, match.groups(), strict=False)))
            break
    else:
        _read_digits(rest, found)
    zone = found.pop("zone", None)
    return _build_time(
        {name: int(part) for name, part in found.items()}, zone if isinstance(zone, str) else None, now
    )


def _read_clock(match: re.Match[str], found: dict[str, int | str]) -> bool:
    clock = _CLOCK.match(match[1])
    if clock is None:
        return False
    hour = int(clock[1])
    if clock[5]:
        hour = hour % 12 + (12 if clock[5] == "p" else 0)
    found["hour"] = hour
    for name, part in (("minute", clock[2]), ("second", clock[3])):
        if part:
            found[name] = int(part)
    if clock[4]:
        found["nanosecond"] = _nanoseconds(clock[4])
    if match[2]:
        found["zone"] = match[2]
    return True


def _nanoseconds(digits: str) -> int:
    return int(digits[:9].ljust(9, "0"))


def _assign_date_parts(found: dict[str, int | str], parts: dict[str, str | None]) -> None:  # noqa: C901, PLR0912 - Ruby's own guesses, in its order
    """Decide which of the parts is the year, the month and the day: long ones and those with an apostrophe are years."""
    year, month, day = parts.get("y"), parts.get("m"), parts.get("d")
    if month and month in _MONTH:
        month = str(_MONTH.split("|").index(month) + 1)
    if year and month and not day and "d" in parts:
        year, month, day = None, year, month
    if not year and day and (len(day) > 2 or day[0] == "'"):  # noqa: PLR2004 - no day has three digits
        year, day = day, None
    if year and (match := re.match(r"\D*(\d+)(.+)", year)) and not match[2].isdigit():
        year, day = day, match[1]
    if month and (month[0] == "'" or len(month) > 2):  # noqa: PLR2004
        year, month, day = month, day, year
    if day and (day[0] == "'" or len(day) > 2):  # noqa: PLR2004
        year, day = day, year
    if year and (match := re.search(r"([-+])?(\d+)", year)):
        number = int(match[0])
        if parts.get("j"):
            number += _JAPANESE_ERAS[str(parts["j"])]
        elif parts.get("e") and str(parts["e"]).startswith("b"):
            number = 1 - number
        elif not match[1] and len(match[2]) <= 2 and not year.startswith("'"):  # noqa: PLR2004 - a short year
            number += 1900 if number >= 69 else 2000  # noqa: PLR2004 - Ruby's line between the centuries
        elif year.startswith("'"):
            number += 1900 if number >= 69 else 2000  # noqa: PLR2004
        found["year"] = number
    for name, part in (("month", month), ("day", day), ("of_year", parts.get("o"))):
        if part and (match := re.search(r"\d+", part)):
            found[name] = int(match[0])


_DIGIT_PARTS: Final = {
    2: ("day",), 4: ("month", "day"), 6: ("short", "month", "day"), 3: ("of_year",), 5: ("short", "of_year"),
    7: ("year", "of_year"), 8: ("year", "month", "day"), 10: ("year", "month", "day", "hour"),
    12: ("year", "month", "day", "hour", "minute"), 14: ("year", "month", "day", "hour", "minute", "second"),
}  # fmt: skip


def _read_digits(text: str, found: dict[str, int | str]) -> None:
    match = _DIGITS.search(text)
    if match is None or len(match[2]) not in _DIGIT_PARTS:
        return
    digits = match[2]
    if match[4] and not match[3]:  # with a fraction, the last two digits are seconds, and so on to the left
        names = ("second", "minute", "hour", "day", "month")
        pairs = re.findall(r"\d\d?", digits[::-1])
        found |= {name: int(pair[::-1]) for name, pair in zip(names, pairs, strict=False)}
        if len(pairs) > len(names):
            found["year"] = int(digits[: -2 * len(names)])
        digits = ""
    for name in _DIGIT_PARTS[len(match[2])] if digits else ():
        width = {"year": 4, "of_year": 3}.get(name, 2)
        part, digits = int(digits[:width]), digits[width:]
        if name == "short":
            found["year"] = part + (1900 if part >= 69 else 2000)  # noqa: PLR2004 - as above
        else:
            found[name] = part
    for name, part in zip(("hour", "minute", "second"), re.findall(r"\d\d", match[3] or ""), strict=False):
        found[name] = int(part)
    if match[4]:
        found["nanosecond"] = _nanoseconds(match[4])
    if match[5]:
        found["zone"] = match[5]


def _build_time(found: dict[str, int], zone: str | None, now: Time) -> Time | None:
    """Complete what was found with today's date and place it at its zone. Return None for what no clock or calendar has."""
    if not found:
        return None
    offset = _offset_of(zone) if zone else None
    year, month, day = now.at(offset or 0).date
    if "year" in found:
        year, month, day = found["year"], found.get("month", 1), found.get("day", 1)
    elif "month" in found:
        month, day = found["month"], found.get("day", 1)
    else:
        day = found.get("day", day)
    hour, minute, second = found.get("hour", 0), found.get("minute", 0), found.get("second", 0)
    if "of_year" in found:
        month, day = 1, 1
    if not (1 <= month <= 12 and 1 <= day <= 31 and _is_clock(hour, minute, second)):  # noqa: PLR2004
        return None
    moment = Time.of(
        year,
        month,
        day + found.get("of_year", 1) - 1,
        hour * 3600 + minute * 60 + second,
        found.get("nanosecond", 0),
    )
    if offset is None:
        return moment
    return replace(moment, second=moment.second - offset).at(offset, "UTC" if zone in _UTC_NAMES else "")


def _is_clock(hour: int, minute: int, second: int) -> bool:
    if hour == 24:  # noqa: PLR2004 - midnight at the end of a day
        return minute == second == 0
    return hour < 24 and minute < 60 and second <= 60  # noqa: PLR2004


def _offset_of(zone: str) -> int | None:
    """Return the seconds east of UTC, or None for names Ruby does not know, which it takes for the local zone."""
    if zone in _ZONES:
        return _ZONES[zone] * 3600
    if zone in _MILITARY:
        return _MILITARY[zone] * 3600
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return None
    seconds = int(match[2]) * 3600 + int(match[4] or 0) * 60 + int(match[5] or 0)
    return -seconds if match[1] == "-" else seconds


# ---- printing -----------------------------------------------------------------------------------------------------

_DIRECTIVE = re.compile(r"%([-0^#_]*)(\d*)(:{0,3})([EO]?)([a-zA-Z%+])")
_UNFINISHED = re.compile(r"(?:[^%]|%[-0^#_]*\d*:*[EO]?[^-0-9^#_:])*+%[-0^#_]*\d*:*[EO]?")
_WIDEST: Final = 1024
_MOST_DIRECTIVES: Final = 100


def strftime(moment: Time, pattern: str) -> str:
    """Return Ruby's `strftime`; raises LiquidError where Ruby would."""
    if pattern.count("%") > _MOST_DIRECTIVES:
        raise LimitError(
            f"a date's format has more than {_MOST_DIRECTIVES} parts, which the preview does not write"
        )
    if _UNFINISHED.fullmatch(pattern):
        raise LiquidError(f"invalid format: {pattern}")
    return _DIRECTIVE.sub(lambda match: _directive(moment, match), pattern)


def _directive(moment: Time, match: re.Match[str]) -> str:
    flags, width, colons, _, letter = match.groups()
    if colons and letter != "z":
        return match[0]
    if letter in _COMPOSED:
        text, pad, fill = strftime(moment, _COMPOSED[letter]), 0, " "
    elif letter == "z":
        return _offset_text(moment.offset, len(colons), flags, int(width or 0))
    elif letter in {"N", "L"}:
        digits = int(width or (9 if letter == "N" else 3))
        _check_width(digits)
        return f"{moment.nanosecond:09d}"[:digits].ljust(digits, "0")
    elif letter in _NUMBERS:
        value, pad, fill = _NUMBERS[letter](moment)
        text = str(value)
    elif letter in _NAMES:
        text, pad, fill = _NAMES[letter](moment), 0, " "
    else:
        return match[0]
    return _pad(_change_case(text, flags, letter), flags, int(width or 0), pad, fill)


def _check_width(width: int) -> None:
    if width > _WIDEST:
        raise LiquidError("Result too large - strftime")


def _change_case(text: str, flags: str, letter: str) -> str:
    if "^" in flags:
        return text.upper()
    if "#" in flags:
        return text.lower() if letter == "p" else text.upper()
    return text


def _pad(text: str, flags: str, width: int, pad: int, fill: str) -> str:
    _check_width(width)
    for flag in flags:
        fill = {"0": "0", "_": " "}.get(flag, fill)
    if "-" in flags:
        return text
    width = width or pad
    if fill == "0" and text.startswith("-"):
        return "-" + text[1:].rjust(width - 1, "0")
    return text.rjust(width, fill)


def _offset_text(offset: int, colons: int, flags: str, width: int) -> str:
    hours, minutes, seconds = abs(offset) // 3600, abs(offset) // 60 % 60, abs(offset) % 60
    sign = "-" if offset < 0 else "+"
    tail = {0: f"{minutes:02d}", 1: f":{minutes:02d}", 2: f":{minutes:02d}:{seconds:02d}"}.get(colons, "")
    if colons == 3 and (minutes or seconds):  # noqa: PLR2004 - as short as can be
        tail = f":{minutes:02d}" + (f":{seconds:02d}" if seconds else "")
    _check_width(width)
    if "_" in flags:
        return f"{sign}{hours}".rjust(max(3, width - len(tail))) + tail
    return sign + str(hours).rjust(max(2, width - len(tail) - 1), "0") + tail


def _iso_week(moment: Time) -> tuple[int, int]:
    """Return the year and week of ISO 8601. Weeks begin on Monday, and the first week holds the year's first Thursday."""
    weekday = moment.weekday or 7
    day = (moment.second + moment.offset) // _DAY_S
    year = _date_of(day - weekday + 4)[0]
    return year, (day - weekday + 4 - _days(year, 1, 1)) // 7 + 1


def _week(moment: Time, first: int) -> int:
    return (moment.day_of_year + 6 - (moment.weekday - first) % 7) // 7


def _twelve_hour(hour: int) -> int:
    return hour % 12 or 12


_COMPOSED: Final = {
    "c": "%a %b %e %H:%M:%S %Y", "D": "%m/%d/%y", "F": "%Y-%m-%d", "r": "%I:%M:%S %p", "R": "%H:%M",
    "T": "%H:%M:%S", "v": "%e-%^b-%Y", "x": "%m/%d/%y", "X": "%H:%M:%S",
}  # fmt: skip
_NUMBERS: Final[dict[str, Callable[[Time], tuple[int, int, str]]]] = {
    "C": lambda moment: (moment.date[0] // 100, 2, "0"),
    "d": lambda moment: (moment.date[2], 2, "0"),
    "e": lambda moment: (moment.date[2], 2, " "),
    "G": lambda moment: (_iso_week(moment)[0], 4, "0"),
    "g": lambda moment: (_iso_week(moment)[0] % 100, 2, "0"),
    "H": lambda moment: (moment.time[0], 2, "0"),
    "I": lambda moment: (_twelve_hour(moment.time[0]), 2, "0"),
    "j": lambda moment: (moment.day_of_year, 3, "0"),
    "k": lambda moment: (moment.time[0], 2, " "),
    "l": lambda moment: (_twelve_hour(moment.time[0]), 2, " "),
    "M": lambda moment: (moment.time[1], 2, "0"),
    "m": lambda moment: (moment.date[1], 2, "0"),
    "S": lambda moment: (moment.time[2], 2, "0"),
    "s": lambda moment: (moment.second, 1, "0"),
    "U": lambda moment: (_week(moment, 0), 2, "0"),
    "u": lambda moment: (moment.weekday or 7, 1, "0"),
    "V": lambda moment: (_iso_week(moment)[1], 2, "0"),
    "W": lambda moment: (_week(moment, 1), 2, "0"),
    "w": lambda moment: (moment.weekday, 1, "0"),
    "Y": lambda moment: (moment.date[0], 4 if moment.date[0] >= 0 else 5, "0"),
    "y": lambda moment: (moment.date[0] % 100, 2, "0"),
}
_NAMES: Final[dict[str, Callable[[Time], str]]] = {
    "A": lambda moment: DAYS[moment.weekday],
    "a": lambda moment: DAYS[moment.weekday][:3],
    "B": lambda moment: MONTHS[moment.date[1] - 1],
    "b": lambda moment: MONTHS[moment.date[1] - 1][:3],
    "h": lambda moment: MONTHS[moment.date[1] - 1][:3],
    "n": lambda _: "\n",
    "P": lambda moment: "am" if moment.time[0] < 12 else "pm",  # noqa: PLR2004 - noon
    "p": lambda moment: "AM" if moment.time[0] < 12 else "PM",  # noqa: PLR2004
    "t": lambda _: "\t",
    "Z": lambda moment: moment.zone,
    "%": lambda _: "%",
}
