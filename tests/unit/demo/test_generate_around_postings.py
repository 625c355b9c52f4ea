"""Members and activity around postings that are already there."""

from __future__ import annotations

from collections import Counter
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.board.model import Posting, Status
from app.demo.generate import generate
from tests.unit.demo.conftest import NOW, rows_of

if TYPE_CHECKING:
    from pathlib import Path

OPENED = NOW - timedelta(days=20)


def _posting(number: int, **fields: Any) -> Posting:
    values: dict[str, Any] = {
        "id": f"공고,{number}",
        "title": "간호사",
        "company_id": f"c{number % 7}",
        "company": "",
        "url": "https://board.test/1",
        "opened_at": OPENED,
        "updated_at": OPENED,
        "categories": ("6",) if number % 4 else ("2",),
        "regions": ("106000/해운대구",) if number % 4 else ("101000/강남구",),
        "career_min_years": 1 if number % 2 else None,
        "skills": ("간호사면허",) if number % 4 else ("Java", "Spring"),
    }
    return Posting(**(values | fields))


def test_only_members_and_activity_are_written_around_postings(tmp_path: Path) -> None:
    summary = generate(tmp_path, now=NOW, members=400, around=[_posting(n) for n in range(40)])
    assert sorted(summary.rows) == ["activity", "members"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["activity.csv", "members.csv"]
    assert {row["posting_id"] for row in rows_of(tmp_path / "activity.csv")} == {
        f"공고,{n}" for n in range(40)
    }


def test_members_look_for_what_the_catalogue_has(tmp_path: Path) -> None:
    generate(tmp_path, now=NOW, members=4_000, around=[_posting(n) for n in range(400)])
    wishes = Counter((row["categories"], row["regions"][:6]) for row in rows_of(tmp_path / "members.csv"))
    wishes.pop(("", ""))
    assert wishes.keys() == {("6", "106000"), ("2", "101000")}
    assert wishes["6", "106000"] / wishes.total() == pytest.approx(0.75, abs=0.05)


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "members.jsonl.gz").touch()
    with pytest.raises(FileExistsError):
        generate(tmp_path, now=NOW, members=50, around=[_posting(0)])


def test_nobody_sees_a_posting_before_it_opens_or_after_it_closes(tmp_path: Path) -> None:
    closed_at = NOW - timedelta(days=5)
    over = (NOW - timedelta(days=10)).date()
    postings = [
        _posting(0),
        _posting(1, opened_at=NOW + timedelta(days=1)),
        _posting(2, status=Status.CLOSED, updated_at=closed_at),
        _posting(3, deadline=over),
        _posting(4, deadline=(NOW - timedelta(days=40)).date()),
        _posting(5, deadline=over, deadline_time=time(18)),
    ]
    generate(tmp_path, now=NOW, members=800, around=postings)
    last: dict[str, str] = {}
    for row in rows_of(tmp_path / "activity.csv"):
        last[row["posting_id"]] = max(last.get(row["posting_id"], ""), row["occurred_at"])
    assert last.keys() == {"공고,0", "공고,2", "공고,3", "공고,5"}
    assert last["공고,2"] < "2026-11-16T09:30"
    assert last["공고,3"] < "2026-11-12T00:00"
    assert last["공고,5"] < "2026-11-11T18:00"


def test_postings_without_categories_regions_or_skills_will_do(tmp_path: Path) -> None:
    bare = [_posting(n, categories=(), regions=(), skills=(), career_min_years=None) for n in range(5)]
    summary = generate(tmp_path, now=NOW, members=100, around=bare)
    assert summary.rows["members"] == 100
    assert summary.rows["activity"] > 100


def test_postings_that_are_all_long_over_are_refused_with_the_way_out(tmp_path: Path) -> None:
    over = [_posting(0, opened_at=NOW - timedelta(days=750), deadline=(NOW - timedelta(days=720)).date())]
    with pytest.raises(
        ValueError, match=r"No posting was open in the 90 days before .*: shift the postings' dates\."
    ):
        generate(tmp_path / "out", now=NOW, members=10, around=over)
