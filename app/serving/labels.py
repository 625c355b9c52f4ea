"""A posting's facts as short texts for people, in Korean or English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.recommend.board import Closes
from app.recommend.vocabulary import EDUCATION_NAMES, EMPLOYMENT_TYPES, region_name

if TYPE_CHECKING:
    from datetime import date

    from app.recommend.board import Posting

_PERIODS = {
    "ko": {"year": "연봉", "month": "월급", "week": "주급", "day": "일급", "hour": "시급"},
    "en": {"year": "a year", "month": "a month", "week": "a week", "day": "a day", "hour": "an hour"},
}
_CLOSES = {
    "ko": {Closes.WHEN_FILLED: "채용 시 마감", Closes.ALWAYS_OPEN: "상시 채용"},
    "en": {Closes.WHEN_FILLED: "Until filled", Closes.ALWAYS_OPEN: "Always open"},
}
_MAN = 10_000  # Korean salaries are read in units of ten thousand won
_PLACES = 2


def location(posting: Posting, lang: str) -> str | None:
    """The first places of a posting, "서울 강남구, 경기 성남시 외"."""
    names = [region_name(region) for region in posting.regions[:_PLACES]]
    more = (" 외" if lang == "ko" else " and more") if len(posting.regions) > _PLACES else ""
    return ", ".join(names) + more if names else None


def career(posting: Posting, lang: str) -> str:
    """The years asked for: "신입", "경력 3~5년", "경력무관"."""
    low, high = posting.career_min_years, posting.career_max_years
    korean = lang == "ko"
    if low is None and high is None:
        return "경력무관" if korean else "Any experience"
    if not low and high is None:
        return "신입·경력" if korean else "Entry level or experienced"
    if not low and not high:
        return "신입" if korean else "Entry level"
    if not low:
        return f"경력 {high:g}년 이하" if korean else f"Up to {high:g} years"
    if high is None:
        return f"경력 {low:g}년 이상" if korean else f"{low:g}+ years"
    years = f"{low:g}" if low == high else f"{low:g}~{high:g}" if korean else f"{low:g}-{high:g}"
    return f"경력 {years}년" if korean else f"{years} years"


def education(posting: Posting, lang: str) -> str | None:
    """The least education asked for."""
    return None if posting.education is None else EDUCATION_NAMES[lang][posting.education]


def employment(posting: Posting, lang: str) -> str | None:
    """The kinds of employment offered, "정규직·계약직"."""
    names = EMPLOYMENT_TYPES[lang]
    return "·".join(names.get(kind, kind) for kind in posting.employment_types) or None


def salary(posting: Posting, lang: str) -> str | None:
    """The salary range with its period, "연봉 3,500만~4,500만원"; None where the posting names none."""
    low, high = posting.salary_min, posting.salary_max
    if posting.salary_unit is None or (low is None and high is None):
        return None
    currency, _, period = posting.salary_unit.partition("/")
    if lang == "ko":
        return f"{_PERIODS['ko'].get(period, period)} {_amounts_ko(low, high, currency)}"
    return f"{_amounts_en(low, high, currency)} {_PERIODS['en'].get(period, period)}"


def _amounts_ko(low: int | None, high: int | None, currency: str) -> str:
    unit = "원" if currency == "KRW" else f" {currency}"
    amounts = [value for value in (low, high) if value is not None]
    man = currency == "KRW" and all(value >= _MAN and value % _MAN == 0 for value in amounts)
    texts = [f"{value // _MAN:,}만" if man else f"{value:,}" for value in amounts]
    if low == high:
        return f"{texts[0]}{unit}"
    if low is None:
        return f"{texts[0]}{unit} 이하"
    if high is None:
        return f"{texts[0]}{unit} 이상"
    return f"{texts[0]}~{texts[1]}{unit}"


def _amounts_en(low: int | None, high: int | None, currency: str) -> str:
    if low == high:
        return f"{currency} {low:,}"
    if low is None:
        return f"up to {currency} {high:,}"
    if high is None:
        return f"from {currency} {low:,}"
    return f"{currency} {low:,}-{high:,}"


def days_left_label(deadline: date | None, closes: Closes, lang: str, today: date) -> tuple[int | None, str]:
    """Whole days left (None without a deadline) and the label: "D-10", "오늘 마감", "상시 채용"."""
    if deadline is None:
        return None, _CLOSES[lang][Closes.WHEN_FILLED if closes is Closes.ON_DATE else closes]
    days = (deadline - today).days
    if days == 0:
        return 0, "오늘 마감" if lang == "ko" else "Closes today"
    return days, f"D-{days}" if days > 0 else f"D+{-days}"
