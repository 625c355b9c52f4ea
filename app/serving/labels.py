"""A posting's facts, and why it is in a list, as short texts for people, in Korean or English."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from app.board.model import Closes
from app.board.vocabulary import EDUCATION_NAMES, EMPLOYMENT_TYPES, WORKPLACES, region_name
from app.recommend.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from app.board.model import Posting

SENTENCES: dict[str, dict[Reason, str]] = {
    "ko": {
        Reason.POPULAR: "요즘 많은 분이 찾는 공고예요",
        Reason.POPULAR_IN_FIELD: "관심 분야에서 많이 찾는 공고예요",
        Reason.NEW_IN_FIELD: "관심 분야에 새로 올라온 공고예요",
        Reason.SIMILAR_TO_APPLIED: "최근 지원한 공고와 비슷해요",
        Reason.SIMILAR_TO_SCRAPPED: "스크랩한 공고와 비슷해요",
        Reason.SIMILAR_TO_VIEWED: "최근 본 공고와 비슷해요",
        Reason.FITS_FIELD: "관심 직무와 잘 맞아요",
        Reason.FITS_REGION: "희망 지역에서 일할 수 있어요",
        Reason.FITS_CAREER: "경력 조건이 잘 맞아요",
        Reason.FITS_SKILLS: "보유 기술과 잘 맞아요",
        Reason.FITS_SALARY: "희망 연봉에 맞아요",
        Reason.COMPANY_SCRAPPED: "스크랩한 회사의 공고예요",
        Reason.COMPANY_APPLIED: "지원했던 회사의 공고예요",
        Reason.REGION_OF_INTEREST: "관심을 보인 지역의 공고예요",
        Reason.PEERS_APPLIED: "프로필이 비슷한 회원들이 찾는 공고예요",
        Reason.NEW: "새로 올라온 공고예요",
        Reason.FITS_EDUCATION: "학력 조건이 잘 맞아요",
        Reason.COMPANY_VIEWED: "최근 본 회사의 공고예요",
        Reason.OPEN_NOW: "지금 지원할 수 있는 공고예요",
    },
    "en": {
        Reason.POPULAR: "Popular on the board right now",
        Reason.POPULAR_IN_FIELD: "Popular in your field",
        Reason.NEW_IN_FIELD: "New in your field",
        Reason.SIMILAR_TO_APPLIED: "Similar to what you applied to",
        Reason.SIMILAR_TO_SCRAPPED: "Similar to what you saved",
        Reason.SIMILAR_TO_VIEWED: "Similar to what you viewed",
        Reason.FITS_FIELD: "Fits the work you are looking for",
        Reason.FITS_REGION: "In a region you chose",
        Reason.FITS_CAREER: "Fits your career",
        Reason.FITS_SKILLS: "Fits your skills",
        Reason.FITS_SALARY: "Meets the salary you want",
        Reason.COMPANY_SCRAPPED: "From a company you saved",
        Reason.COMPANY_APPLIED: "From a company you applied to",
        Reason.REGION_OF_INTEREST: "In a region you have been looking at",
        Reason.PEERS_APPLIED: "Sought by members with a profile like yours",
        Reason.NEW: "New on the board",
        Reason.FITS_EDUCATION: "Fits your education",
        Reason.COMPANY_VIEWED: "From a company you viewed",
        Reason.OPEN_NOW: "Open for applications now",
    },
}
LANGUAGES = tuple(SENTENCES)
# The same with the posting that the reason rests on; no particle stands behind the name, so any name fits.
_NAMING: dict[str, dict[Reason, tuple[str, str]]] = {
    "ko": {
        Reason.SIMILAR_TO_APPLIED: ("지원한 '", "' 공고와 비슷해요"),
        Reason.SIMILAR_TO_SCRAPPED: ("스크랩한 '", "' 공고와 비슷해요"),
        Reason.SIMILAR_TO_VIEWED: ("최근 본 '", "' 공고와 비슷해요"),
    },
    "en": {
        Reason.SIMILAR_TO_APPLIED: ("Similar to '", "', which you applied to"),
        Reason.SIMILAR_TO_SCRAPPED: ("Similar to '", "', which you saved"),
        Reason.SIMILAR_TO_VIEWED: ("Similar to '", "', which you viewed"),
    },
}
_PERIODS = {
    "ko": {"year": "연봉", "month": "월급", "week": "주급", "day": "일급", "hour": "시급", "case": "건당"},
    "en": {
        "year": "a year", "month": "a month", "week": "a week", "day": "a day", "hour": "an hour", "case": "a case",
    },
}  # fmt: skip
_CURRENCIES = {"KRW": "원", "USD": "달러", "EUR": "유로", "JPY": "엔", "CNY": "위안", "GBP": "파운드"}
_NEAR_DAYS = {"ko": ("오늘", "내일"), "en": ("today", "tomorrow")}
_AS_GOOD_AS_MIDNIGHT = time(23, 59)
_NOT_TOLD = {"ko": "비공개", "en": "Confidential"}
_CLOSES = {
    "ko": {Closes.WHEN_FILLED: "채용 시 마감", Closes.ALWAYS_OPEN: "상시 채용"},
    "en": {Closes.WHEN_FILLED: "Until filled", Closes.ALWAYS_OPEN: "Always open"},
}
_MAN = 10_000  # Korean salaries are read in units of ten thousand won
_PLACES = 2


def company(posting: Posting, lang: str) -> str:
    """The company's name, or that it is not told."""
    return posting.company or _NOT_TOLD[lang]


