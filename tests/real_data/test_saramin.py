"""The Saramin crawl comes through whole, and what the conversion says of it is so."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.board.vocabulary import JOB_GROUPS, REGIONS
from app.postgres.board.load import load
from tests.real_data.convert import main
from tests.real_data.saramin import convert

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

LARGE_REGIONS = set(REGIONS.values())
RECORD = {
    "rec_idx": "1",
    "source": "first",
    "title": "백엔드 &amp; 서버\n개발자",
    "company": "(주)가나다",
    "location": "서울 강남구",
    "experience": "경력 3~5년",
    "education": "대졸↑",
    "employment_type": "정규직",
    "salary": "3,600 만원",
    "posted": "등록일 24/11/29",
    "deadline": "~ 12/31(화)",
    "job_sectors": "Java, Spring 외",
    "badge": "",
}


def crawl(folder: Path, *records: dict[str, str]) -> Path:
    """A crawl of made-up records."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "postings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(RECORD))
        writer.writeheader()
        writer.writerows(RECORD | record for record in records)
    return folder


def written(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_record_becomes_a_posting_and_its_company(tmp_path: Path) -> None:
    report = convert(crawl(tmp_path / "in", {}), tmp_path / "out", shift_to=date(2026, 11, 29))
    (company,) = written(tmp_path / "out" / "companies.csv")
    assert written(tmp_path / "out" / "postings.csv") == [
        {
            "id": "1",
            "title": "백엔드 & 서버 개발자",
            "company_id": company["id"],
            "url": "https://www.saramin.co.kr/zf_user/jobs/relay/view?rec_idx=1",
            "opened_at": "2026-11-29T00:00:00+09:00",
            "categories": "2",
            "regions": "101000/강남구",
            "career_min_years": "3",
            "career_max_years": "5",
            "education": "bachelor",
            "employment_types": "regular",
            "salary_min": "36000000",
            "salary_max": "36000000",
            "salary_unit": "KRW/year",
            "skills": "Java|Spring",
            "deadline": "2026-12-31",
            "deadline_time": "",
            "closes": "on_date",
            "status": "open",
            "updated_at": "",
        }
    ]
    assert company["name"] == "(주)가나다"
    assert str(report).splitlines()[0] == "1 of 1 records came through."
    assert "  the newest crawl is of 2024-11-29; dates are moved by +730 days, to 2026-11-29" in str(report)


def test_every_loss_is_counted_by_its_reason(tmp_path: Path) -> None:
    source = crawl(
        tmp_path / "in",
        {"source": "second", "title": "Newer", "posted": "등록일 24/11/30"},
        {"title": "Older"},
        {"rec_idx": "2", "title": " "},
        {"rec_idx": "3", "company": ""},
        {"rec_idx": "", "title": "No number"},
    )
    report = convert(source, tmp_path / "out")
    assert dict(report.lost) == {
        "an older copy of the same rec_idx": 1,
        "no title": 1,
        "no company": 1,
        "no rec_idx": 1,
    }
    assert [row["title"] for row in written(tmp_path / "out" / "postings.csv")] == ["Newer"]
    assert str(report).splitlines()[0] == "1 of 5 records came through."


def test_a_field_in_an_unknown_form_is_left_out_and_counted_and_the_record_stays(tmp_path: Path) -> None:
    source = crawl(tmp_path / "in", {"deadline": "곧", "salary": "많이", "location": "어딘가"})
    report = convert(source, tmp_path / "out")
    (row,) = written(tmp_path / "out" / "postings.csv")
    assert (row["deadline"], row["closes"], row["salary_min"], row["regions"]) == ("", "when_filled", "", "")
    assert sorted(report.notes[-3:]) == [
        "left out 1 x deadline '곧'",
        "left out 1 x location '어딘가'",
        "left out 1 x salary '많이'",
    ]


def test_the_command_says_what_is_wrong_with_its_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["saramin", str(tmp_path / "nowhere"), str(tmp_path)])
    assert ended.value.code == 2
    assert "nowhere: name the one that holds the data as it was found" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["saramin", str(tmp_path), str(tmp_path), "--shift-to", "tomorrow"])
    assert ended.value.code == 2
    assert "argument --shift-to: invalid day value: 'tomorrow'" in capsys.readouterr().err


def test_the_whole_crawl_comes_through_and_loads(
    real_data: Path, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            ["saramin", str(real_data / "saramin"), str(tmp_path), "--shift-to", "today"],
            today=date(2026, 11, 21),
        )
        == 0
    )
    assert capsys.readouterr().out.startswith("4,245 of 4,245 records came through.\n")
    report = load(engine, tmp_path, rejects=tmp_path / "rejects.csv")
    assert report.rejects is None
    assert {noun: count.inserted for noun, count in report.counts.items()} == {
        "companies": len(written(tmp_path / "companies.csv")),
        "postings": 4245,
    }


def test_converted_postings_agree_with_the_crawl_read_another_way(real_data: Path, tmp_path: Path) -> None:
    report = convert(real_data / "saramin", tmp_path)
    with (real_data / "saramin" / "postings.csv").open(encoding="utf-8-sig", newline="") as file:
        crawled = {record["rec_idx"]: record for record in csv.DictReader(file)}
    postings = {row["id"]: row for row in written(tmp_path / "postings.csv")}
    assert postings.keys() == crawled.keys()
    assert len([note for note in report.notes if note.startswith("left out")]) <= 3
    for number, posting in postings.items():
        record = crawled[number]
        if match := re.fullmatch(r"~ (\d\d)/(\d\d)\((.)\)", record["deadline"]):
            day = date.fromisoformat(posting["deadline"])
            assert (f"{day:%m}", f"{day:%d}", "월화수목금토일"[day.weekday()]) == match.groups()
        assert (posting["closes"] == "always_open") == (record["deadline"] == "상시채용")
        assert (posting["status"] == "hidden") == (record["deadline"] == "진행예정")
        assert (posting["career_max_years"] == "0") == (record["experience"] == "신입")
        begins_with = record["location"][:2]
        assert REGIONS.get(posting["regions"][:6], "") == (
            begins_with if begins_with in LARGE_REGIONS else ""
        )


def test_postings_open_before_they_end_and_not_after_they_were_seen(real_data: Path, tmp_path: Path) -> None:
    convert(real_data / "saramin", tmp_path)
    for row in written(tmp_path / "postings.csv"):
        opened = date.fromisoformat(row["opened_at"][:10])
        assert date(2024, 1, 1) <= opened <= date(2024, 12, 18)
        if row["deadline"]:
            assert opened <= date.fromisoformat(row["deadline"]) <= opened + timedelta(days=366)


def test_every_posting_has_a_job_group_and_skills_and_nearly_all_a_region(
    real_data: Path, engine: Engine, tmp_path: Path
) -> None:
    convert(real_data / "saramin", tmp_path)
    load(engine, tmp_path, rejects=tmp_path / "rejects.csv")
    with engine.connect() as connection:
        without = connection.execute(
            text(
                "SELECT count(*) FILTER (WHERE categories = '{}'), count(*) FILTER (WHERE regions = '{}'),"
                " count(*) FILTER (WHERE skills = '{}') FROM board.posting"
            )
        ).one()
        groups = set(
            connection.execute(text("SELECT DISTINCT unnest(categories) FROM board.posting")).scalars()
        )
    assert tuple(without) == (0, 82, 0)
    assert groups == set(JOB_GROUPS)
