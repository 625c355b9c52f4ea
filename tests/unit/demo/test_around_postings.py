"""Members and activity around postings that are already there."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.demo.generate import generate
from app.demo.read import read_postings
from tests.unit.demo.conftest import NOW, rows_of

if TYPE_CHECKING:
    from pathlib import Path

OPENED = (NOW - timedelta(days=20)).isoformat()


def _posting(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"공고,{number}",
        "title": "간호사",
        "company_id": f"c{number % 7}",
        "url": "https://board.test/1",
        "opened_at": OPENED,
        "categories": ["6"] if number % 4 else ["2"],
        "regions": ["106000/해운대구"] if number % 4 else ["101000/강남구"],
        "career_min_years": 1 if number % 2 else None,
        "skills": ["간호사면허"] if number % 4 else ["Java", "Spring"],
    } | fields


def _write(folder: Path, postings: list[dict[str, Any]], form: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"postings.{form}"
    with gzip.open(path, "wt", newline="") if form.endswith(".gz") else path.open("w", newline="") as text:
        if "jsonl" in form:
            text.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in postings)
            return
        out = csv.DictWriter(text, postings[0].keys())
        out.writeheader()
        out.writerows(
            {k: "|".join(v) if isinstance(v, list) else v for k, v in row.items()} for row in postings
        )


@pytest.mark.parametrize("form", ["csv", "jsonl", "csv.gz", "jsonl.gz"])
def test_postings_are_read_in_every_form_of_the_import(tmp_path: Path, form: str) -> None:
    _write(tmp_path / "board", [_posting(n) for n in range(40)], form)
    summary = generate(tmp_path / "out", now=NOW, members=400, postings_from=tmp_path / "board")
    assert sorted(summary.rows) == ["activity", "members"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["activity.csv", "members.csv"]
    viewed = {row["posting_id"] for row in rows_of(tmp_path / "out" / "activity.csv")}
    assert viewed == {f"공고,{n}" for n in range(40)}


def test_members_look_for_what_the_catalogue_has(tmp_path: Path) -> None:
    _write(tmp_path, [_posting(n) for n in range(400)], "csv")
    generate(tmp_path, now=NOW, members=4_000, postings_from=tmp_path)
    wishes = Counter((row["categories"], row["regions"][:6]) for row in rows_of(tmp_path / "members.csv"))
    wishes.pop(("", ""))
    assert wishes.keys() == {("6", "106000"), ("2", "101000")}
    assert wishes["6", "106000"] / wishes.total() == pytest.approx(0.75, abs=0.05)


def test_the_folder_of_the_postings_may_take_the_rest(tmp_path: Path) -> None:
    _write(tmp_path, [_posting(n) for n in range(10)], "csv")
    before = (tmp_path / "postings.csv").read_bytes()
    generate(tmp_path, now=NOW, members=50, postings_from=tmp_path / "postings.csv")
    assert (tmp_path / "postings.csv").read_bytes() == before
    with pytest.raises(FileExistsError):
        generate(tmp_path, now=NOW, members=50, postings_from=tmp_path)


def test_nobody_sees_a_posting_before_it_opens_or_after_it_closes(tmp_path: Path) -> None:
    closed_at = NOW - timedelta(days=5)
    over = (NOW - timedelta(days=10)).date()
    _write(
        tmp_path,
        [
            _posting(0),
            _posting(1, opened_at=(NOW + timedelta(days=1)).isoformat()),
            _posting(2, status="closed", updated_at=closed_at.isoformat()),
            _posting(3, deadline=over.isoformat()),
            _posting(4, deadline=(NOW - timedelta(days=40)).date().isoformat()),
        ],
        "jsonl",
    )
    generate(tmp_path, now=NOW, members=500, postings_from=tmp_path)
    last: dict[str, str] = {}
    for row in rows_of(tmp_path / "activity.csv"):
        last[row["posting_id"]] = max(last.get(row["posting_id"], ""), row["occurred_at"])
    assert last.keys() == {"공고,0", "공고,2", "공고,3"}
    assert last["공고,2"] < "2026-11-16T09:30"
    assert last["공고,3"] < "2026-11-12T00:00"


def test_rows_that_the_import_will_refuse_are_left_out(tmp_path: Path) -> None:
    broken = [
        {"opened_at": "yesterday"},
        {"opened_at": "2026-11-01T09:00:00"},
        {"id": ""},
        {"deadline": "soon"},
        {"status": "new"},
    ]
    _write(tmp_path, [_posting(0), *(_posting(n, **fields) for n, fields in enumerate(broken, 1))], "jsonl")
    with (tmp_path / "postings.jsonl").open("a") as text:
        text.write('not json\n["a list"]\n')
    assert [posting.id for posting in read_postings(tmp_path)] == ["공고,0"]


def test_of_postings_with_one_id_the_last_counts(tmp_path: Path) -> None:
    _write(tmp_path, [_posting(0), _posting(0, title="약사")], "csv")
    assert [posting.title for posting in read_postings(tmp_path)] == ["약사"]


def test_postings_without_categories_regions_or_skills_will_do(tmp_path: Path) -> None:
    bare = ("id", "title", "company_id", "url", "opened_at")
    _write(tmp_path, [{key: _posting(n)[key] for key in bare} for n in range(5)], "csv")
    summary = generate(tmp_path, now=NOW, members=100, postings_from=tmp_path)
    assert summary.rows["members"] == 100
    assert summary.rows["activity"] > 100


def test_postings_that_are_all_long_over_are_refused_with_the_way_out(tmp_path: Path) -> None:
    _write(tmp_path, [_posting(0, opened_at="2024-11-01T09:00:00+09:00", deadline="2024-12-01")], "csv")
    with pytest.raises(
        ValueError, match=r"No posting was open in the 90 days before .*: shift the postings' dates\."
    ):
        generate(tmp_path / "out", now=NOW, members=10, postings_from=tmp_path)


def test_a_folder_without_postings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"holds no postings file: put postings\.csv or postings\.jsonl there"
    ):
        generate(tmp_path / "out", now=NOW, members=10, postings_from=tmp_path)


def test_a_file_without_good_rows_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, [_posting(0, opened_at="")], "csv")
    with pytest.raises(ValueError, match="holds no posting with an id and an opened_at time"):
        generate(tmp_path / "out", now=NOW, members=10, postings_from=tmp_path)


def test_postings_cannot_be_generated_around_postings(tmp_path: Path) -> None:
    _write(tmp_path, [_posting(0)], "csv")
    with pytest.raises(ValueError, match="postings cannot be generated here: choose among members, activity"):
        generate(tmp_path / "out", now=NOW, members=10, postings_from=tmp_path, nouns=["postings"])
