"""Korean and English: which one a page is in, and its texts."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from babel.support import LazyProxy, NullTranslations, Translations
from flask import g, has_request_context, request, session

from app.capacity import formats
from app.capacity.formats import LANGUAGES, Lang, number, off_by, percent, time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from flask import Flask

TRANSLATIONS = Path(__file__).parent / "translations"


def chosen_language() -> Lang:
    """The language picked on a page, else the browser's first of those there are; English for any other."""
    picked = session.get("language")
    if picked in LANGUAGES:
        return cast("Lang", picked)
    return cast("Lang", request.accept_languages.best_match(LANGUAGES, "en"))


def language() -> Lang:
    """The language of the page being made."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        g.language = chosen_language()
    return cast("Lang", g.language)


@cache
def _catalogue(language: Lang) -> NullTranslations:
    return Translations.load(str(TRANSLATIONS), [language])


def gettext(text: str, **places: object) -> str:
    """A text in the page's language, with what its places stand for."""
    said: str = _catalogue(language()).gettext(text)
    return said % places if places else said


_ = gettext


def lazy_gettext(text: str) -> Any:
    """A text that is translated when a page shows it; forms take it for a string."""
    return LazyProxy(gettext, text, enable_cache=False)


def install(app: Flask) -> None:
    """Have templates translate what they mark, with `_`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined] # the extension adds it
        gettext, lambda one, many, count: gettext(one if count == 1 else many), newstyle=True
    )


def day(when: date) -> str:
    """A day in the page's language."""
    return formats.day(when, language())


def weekday(when: date) -> str:
    """A day of the week in the page's language."""
    return formats.weekday(when, language())


def month(when: date) -> str:
    """A month in the page's language."""
    return formats.month(when, language())


def moment(when: datetime | None) -> str:
    """A day and a time in the page's language; a dash where there is none."""
    return formats.moment(when, language())


def ago(age: timedelta) -> str:
    """How long ago something was: 오늘, 어제, 3일 전."""
    return formats.days_ago(age / timedelta(days=1), language())


def who(name: str) -> str:
    """Who changed something: an operator, or somebody at the command line."""
    return name.replace("command line", _("command line"))


def unbroken(text: str) -> str:
    """A text that no line ends within."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


FILTERS: Mapping[str, Callable[..., str]] = {
    "number": number,
    "percent": percent,
    "off_by": off_by,
    "ago": ago,
    "day": day,
    "clock": time,
    "moment": moment,
    "month": month,
    "weekday": weekday,
    "who": who,
    "unbroken": unbroken,
}
