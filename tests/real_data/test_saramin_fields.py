"""Each form in which Saramin's list pages write a field has one meaning."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from app.board.vocabulary import JOB_GROUPS
from tests.real_data.job_groups import job_groups
from tests.real_data.saramin import Numbering, crawl_days, opened_at
from tests.real_data.saramin_fields import (
    Ending,
    Posted,
    UnknownFormError,
    company_key,
    read_career,
    read_deadline,
    read_education,
    read_employment,
    read_keywords,
    read_posted,
    read_regions,
    read_salary,
)

CRAWLED = date(2024, 12, 1)


def kst(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00")


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("~ 12/31(화)", Ending(date(2024, 12, 31), "on_date")),
        ("~ 01/03(금)", Ending(date(2025, 1, 3), "on_date")),
        ("~ 12/31(수)", Ending(date(2025, 12, 31), "on_date")),
        ("~ 02/29(화)", Ending(date(2028, 2, 29), "on_date")),
        ("2024/12/31", Ending(date(2024, 12, 31), "on_date")),
        ("2024/01/03", Ending(date(2025, 1, 3), "on_date")),
        ("2024/11/29", Ending(date(2024, 11, 29), "on_date")),
        ("2025.02.13 23:59", Ending(date(2025, 2, 13), "on_date")),
        ("2024-12-30T15:00:00.000Z", Ending(date(2024, 12, 31), "on_date")),
        ("2024-01-05T15:00:00.000Z", Ending(date(2025, 1, 6), "on_date")),
        ("오늘마감", Ending(CRAWLED, "on_date")),
        ("23시마감", Ending(CRAWLED, "on_date")),
        ("내일마감", Ending(date(2024, 12, 2), "on_date")),
        ("채용시", Ending(None, "when_filled")),
        ("상시채용", Ending(None, "always_open")),
        ("진행예정", Ending(None, "when_filled", "hidden")),
        ("정보 없음", Ending(None, "when_filled")),
        ("", Ending(None, "when_filled")),
    ],
)
def test_a_deadline(text: str, ending: Ending) -> None:
    assert read_deadline(text, CRAWLED) == ending


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("경력무관", (None, None)),
        ("무관(신입포함)", (None, None)),
        ("무관", (None, None)),
        ("신입", (0, 0)),
        ("경력", (1, None)),
        ("경력(년수무관)", (1, None)),
        ("경력3년↑", (3, None)),
        ("경력 3년 ↑", (3, None)),
        ("경력5년↓", (1, 5)),
        ("경력 3~5년", (3, 5)),
        ("경력 10~15년", (10, 15)),
        ("신입·경력", (0, None)),
        ("신입·경력(년수무관)", (0, None)),
        ("신입·경력 3년 ↑", (0, None)),
        ("신입·경력 10년 ↓", (0, 10)),
        ("신입·경력 1~5년", (0, 5)),
    ],
)
def test_a_career(text: str, years: tuple[float | None, float | None]) -> None:
    assert read_career(text) == years


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("서울 강남구", ["101000/강남구"]),
        ("경기 성남시 분당구", ["102000/성남시/분당구"]),
        ("서울전체", ["101000"]),
        ("전국", ["117000"]),
        ("세종특별자치시", ["118000"]),
        ("경기 용인시 처인구, 광주시, 광주 북구", ["102000/용인시/처인구", "102000/광주시", "103000/북구"]),
        ("서울 구로구, 서울전체, 강서구, 인천 서구, 중구", ["101000/구로구", "101000", "101000/강서구", "108000/서구", "108000/중구"]),
        ("서울 강남구 (재택근무 가능)", ["101000/강남구"]),
        ("일본 도쿄", ["일본/도쿄"]),
        ("충남 아산시, 아시아·중동 베트남, 미국전체, 조지아주", ["115000/아산시", "아시아·중동/베트남", "미국", "미국/조지아주"]),
        ("주 5일(월~금) 09:00~18:00", []),
        ("09:00~18:00", []),
        ("유연근무제", []),
        ("면접 후 결정", []),
    ],
)  # fmt: skip
def test_a_location(text: str, regions: list[str]) -> None:
    assert read_regions(text) == regions


@pytest.mark.parametrize(
    ("text", "salary"),
    [
        ("3,600 만원", (36_000_000, "KRW/year")),
        ("250 만원", (2_500_000, "KRW/month")),
        ("9,860 원", (9_860, "KRW/hour")),
        ("80,000 원", (80_000, "KRW/day")),
        ("연봉 3,600 만원 (주 40시간)\n근무형태\n상세보기", (36_000_000, "KRW/year")),
        ("월급 1,200 만원", (12_000_000, "KRW/month")),
        ("일급 140,000 원 (일 8시간)", (140_000, "KRW/day")),
        ("시급 10,030 원", (10_030, "KRW/hour")),
        ("회사내규에 따름", None),
        ("면접 후 결정", None),
        ("정보 없음", None),
        ("", None),
    ],
)
def test_a_salary(text: str, salary: tuple[int, str] | None) -> None:
    assert read_salary(text) == salary


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("학력무관", "none"),
        ("학력무관(예정자 가능)", "none"),
        ("고졸↑", "high_school"),
        ("고교졸업 이상(예정자 가능)", "high_school"),
        ("초대졸↑", "associate"),
        ("대졸(2,3년제) 이상", "associate"),
        ("대졸↑", "bachelor"),
        ("대졸(4년제) 이상(예정자 가능)", "bachelor"),
        ("석사↑", "master"),
        ("석사졸업 이상", "master"),
        ("박사", "doctor"),
    ],
)
def test_an_education(text: str, level: str) -> None:
    assert read_education(text) == level


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("정규직", ["regular"]),
        ("정규직·계약직", ["regular", "contract"]),
        ("정규직, 계약직, 병역특례", ["regular", "contract", "military"]),
        ("파견직 (정규직 전환가능)·아르바이트", ["dispatch", "part_time"]),
        ("기간제·무기계약직", ["contract"]),
        ("전문연구요원·현역", ["military"]),
        ("full-time", ["regular"]),
        ("internship", ["intern"]),
        ("정보 없음", []),
    ],
)
def test_an_employment_type(text: str, types: list[str]) -> None:
    assert read_employment(text) == types


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("Java, 웹개발, SE(시스템엔지니어) 외", ["Java", "웹개발", "SE(시스템엔지니어)"]),
        ("Java, 웹개발 외                    수정일 24/10/08", ["Java", "웹개발"]),
        ("정보통신, IT·통신기기판매 등록일 24/11/01", ["정보통신", "IT·통신기기판매"]),
        ("영업관리\n영업직\n외", ["영업관리", "영업직"]),
        ("S/W, C#, S/W 외", ["S/W", "C#"]),
    ],
)
def test_sector_keywords(text: str, keywords: list[str]) -> None:
    assert read_keywords(text) == keywords


@pytest.mark.parametrize(
    ("posted", "sectors", "read"),
    [
        ("등록일 24/11/29", "Java", Posted("registered", kst("2024-11-29T00:00"))),
        ("24/12/05", "Java", Posted("registered", kst("2024-12-05T00:00"))),
        ("수정일 24/11/29", "Java", Posted("modified", kst("2024-11-29T00:00"))),
        ("외                    수정일 24/11/27", "Java", Posted("modified", kst("2024-11-27T00:00"))),
        ("", "Java 외      수정일 24/10/08", Posted("modified", kst("2024-10-08T00:00"))),
        ("2024/12/01", "Java", Posted("modified", kst("2024-12-01T00:00"))),
        ("2024.12.10 14:00", "영업\n외", Posted("starts", kst("2024-12-10T14:00"))),
        ("2024-12-17T19:25:03.439Z", "Java", Posted("crawled", kst("2024-12-18T04:25:03.439"))),
        ("", "Java", Posted(None, None)),
    ],
)
def test_a_beginning(posted: str, sectors: str, read: Posted) -> None:
    assert read_posted(posted, sectors) == read


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (read_career, "경력자", "experience '경력자'"),
        (read_education, "중졸", "education '중졸'"),
        (read_employment, "정규직·주말", "employment_type '주말'"),
        (read_regions, "강남구", "location '강남구'"),
        (read_salary, "많이", "salary '많이'"),
        (read_salary, "9,999 만원", "salary 9,999 만원, which stands for anything"),
        (read_salary, "760,000 원", "salary '760,000 원', of a size paid for no period"),
        (lambda text: read_deadline(text, CRAWLED), "곧", "deadline '곧'"),
    ],
)
def test_an_unknown_form_is_named(reader: object, text: str, message: str) -> None:
    assert callable(reader)
    with pytest.raises(UnknownFormError) as unknown:
        reader(text)
    assert str(unknown.value) == message


def test_one_company_in_many_spellings_is_one() -> None:
    spellings = ["(주)가나다", "㈜가나다", "주식회사 가나다", "가나다(주)", "가나다 주식회사", "가나다"]
    assert {company_key(name) for name in spellings} == {"가나다"}
    assert company_key("(주)") == "(주)"


def record(number: int, **fields: str) -> dict[str, str]:
    return {"rec_idx": str(number), "source": "a", "posted": "", "job_sectors": "Java"} | fields


def test_a_posting_whose_page_told_another_day_was_opened_when_its_number_says() -> None:
    records = [record(100, posted="등록일 24/11/01"), record(200, posted="등록일 24/11/20")]
    numbering = Numbering(records)
    modified = Posted("modified", kst("2024-11-28T00:00"))
    assert opened_at(modified, 150, CRAWLED, numbering) == kst("2024-11-01T00:00")
    assert opened_at(modified, 50, CRAWLED, numbering) == kst("2024-11-28T00:00")
    assert opened_at(Posted("crawled", kst("2024-12-01T04:25")), 250, CRAWLED, numbering) == kst(
        "2024-11-20T00:00"
    )
    assert opened_at(Posted(None, None), 50, CRAWLED, numbering) == kst("2024-12-01T00:00")


def test_a_crawl_was_made_on_the_newest_day_that_it_names() -> None:
    records = [
        record(1, posted="등록일 24/11/01"),
        record(2, posted="", job_sectors="Java 외  수정일 24/12/13"),
        record(3, source="b", posted="2024-12-17T19:25:03.439Z"),
    ]
    assert crawl_days(records) == {"a": date(2024, 12, 13), "b": date(2024, 12, 18)}


@pytest.mark.parametrize(
    ("keywords", "title", "groups"),
    [
        (["Java", "Spring", "웹개발"], "백엔드 개발자", ["IT개발·데이터"]),
        (["간호조무사", "한의원"], "치료실 모집", ["의료"]),
        (["어학원", "영어"], "초등 전임 강사", ["교육"]),
        (["영업직", "영업관리"], "해외영업 신입", ["영업·판매·무역"]),
        (["C언어", "알고리즘"], "AI 연구원", ["IT개발·데이터", "연구·R&D"]),
        (["Java", "헤드헌팅"], "자바 개발자", ["IT개발·데이터"]),
        (["생산"], "사원 모집", ["생산"]),
        (["당직"], "사원 모집", []),
    ],
)  # fmt: skip
def test_words_lead_to_job_groups(keywords: list[str], title: str, groups: list[str]) -> None:
    assert [JOB_GROUPS[code] for code in job_groups(keywords, title)] == groups