def location(posting: Posting, lang: str) -> str | None:
    """The first places of a posting, "서울 강남구, 경기 성남시 외", and where else it may be done, "서울 · 재택"."""
    places = [region_name(region) for region in posting.regions if region not in WORKPLACES["ko"]]
    more = (" 외" if lang == "ko" else " and more") if len(places) > _PLACES else ""
    where = [", ".join(places[:_PLACES]) + more] if places else []
    where += [name for region, name in WORKPLACES[lang].items() if region in posting.regions]
    return " · ".join(where) or None


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
    low, high = posting.salary_min or None, posting.salary_max or None  # 0 is to be agreed
    if posting.salary_unit is None or (low is None and high is None):
        return None
    currency, _, period = posting.salary_unit.partition("/")
    if lang == "ko":
        return f"{_PERIODS['ko'].get(period, period)} {_amounts_ko(low, high, currency)}"
    return f"{_amounts_en(low, high, currency)} {_PERIODS['en'].get(period, period)}"


def _amounts_ko(low: float | None, high: float | None, currency: str) -> str:
    unit = _CURRENCIES.get(currency, f" {currency}")
    amounts = [value for value in (low, high) if value is not None]
    man = currency == "KRW" and all(value >= _MAN and value % _MAN == 0 for value in amounts)
    texts = [f"{value // _MAN:,.0f}만" for value in amounts] if man else _numbers(amounts)
    if low == high:
        return f"{texts[0]}{unit}"
    if low is None:
        return f"{texts[0]}{unit} 이하"
    if high is None:
        return f"{texts[0]}{unit} 이상"
    return f"{texts[0]}~{texts[1]}{unit}"


def _amounts_en(low: float | None, high: float | None, currency: str) -> str:
    texts = _numbers([value for value in (low, high) if value is not None])
    if low == high:
        return f"{currency} {texts[0]}"
    if low is None:
        return f"Up to {currency} {texts[0]}"
    if high is None:
        return f"From {currency} {texts[0]}"
    return f"{currency} {texts[0]}-{texts[1]}"


def _numbers(amounts: Sequence[float]) -> list[str]:
    """Amounts of one range: all with cents where one has some."""
    cents = any(value % 1 for value in amounts)
    return [f"{value:,.2f}" if cents else f"{value:,.0f}" for value in amounts]


def days_left_label(posting: Posting, lang: str, today: date) -> tuple[int | None, str]:
    """Whole days left (None without a deadline) and the label: "D-10", "10 days left", "오늘 18시 마감"."""
    if posting.deadline is None:
        closes = posting.closes
        return None, _CLOSES[lang][Closes.WHEN_FILLED if closes is Closes.ON_DATE else closes]
    days, at = (posting.deadline - today).days, posting.deadline_time
    if at is not None and at >= _AS_GOOD_AS_MIDNIGHT:
        at = None
    if days == 0 or (days == 1 and at is not None):
        return days, _closing_ko(days, at) if lang == "ko" else _closing_en(days, at)
    if lang == "en":
        return days, _days_en(days)
    return days, f"D-{days}" if days > 0 else f"D+{-days}"


def _closing_ko(days: int, at: time | None) -> str:
    day = _NEAR_DAYS["ko"][days]
    if at is None:
        return f"{day} 마감"
    return f"{day} {at.hour}시 마감" if at.minute == 0 else f"{day} {at:%H:%M} 마감"


def _days_en(days: int) -> str:
    count = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return f"{count} left" if days > 0 else f"Closed {count} ago"


def _closing_en(days: int, at: time | None) -> str:
    return f"Closes {_NEAR_DAYS['en'][days]}" + (f" at {at:%H:%M}" if at else "")


def naming(lang: str, reason: Reason, name: str) -> str:
    """The sentence of a reason that names the posting it rests on."""
    before, behind = _NAMING[lang][reason]
    return before + name + behind
