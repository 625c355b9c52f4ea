"""A posting's facts as short texts, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from app.board.model import Closes, Education
from app.recommend.reasons import Reason
from app.serving import labels
from app.serving.labels import LANGUAGES, SENTENCES
from tests.unit.serving.fakes import TODAY, posting

YEAR = "KRW/year"


@pytest.mark.parametrize(
    ("regions", "korean", "english"),
    [
        ((), None, None),
        (("101000",), "서울", "서울"),
        (("101000/강남구",), "서울 강남구", "서울 강남구"),
        (
            ("101000/강남구", "102000/성남시/분당구"),
            "서울 강남구, 경기 성남시 분당구",
            "서울 강남구, 경기 성남시 분당구",
        ),
        (("101000", "102000", "103000"), "서울, 경기 외", "서울, 경기 and more"),
        (("Tokyo/Minato",), "Tokyo Minato", "Tokyo Minato"),
        (("remote",), "재택", "Remote"),
        (("101000/강남구", "hybrid"), "서울 강남구 · 하이브리드", "서울 강남구 · Hybrid"),
        (("101000", "102000", "103000", "remote"), "서울, 경기 외 · 재택", "서울, 경기 and more · Remote"),
    ],
)
def test_location(regions: tuple[str, ...], korean: str | None, english: str | None) -> None:
    one = posting("a", regions=regions)
    assert [labels.location(one, lang) for lang in ("ko", "en")] == [korean, english]


@pytest.mark.parametrize(
    ("low", "high", "korean", "english"),
    [
        (None, None, "경력무관", "Any experience"),
        (0, None, "신입·경력", "Entry level or experienced"),
        (0, 0, "신입", "Entry level"),
        (None, 0, "신입", "Entry level"),
        (None, 3, "경력 3년 이하", "Up to 3 years"),
        (0, 3, "경력 3년 이하", "Up to 3 years"),
        (5, None, "경력 5년 이상", "5+ years"),
        (3, 5, "경력 3~5년", "3-5 years"),
        (3, 3, "경력 3년", "3 years"),
        (1.5, 2.5, "경력 1.5~2.5년", "1.5-2.5 years"),
    ],
)
def test_career(low: float | None, high: float | None, korean: str, english: str) -> None:
    one = posting("a", career_min_years=low, career_max_years=high)
    assert [labels.career(one, lang) for lang in ("ko", "en")] == [korean, english]


@pytest.mark.parametrize(
    ("education", "korean", "english"),
    [
        (None, None, None),
        (Education.NONE, "학력무관", "Any education"),
        (Education.BACHELOR, "대졸 이상", "Bachelor's degree or above"),
        (Education.DOCTOR, "박사", "Doctorate"),
    ],
)
def test_education(education: Education | None, korean: str | None, english: str | None) -> None:
    one = posting("a", education=education)
    assert [labels.education(one, lang) for lang in ("ko", "en")] == [korean, english]


@pytest.mark.parametrize(
    ("kinds", "korean", "english"),
    [
        ((), None, None),
        (("regular",), "정규직", "Permanent"),
        (("regular", "contract"), "정규직·계약직", "Permanent·Contract"),
        (("zero-hours",), "zero-hours", "zero-hours"),
    ],
)
def test_employment(kinds: tuple[str, ...], korean: str | None, english: str | None) -> None:
    one = posting("a", employment_types=kinds)
    assert [labels.employment(one, lang) for lang in ("ko", "en")] == [korean, english]


@pytest.mark.parametrize(
    ("salary", "korean", "english"),
    [
        ((None, None, None), None, None),
        ((None, None, YEAR), None, None),
        ((100, 200, None), None, None),
        ((35_000_000, 45_000_000, YEAR), "연봉 3,500만~4,500만원", "KRW 35,000,000-45,000,000 a year"),
        ((35_000_000, 35_000_000, YEAR), "연봉 3,500만원", "KRW 35,000,000 a year"),
        ((35_000_000, None, YEAR), "연봉 3,500만원 이상", "From KRW 35,000,000 a year"),
        ((None, 45_000_000, YEAR), "연봉 4,500만원 이하", "Up to KRW 45,000,000 a year"),
        ((10_030, 10_030, "KRW/hour"), "시급 10,030원", "KRW 10,030 an hour"),
        ((9_860, 20_000, "KRW/hour"), "시급 9,860~20,000원", "KRW 9,860-20,000 an hour"),
        ((2_500_000, 3_000_000, "KRW/month"), "월급 250만~300만원", "KRW 2,500,000-3,000,000 a month"),
        ((150_000, None, "KRW/day"), "일급 15만원 이상", "From KRW 150,000 a day"),
        ((60_000, 80_000, "USD/year"), "연봉 60,000~80,000달러", "USD 60,000-80,000 a year"),
        ((60_000, None, "CAD/year"), "연봉 60,000 CAD 이상", "From CAD 60,000 a year"),
        ((17.5, 22.75, "USD/hour"), "시급 17.50~22.75달러", "USD 17.50-22.75 an hour"),
        ((17.0, 22.5, "USD/hour"), "시급 17.00~22.50달러", "USD 17.00-22.50 an hour"),
        ((35_000_000.0, 45_000_000.0, YEAR), "연봉 3,500만~4,500만원", "KRW 35,000,000-45,000,000 a year"),
        ((500, None, "KRW/case"), "건당 500원 이상", "From KRW 500 a case"),
        ((0, 0, YEAR), None, None),
        ((0, 30_000_000, YEAR), "연봉 3,000만원 이하", "Up to KRW 30,000,000 a year"),
    ],
)
def test_salary(salary: tuple[int | None, int | None, str | None], korean: Any, english: Any) -> None:
    low, high, unit = salary
    one = posting("a", salary_min=low, salary_max=high, salary_unit=unit)
    assert [labels.salary(one, lang) for lang in ("ko", "en")] == [korean, english]


@pytest.mark.parametrize(
    ("days", "closes", "korean", "english"),
    [
        (None, Closes.WHEN_FILLED, "채용 시 마감", "Until filled"),
        (None, Closes.ALWAYS_OPEN, "상시 채용", "Always open"),
        (None, Closes.ON_DATE, "채용 시 마감", "Until filled"),  # a date that is not known
        (0, Closes.ON_DATE, "오늘 마감", "Closes today"),
        (1, Closes.ON_DATE, "D-1", "1 day left"),
        (10, Closes.WHEN_FILLED, "D-10", "10 days left"),
        (400, Closes.ON_DATE, "D-400", "400 days left"),
        (-1, Closes.ON_DATE, "D+1", "Closed 1 day ago"),
    ],
)
def test_days_left(days: int | None, closes: Closes, korean: str, english: str) -> None:
    deadline = None if days is None else TODAY + timedelta(days=days)
    one = posting("a", deadline=deadline, closes=closes)
    found = [labels.days_left_label(one, lang, TODAY) for lang in ("ko", "en")]
    assert found == [(days, korean), (days, english)]


@pytest.mark.parametrize(
    ("days", "at", "korean", "english"),
    [
        (0, time(18), "오늘 18시 마감", "Closes today at 18:00"),
        (0, time(9, 30), "오늘 09:30 마감", "Closes today at 09:30"),
        (0, time(0, 30), "오늘 00:30 마감", "Closes today at 00:30"),
        (0, time(23, 59, 59), "오늘 마감", "Closes today"),
        (1, time(18), "내일 18시 마감", "Closes tomorrow at 18:00"),
        (1, time(23, 59), "D-1", "1 day left"),
        (2, time(18), "D-2", "2 days left"),
    ],
)
def test_a_time_of_day_is_said_when_it_is_near(days: int, at: time, korean: str, english: str) -> None:
    one = posting("a", deadline=TODAY + timedelta(days=days), deadline_time=at)
    assert [labels.days_left_label(one, lang, TODAY)[1] for lang in ("ko", "en")] == [korean, english]


def test_a_company_that_is_not_told() -> None:
    assert [labels.company(replace(posting("a"), company=""), lang) for lang in ("ko", "en")] == [
        "비공개",
        "Confidential",
    ]


def test_every_reason_has_a_sentence_of_its_own_in_every_language() -> None:
    assert LANGUAGES == ("ko", "en")
    for sentences in SENTENCES.values():
        assert set(sentences) == set(Reason)
        assert len(set(sentences.values())) == len(Reason)
