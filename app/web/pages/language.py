"""Korean and English: which one a page is in, and how it writes numbers and times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from flask import request, session
from flask_babel import (  # type: ignore[import-untyped] # it ships no types
    Babel,
    format_decimal,
    get_locale,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from flask import Flask

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")
MOST_WRITTEN = 1e15
TRANSLATIONS = Path(__file__).parent / "translations"
_WEEKDAYS = {
    "ko": ("월", "화", "수", "목", "금", "토", "일"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def chosen_language() -> Language:
    """The language picked on a page, else the browser's first of those there are; English for any other."""
    picked = session.get("language")
    if picked in LANGUAGES:
        return cast("Language", picked)
    return cast("Language", request.accept_languages.best_match(LANGUAGES, "en"))


def install(app: Flask) -> None:
    """Set up Flask-Babel on the application."""
    Babel(app, locale_selector=chosen_language, default_translation_directories=str(TRANSLATIONS))


def language() -> Language:
    """The language of the page being made."""
    locale = get_locale()
    return "ko" if locale is not None and locale.language == "ko" else "en"


def number(value: float | None, digits: int = 0) -> str:
    """A number with its thousands apart; a dash where there is none. One that no service ever counts is written short."""
    if value is None:
        return "–"
    if not abs(value) < MOST_WRITTEN:
        return f"{value:g}"
    return str(format_decimal(round(value, digits), "#,##0" + ("." + "#" * digits if digits else "")))


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as a percentage; small ones are not rounded away."""
    if share is None:
        return "–"
    if 0 < share < 10 ** -(digits + 2):
        return f"<{number(10**-digits, digits)}%"
    return f"{number(share * 100, digits)}%"


def off_by(error: float | None) -> str:
    """By how much something missed its forecast: +3.1%."""
    return "–" if error is None else f"{'+' if error > 0 else ''}{number(error * 100, 1)}%"


def day(when: date) -> str:
    """11월 23일 (월), or Mon 23 Nov."""
    weekday = _WEEKDAYS[language()][when.weekday()]
    return f"{when.month}월 {when.day}일 ({weekday})" if language() == "ko" else f"{weekday} {when:%-d %b}"


def clock(when: datetime) -> str:
    """09:24."""
    return f"{when:%H:%M}"


def moment(when: datetime | None) -> str:
    """A day and a time; a dash where there is none."""
    return "–" if when is None else f"{day(when)} {clock(when)}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "number": number,
    "percent": percent,
    "off_by": off_by,
    "day": day,
    "clock": clock,
    "moment": moment,
}
