"""How numbers, shares and times are written for people, in Korean and English: the one place for pages and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import date, datetime

Lang = Literal["ko", "en"]
LANGUAGES: Final[tuple[Lang, ...]] = ("ko", "en")
NONE: Final = "–"
MOST_WRITTEN: Final = 1e15
FEW: Final = 10  # counts below it keep a decimal
MINUTES_A_DAY: Final = 24 * 60
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = {
    "ko": ("월", "화", "수", "목", "금", "토", "일"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def number(value: float | None, digits: int = 0) -> str:
    """Write a number with at most so many decimals: 1,234.5. One that no service ever counts is written short."""
    if value is None:
        return NONE
    if not abs(value) < MOST_WRITTEN:
        return f"{value:g}"
    written = f"{value:,.{digits}f}"
    written = written.rstrip("0").rstrip(".") if digits else written
    return "0" if written == "-0" else written


def count(value: float) -> str:
    """Write a count: whole, but for a broken one below ten."""
    return number(value, 0 if value >= FEW or float(value).is_integer() else 1)


def percent(share: float | None, digits: int | None = None) -> str:
    """Write a share of 1; what is nearly nothing or nearly all is not called so.

    `digits` are the decimals; without it there are none, but for one within a tenth of either end.
    """
    if share is None:
        return NONE
    if digits is None:
        digits = int(0 < share < 1 and (share < 1 / FEW or share > 1 - 1 / FEW))
    least = 10.0**-digits  # of a percent
    if 0 < share * 100 < least / 2:
        return f"<{number(least, digits)}%"
    if 100 - least / 2 <= share * 100 < 100:  # noqa: PLR2004 - per cent
        return f">{number(100 - least, digits)}%"
    return f"{number(share * 100, digits)}%"


def off_by(error: float | None) -> str:
    """Write by how much something missed its forecast: +3.1%."""
    return NONE if error is None else f"{'+' if error > 0 else ''}{number(error * 100, 1)}%"


def time(at: datetime) -> str:
    """Write a time of day: 09:24."""
    return f"{at:%H:%M}"


def day(when: date, lang: Lang) -> str:
    """Write a day with its weekday: 11월 23일 (월), Mon 23 Nov."""
    weekday = _WEEKDAYS[lang][when.weekday()]
    if lang == "ko":
        return f"{when.month}월 {when.day}일 ({weekday})"
    return f"{weekday} {when.day} {_MONTHS[when.month - 1]}"


def weekday(when: date, lang: Lang) -> str:
    """Write the day of the week: 월, Mon."""
    return _WEEKDAYS[lang][when.weekday()]


def month(when: date, lang: Lang) -> str:
    """Write a month: 2026년 11월, Nov 2026."""
    return f"{when.year}년 {when.month}월" if lang == "ko" else f"{_MONTHS[when.month - 1]} {when.year}"


def moment(at: datetime | None, lang: Lang) -> str:
    """Write a day and a time, as a label: Mon 23 Nov 09:24."""
    return NONE if at is None else f"{day(at, lang)} {time(at)}"


def time_in_sentence(at: datetime, told_day: date | None, lang: Lang) -> str:
    """Write a time of day, with its date on another day than `told_day`, and its year where that differs too."""
    if told_day == at.date():
        return time(at)
    year = "" if told_day is None or told_day.year == at.year else f"{at.year}"
    if lang == "ko":
        return f"{f'{year}년 ' if year else ''}{at.month}월 {at.day}일 {time(at)}"
    return f"{time(at)} on {at.day} {_MONTHS[at.month - 1]}{f' {year}' if year else ''}"


def duration(minutes: int, lang: Lang) -> str:
    """Write minutes as people say them: 45분, 1시간 50분, 2일 3시간."""
    days, rest = divmod(minutes, MINUTES_A_DAY)
    hours, left = divmod(rest, 60)
    parts = [(days, "일", "day"), (hours, "시간", "hour"), (left, "분", "minute")]
    said = [
        f"{many:,}{korean}" if lang == "ko" else f"{many:,} {english}{'' if many == 1 else 's'}"
        for many, korean, english in parts
        if many
    ]
    return " ".join(said) or ("0분" if lang == "ko" else "0 minutes")


def days_ago(age_days: float, lang: Lang) -> str:
    """Write how long ago something was: 오늘, 어제, 3일 전."""
    days = int(age_days)
    if days < 1:
        return "오늘" if lang == "ko" else "today"
    if days == 1:
        return "어제" if lang == "ko" else "yesterday"
    return f"{count(days)}일 전" if lang == "ko" else f"{count(days)} days ago"
