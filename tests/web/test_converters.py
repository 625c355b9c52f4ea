"""docs/converters.md: its code makes of its samples what is imported and answered."""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import psycopg
import pytest

from app.board.veto import BOARD_ZONE
from app.postgres.board.load import load
from app.postgres.engines import batch_engine
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.board import SECRETS
from tests.web.service import Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Path(__file__).parents[2] / "docs" / "converters.md"
CONVERTERS = ("schema_org", "greenhouse", "lever", "indeed", "worknet", "saramin")
ON = datetime(2035, 2, 3, 12, tzinfo=BOARD_ZONE)
FACTS = (
    "title", "company", "location", "career", "education", "employment_type", "salary", "deadline", "deadline_label",
)  # fmt: skip


def blocks(language: str) -> list[str]:
    """The document's blocks of code in a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.fixture(scope="module")
def service(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An instance on a board that holds the samples, converted and imported."""
    made: dict[str, Any] = {}
    exec("\n".join(blocks("python")), made)  # noqa: S102 - what the reader is told to run
    schema_org, greenhouse, lever, saramin = map(json.loads, blocks("json"))
    indeed, worknet = map(ET.fromstring, blocks("xml"))
    jobs = zip(CONVERTERS, (schema_org, greenhouse, lever, indeed, worknet, saramin), strict=True)
    folder = tmp_path_factory.mktemp("feed")
    made["convert"](list(jobs), lambda job: made[job[0]](job[1]), folder)
    name = _create(server_url, "cj_feeds", template)
    url = _url_of(server_url, name)
    engine = batch_engine(url)
    report = load(engine, folder, rejects=folder / "rejects.csv")
    engine.dispose()
    assert report.rejects is None
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO connected_jobs.credential (name, scope, secret_hash) VALUES ('braze', 'content', %s)",
            [sha256(SECRETS["braze"].encode()).digest()],
        )
    with serving(url) as running:
        running.now = ON
        yield running
    _drop(server_url, name)


def test_feeds_that_write_less_or_otherwise_lose_no_posting_and_no_company() -> None:
    made: dict[str, Any] = {}
    exec("\n".join(blocks("python")), made)  # noqa: S102 - what the reader is told to run
    schema_org, _, lever, _ = map(json.loads, blocks("json"))
    del schema_org["url"], schema_org["hiringOrganization"]["sameAs"]
    company, posting = made["schema_org"](schema_org, "https://hanbit.example/this-page")
    assert (company["id"], posting["company_id"]) == ("한빛모터스", "한빛모터스")
    assert posting["url"] == "https://hanbit.example/this-page"
    texts = {
        "identifier": "HM-8",
        "hiringOrganization": "한빛모터스",
        "experienceRequirements": "no requirements",
        "jobLocation": {"@type": "Place", "address": "울산 북구"},
    }
    company, posting = made["schema_org"](schema_org | texts)
    assert (company["name"], posting["id"], posting["regions"]) == ("한빛모터스", "HM-8", ["울산 북구"])
    assert posting["career_min_years"] is None
    for interval, unit in (("per-day-wage", "USD/day"), ("per-week-salary", "USD/week"), ("one-time", None)):
        lever["salaryRange"]["interval"] = interval
        assert made["lever"](lever)[1]["salary_unit"] == unit
    _, worknet = map(ET.fromstring, blocks("xml"))
    for field in worknet:
        field.text = {"company": "(주)솔빛", "minEdubg": "박사"}.get(field.tag, field.text)
    company, posting = made["worknet"](worknet)
    assert (company["id"], posting["company_id"], posting["education"]) == ("(주)솔빛", "(주)솔빛", "doctor")


@pytest.mark.parametrize(
    ("field", "text", "key", "value"),
    [
        ("salary", "$20.50 an hour", "salary_unit", "USD/hour"),
        ("salary", "₩3,000,000 per month", "salary_min", 3_000_000),
        ("salary", "competitive", "salary_unit", None),
        ("salary", "$50K per year + $5K bonus + $1K", "salary_min", None),
        ("date", "2025-01-13", "opened_at", "2025-01-13T00:00:00+09:00"),
        ("date", "2025-01-13T09:00:00Z", "opened_at", "2025-01-13T09:00:00Z"),
        ("jobtype", "Full-Time", "employment_types", ["regular"]),
        ("jobtype", "", "employment_types", []),
        ("experience", "none", "career_min_years", None),
        ("remotetype", "Fully remote", "regions", ["Busan", "remote"]),
        ("education", "High School", "education", "high_school"),
    ],
)
def test_the_texts_of_indeeds_feed_are_read_where_they_say_one_thing(
    field: str, text: str, key: str, value: object
) -> None:
    made: dict[str, Any] = {}
    exec("\n".join(blocks("python")), made)  # noqa: S102 - what the reader is told to run
    job = next(map(ET.fromstring, blocks("xml")))
    for element in job.iter(field):
        element.text = text
    assert made["indeed"](job)[1][key] == value


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (
            "차체 용접 & 조립",
            [
                "한빛모터스",
                "울산 북구",
                "경력 2년 이상",
                None,
                "정규직·계약직",
                "월급 280만~340만원",
                "2035-02-03",
                "오늘 18시 마감",
            ],
        ),
        (
            "Site Reliability Engineer",
            [
                "Nuri Cloud",
                "서울 · 재택",
                "경력무관",
                None,
                None,
                "연봉 60,000.00~85,500.50달러",
                "2035-02-10",
                "D-7",
            ],
        ),
        (
            "Warehouse Associate (Nights)",
            [
                "Haneul",
                "Newark, Edison · 하이브리드",
                "경력무관",
                None,
                "아르바이트",
                "시급 17.50~22.75달러",
                None,
                "채용 시 마감",
            ],
        ),
        (
            "Store Manager",
            [
                "Bada Retail",
                "Busan · 하이브리드",
                "경력 3년 이상",
                "대졸 이상",
                "정규직·계약직",
                "연봉 45,000~52,500달러",
                "2035-02-08",
                "D-5",
            ],
        ),
        (
            "물류센터 지게차 운전원 (주간)",
            [
                "비공개",
                "경기 이천시",
                "신입",
                "고졸 이상",
                "정규직",
                "월급 260만~300만원",
                "2035-02-14",
                "D-11",
            ],
        ),
        (
            "웹 서비스 백엔드 개발자",
            [
                "(주)솔바람",
                "서울 강남구, 경기 성남시 분당구",
                "경력 3년 이상",
                "대졸 이상",
                "정규직·계약직",
                None,
                "2035-02-10",
                "D-7",
            ],
        ),
    ],
)
def test_a_feeds_posting_is_answered_as_its_feed_means_it(
    service: Service, title: str, shown: list[str | None]
) -> None:
    found = {posting["title"]: posting for posting in service.answer("somebody")["postings"]}
    assert len(found) == len(CONVERTERS)
    assert [found[title][fact] for fact in FACTS] == [title, *shown]


def test_every_converter_has_some_twenty_lines() -> None:
    for block in blocks("python")[1:]:
        lines = block[block.index("def ") :].strip().splitlines()
        assert len(lines) <= 28, lines[0]
