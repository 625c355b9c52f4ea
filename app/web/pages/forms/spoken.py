"""A question in one line, as people say it: "120만, 월요일 9시", "1.2m tomorrow 9:30 until noon"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from app.capacity.formats import number
from app.web.pages.forms.fields import read_number

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST: Final = 200
MORNING: Final = time(9)
_NOON_H: Final = 12
_EVENING_H: Final = 19  # from then on a small hour is that of the night
_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = "월화수목금토일"
_ENGLISH_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMED_DAYS: Final = {"오늘": 0, "today": 0, "내일": 1, "tomorrow": 1, "모레": 2}

_UNTIL = re.compile(r"\b(?:until|by)\s+(?P<end>[^,]*)")
_KOREAN_UNTIL: Final = "까지"
_DATE = re.compile(
    r"(?:(?P<year>\d{4})[-.년]\s*)?(?P<month>\d{1,2})(?:[-./]|월\s*)(?P<day>\d{1,2})(?:일|\b)", re.ASCII
)
_WEEKDAY = re.compile(
    r"(?P<next>다음\s*주|next(?:\s+week)?)?\s*(?:(?P<korean>[월화수목금토일])요일|\b(?P<english>mon|tue|wed|thu|fri|sat|sun)[a-z]*)"
)
_CLOCKS = (
    re.compile(
        r"(?P<half>오전|오후|아침|저녁|밤|낮)?\s*(?P<hour>\d{1,2})\s*시(?:\s*(?:(?P<minute>\d{1,2})\s*분|(?P<thirty>반)))?"
    ),
    re.compile(r"(?P<half>오전|오후)?\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?:\s*(?P<english>am|pm))?"),
    re.compile(r"\b(?P<hour>\d{1,2})\s*(?P<english>am|pm)\b"),
    re.compile(r"\bat\s+(?P<hour>\d{1,2})\b(?![:\d])"),
    re.compile(r"(?P<noon>정오|noon)"),
)
_AUDIENCE = re.compile(r"\d[\d,]*(?:\.\d+)?\s*(?:[km]\b|천|만|억)?", re.ASCII)
_LATE_HALVES: Final = frozenset({"오후", "저녁", "밤", "낮", "pm"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """What of a line was understood; what it leaves out is None."""

    audience: str | None
    at: datetime | None
    finish_by: datetime | None

    def fields(self) -> Mapping[str, str]:
        """Return the fields of a campaign's form that were told."""
        times = {"at": self.at, "finish_by": self.finish_by}
        told = {name: f"{when:%Y-%m-%dT%H:%M}" for name, when in times.items() if when is not None}
        return told if self.audience is None else {"audience": self.audience, **told}


def understand(text: str, now: datetime) -> Spoken:
    """Read a line; a time without a day is the next there is, and a day without a time begins at nine.

    Args:
        text: As it was typed.
        now: The wall time where the company is.
    """
    end_text, rest = _take_end(text[:LONGEST].lower())
    day, rest = _take_day(rest, now)
    clock, rest = _take_clock(rest)
    at = _moment(day, clock, now)
    end_day, end_rest = _take_day(end_text, now)
    end_clock, _ = _take_clock(end_rest)
    finish_by = _end(end_day, end_clock, at) if at else _moment(end_day, end_clock, now)
    found = _AUDIENCE.search(rest)
    return Spoken(_audience(found[0]) if found else None, at, finish_by)


def _take_end(text: str) -> tuple[str, str]:
    """The words for an end, and the line without them: in English after "until", in Korean the last time before "까지"."""
    if (until := _UNTIL.search(text)) is not None:
        return until["end"], text[: until.start()] + " " + text[until.end() :]
    place = text.find(_KOREAN_UNTIL)
    clocks = sorted(
        (found.start(), found.end())
        for pattern in _CLOCKS
        for found in pattern.finditer(text[: max(place, 0)])
    )
    if not clocks:
        return "", text
    begin = min(start for start, end in clocks if end == clocks[-1][1])
    if begin == clocks[0][0]:  # no other time is told: a day before it is this one's, too
        days = [found.start() for pattern in (_DATE, _WEEKDAY) for found in pattern.finditer(text[:begin])]
        begin = min([*days[-1:], begin])
    return text[begin:place], text[:begin] + " " + text[place + len(_KOREAN_UNTIL) :]


def _audience(text: str) -> str | None:
    try:
        return number(read_number(text.strip().rstrip(",")), 10)
    except ValueError:
        return None


def _take_day(text: str, now: datetime) -> tuple[date | None, str]:
    for word, later in _NAMED_DAYS.items():
        if word in text:
            return now.date() + later * _DAY, text.replace(word, " ", 1)
    if (found := _WEEKDAY.search(text)) is not None:
        weekday = (
            _WEEKDAYS.index(found["korean"]) if found["korean"] else _ENGLISH_WEEKDAYS.index(found["english"])
        )
        day = now.date() + (weekday - now.weekday()) % 7 * _DAY
        if found["next"]:
            monday = now.date() - now.weekday() * _DAY
            day = monday + (7 + weekday) * _DAY
        return day, text.replace(found[0], " ", 1)
    if (dated := _DATE.search(text)) is not None:
        try:
            day = date(int(dated["year"] or now.year), int(dated["month"]), int(dated["day"]))
        except ValueError:
            return None, text
        if dated["year"] is None and day < now.date():
            day = day.replace(year=day.year + 1)
        return day, text.replace(dated[0], " ", 1)
    return None, text


def _take_clock(text: str) -> tuple[time | None, str]:
    for pattern in _CLOCKS:
        found = pattern.search(text)
        if found is None:
            continue
        told = found.groupdict()
        rest = text.replace(found[0], " ", 1)
        if told.get("noon"):
            return time(_NOON_H), rest
        hour = int(told["hour"])
        half = told.get("half") or told.get("english")
        if half in _LATE_HALVES and hour < _NOON_H:
            hour += _NOON_H
        elif half in {"오전", "am"} and hour == _NOON_H:
            hour = 0
        minute = 30 if told.get("thirty") else int(told.get("minute") or 0)
        try:
            return time(hour, minute), rest
        except ValueError:
            return None, rest
    return None, text


def _end(day: date | None, clock: time | None, start: datetime) -> datetime | None:
    """The end that is told beside a start: without a day the next such time, five meaning the afternoon after two."""
    if day is not None or clock is None:
        return _moment(day, clock, start)
    end = datetime.combine(start.date(), clock)
    if end <= start and clock.hour < _NOON_H and end + _DAY / 2 > start:
        end += _DAY / 2 if start.hour < _EVENING_H else _DAY
    return end if end > start else end + _DAY


def _moment(day: date | None, clock: time | None, after: datetime) -> datetime | None:
    """The moment that is told; a day that is over by then is that of the week after."""
    if day is None and clock is None:
        return None
    found = datetime.combine(day or after.date(), clock or MORNING)
    if found > after:
        return found
    return found + (_DAY if day is None else 7 * _DAY)
