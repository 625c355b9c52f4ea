"""Korean and English: which one a page is in, and how it writes numbers and times."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from babel.numbers import format_decimal
from babel.support import LazyProxy, NullTranslations, Translations
from flask import g, has_request_context, request, session

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


def language() -> Language:
    """The language of the page being made."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        g.language = chosen_language()
    return cast("Language", g.language)


@cache
def _catalogue(language: Language) -> NullTranslations:
    return Translations.load(str(TRANSLATIONS), [language])


def gettext(text: str, **places: object) -> str:
    """A text in the page's language, with what its places stand for."""
    said: str = _catalogue(language()).gettext(text)
    return said % places if places else said


def lazy_gettext(text: str) -> Any:
    """A text that is translated when a page shows it; forms take it for a string."""
    return LazyProxy(gettext, text, enable_cache=False)


def install(app: Flask) -> None:
    """Have templates translate what they mark, with `_`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined] # the extension adds it
        gettext, lambda one, many, count: gettext(one if count == 1 else many), newstyle=True
    )


def number(value: float | None, digits: int = 0) -> str:
    """A number with its thousands apart; a dash where there is none. One that no service ever counts is written short."""
    if value is None:
        return "–"
    if not abs(value) < MOST_WRITTEN:
        return f"{value:g}"
    return str(
        format_decimal(
            round(value, digits), "#,##0" + ("." + "#" * digits if digits else ""), locale=language()
        )
    )


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
