"""The fields of Saramin's list pages, form by form, into values of the import format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from app.board.veto import BOARD_ZONE
from app.board.vocabulary import REGIONS


class UnknownFormError(ValueError):
    """A field stands in a form that cannot be read; the message names the form."""


# ---- dates

_WEEKDAYS = "월화수목금토일"
_STAMP = re.compile(r"(?:(등록일|수정일)\s*)?(\d\d)/(\d\d)/(\d\d)$")
_DATED = re.compile(r"(\d{4})[/.](\d\d)[/.](\d\d)(?: (\d\d):(\d\d))?$")
_UNTIL = re.compile(r"~ (\d\d)/(\d\d)\((.)\)$")
_ON_LISTS_AFTER_DEADLINE = timedelta(days=7)  # a page crawled over some days still shows these


class Posted(NamedTuple):
    """What a list page says of a posting's beginning: "registered", "modified", "starts", "crawled" or None."""

    how: str | None
    at: datetime | None


def board_time(day: date, at: time = time.min) -> datetime:
    """An instant on the board's calendar."""
    return datetime.combine(day, at, BOARD_ZONE)


def read_posted(posted: str, sectors: str) -> Posted:
    """The beginning, from its own field or from the end of the sectors, where some crawls left it.

    Forms: 등록일 24/11/29 · 수정일 24/11/29 (also after 외) · 24/12/05 (registered) · 2024/12/01 (registered or
    modified: the crawl did not keep which) · 2024.12.10 14:00 (applications start) ·
    2024-12-17T19:25:03.439Z (when it was crawled).
    """
    for text in (posted.strip(), sectors.strip()):
        if text.endswith("Z"):
            return Posted("crawled", datetime.fromisoformat(text))
        if match := _DATED.match(text):
            year, month, day, hour, minute = (int(part or 0) for part in match.groups())
            how = "modified" if match[4] is None else "starts"
            return Posted(how, datetime(year, month, day, hour, minute, tzinfo=BOARD_ZONE))
        if match := _STAMP.search(text):
            stamped = date(2000 + int(match[2]), int(match[3]), int(match[4]))
            return Posted("modified" if match[1] == "수정일" else "registered", board_time(stamped))
    return Posted(None, None)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a posting ends."""

    deadline: date | None
    closes: str
    status: str = "open"


_ENDINGS = {
    "채용시": Ending(None, "when_filled"),
    "상시채용": Ending(None, "always_open"),
    "정보 없음": Ending(None, "when_filled"),
    "": Ending(None, "when_filled"),
    "진행예정": Ending(None, "when_filled", "hidden"),  # announced, not yet open to applications
}


def read_deadline(text: str, crawled: date) -> Ending:
    """A posting's end as the list page of a day showed it.

    Forms: ~ 12/31(화) · 2024/12/31 · 2024.12.31 23:59 · 2024-12-30T15:00:00.000Z · 오늘마감 · 20시마감 · 내일마감 ·
    채용시 · 상시채용 · 진행예정 · 정보 없음 · nothing. List pages carry no year: it is the first in which the day
    is still to come and has the weekday in parentheses. Two crawls wrote their own year instead (2024/01/03
    in December 2024); a day that was long over on the list page is moved on in the same way.
    """
    text = text.strip()
    if text in _ENDINGS:
        return _ENDINGS[text]
    if text == "오늘마감" or re.fullmatch(r"\d\d?시마감", text):
        return Ending(crawled, "on_date")
    if text == "내일마감":
        return Ending(crawled + timedelta(days=1), "on_date")
    if match := _UNTIL.match(text):
        return Ending(_still_to_come(int(match[1]), int(match[2]), crawled, weekday=match[3]), "on_date")
    if text.endswith("Z"):
        day = datetime.fromisoformat(text).astimezone(BOARD_ZONE).date()
    elif match := _DATED.match(text):
        day = date(int(match[1]), int(match[2]), int(match[3]))
    else:
        raise UnknownFormError(f"deadline {text!r}")
    if day < crawled - _ON_LISTS_AFTER_DEADLINE:
        day = _still_to_come(day.month, day.day, crawled)
    return Ending(day, "on_date")


def _still_to_come(month: int, day: int, crawled: date, weekday: str | None = None) -> date:
    for year in range(crawled.year, crawled.year + 8):
        try:
            found = date(year, month, day)
        except ValueError:  # 29 February
            continue
        if found >= crawled and weekday in (None, _WEEKDAYS[found.weekday()]):
            return found
    raise UnknownFormError(f"deadline {month:02}/{day:02}({weekday})")


# ---- career, education, employment

_ANY_CAREER = {"경력무관", "무관", "무관(신입포함)", ""}
_CAREER = re.compile(r"(신입·)?경력(?:\(년수무관\))?\s*(?:(\d+)(?:~(\d+))?년)?\s*([↑↓])?$")
EXPERIENCED_YEARS = (
    1.0  # what 경력 without a number asks for; 1 is the least that Saramin lets an employer ask
)


def read_career(text: str) -> tuple[float | None, float | None]:
    """The career asked for, as least and most years (None: no bound).

    Forms: 경력무관 · 무관(신입포함) · 신입 · 경력 · 경력(년수무관) · 경력3년↑ · 경력5년↓ · 경력 3~5년 · 신입·경력 · 신입·경력 3년 ↑ ·
    신입·경력 1~5년 · 신입·경력(년수무관). Where newcomers are welcome the least is 0.
    """
    text = text.strip()
    if text in _ANY_CAREER:
        return None, None
    if text == "신입":
        return 0.0, 0.0
    match = _CAREER.match(text)
    if match is None:
        raise UnknownFormError(f"experience {text!r}")
    newcomers, first, last, arrow = match.groups()
    low = None if first is None or arrow == "↓" else float(first)
    high = float(last) if last else float(first) if arrow == "↓" else None
    return (0.0 if newcomers else low if low is not None else EXPERIENCED_YEARS), high


_EDUCATION = {
    "학력무관": "none",
    "고졸": "high_school",
    "고교졸업": "high_school",
    "초대졸": "associate",
    "대졸(2,3년제)": "associate",
    "대졸": "bachelor",
    "대졸(4년제)": "bachelor",
    "석사": "master",
    "석사졸업": "master",
    "박사": "doctor",
    "박사졸업": "doctor",
}


def read_education(text: str) -> str:
    """The least education. Forms: 학력무관 · 고졸↑ · 초대졸↑ · 대졸↑ · 대졸(2,3년제) 이상 · 석사졸업 이상(예정자 가능) · 박사."""
    level = re.sub(r"↑|\s*이상|\(예정자 가능\)", "", text.strip())
    if level not in _EDUCATION:
        raise UnknownFormError(f"education {text!r}")
    return _EDUCATION[level]


_EMPLOYMENT = {
    "정규직": "regular",
    "full-time": "regular",
    "전임": "regular",
    "계약직": "contract",
    "기간제": "contract",
    "무기계약직": "contract",
    "contract": "contract",
    "temporary": "contract",
    "인턴직": "intern",
    "internship": "intern",
    "아르바이트": "part_time",
    "파트": "part_time",
    "파견직": "dispatch",
    "프리랜서": "freelance",
    "교육생": "trainee",
    "전문연구요원": "military",
    "산업기능요원": "military",
    "병역특례": "military",
    "현역": "military",
    "위촉직": "commissioned",
    "해외취업": "other",
}


def read_employment(text: str) -> list[str]:
    """Employment types. Forms: 정규직 · 정규직·계약직 · 정규직, 계약직 · 파견직 (정규직 전환가능) · full-time · 정보 없음."""
    if text.strip() in ("", "정보 없음"):
        return []
    words = [re.sub(r"\s*\(.*?\)", "", word).strip() for word in re.split(r"[·,]", text)]
    if unknown := [word for word in words if word not in _EMPLOYMENT]:
        raise UnknownFormError(f"employment_type {unknown[0]!r}")
    return list(dict.fromkeys(_EMPLOYMENT[word] for word in words))


# ---- places

_CODES = {name: code for code, name in REGIONS.items()} | {"세종특별자치시": "118000"}
_ABROAD = (
    "일본",
    "중국.홍콩",
    "미국",
    "아시아·중동",
    "유럽",
    "북·중미",
    "남미",
    "오세아니아",
    "아프리카",
    "캐나다",
    "베트남",
)
_WORKING_HOURS = re.compile(r"주 \d일|\d\d:\d\d~|유연근무|면접 후 결정")


def read_regions(text: str) -> list[str]:
    """Region paths.

    Forms: 서울 강남구 · 경기 성남시 분당구 · 서울전체 · 전국 · 세종특별자치시 · 일본 도쿄 · several with commas, where a place
    without its large region lies in the one before · any of them with (재택근무 가능). In some records the
    column holds working hours instead: those have no region.
    """
    if _WORKING_HOURS.search(text):
        return []
    regions: list[str] = []
    large = None
    for place in re.sub(r"\(재택근무 가능\)", "", text).split(","):
        first, *rest = place.split()
        name = first.removesuffix("전체")
        if name in _CODES or name in _ABROAD:
            large = _CODES.get(name, name)
        elif large is None:
            raise UnknownFormError(f"location {text!r}")
        else:
            rest = [first, *rest]
        regions.append("/".join([large, *rest]))
    return list(dict.fromkeys(regions))


# ---- money

_SALARY = re.compile(r"(연봉|월급|주급|일급|시급)?\s*([\d,]+)\s*(만원|원)")
_PERIODS = {"연봉": "year", "월급": "month", "주급": "week", "일급": "day", "시급": "hour"}
_UNTOLD = {"", "정보 없음", "회사내규에 따름", "면접 후 결정"}
_PERIOD_BY_WON = (  # an amount without a period: what an amount of that size is paid for in Korea
    (5_000, 50_000, "hour"),
    (50_000, 500_000, "day"),
    (1_000_000, 10_000_000, "month"),
    (10_000_000, 300_000_000, "year"),
)
_PLACEHOLDER_WON = 99_990_000


class Salary(NamedTuple):
    """An amount in won and what it is paid for."""

    won: int
    unit: str


def read_salary(text: str) -> Salary | None:
    """The salary, None where it is not told.

    Forms: 3,600 만원 · 9,860 원 · 연봉 3,600 만원 (주 40시간) · 월급/일급/시급 … · 회사내규에 따름 · 면접 후 결정 · 정보 없음.
    """
    if text.strip() in _UNTOLD:
        return None
    match = _SALARY.match(text.strip())
    if match is None:
        raise UnknownFormError(f"salary {text!r}")
    won = int(match[2].replace(",", "")) * (10_000 if match[3] == "만원" else 1)
    if won == _PLACEHOLDER_WON:
        raise UnknownFormError("salary 9,999 만원, which stands for anything")
    if match[1]:
        return Salary(won, f"KRW/{_PERIODS[match[1]]}")
    for least, most, period in _PERIOD_BY_WON:
        if least <= won < most:
            return Salary(won, f"KRW/{period}")
    raise UnknownFormError(f"salary {text.strip()!r}, of a size paid for no period")


# ---- words

_SECTORS_END = re.compile(r"\s*(?:(?:수정일|등록일)\s*\d\d/\d\d/\d\d)?\s*$")


def read_keywords(text: str) -> list[str]:
    """Sector keywords, between commas or on lines of their own, without 외 (and others) and a date at the end."""
    words = [
        re.sub(r"(^|\s+)외$", "", word.strip()) for word in re.split(r"[,\n]", _SECTORS_END.sub("", text))
    ]
    return list(dict.fromkeys(word for word in words if word))


_LEGAL_FORM = re.compile(r"\(주\)|\(유\)|\(재\)|\(사\)|주식회사|유한회사|\s+")


def company_key(name: str) -> str:
    """A company's name without its legal form, which crawls and employers write in many ways."""
    return _LEGAL_FORM.sub("", name.replace("㈜", "(주)")).casefold() or name
