"""What a caller of the generator may rely on."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.demo.generate import Summary, generate
from tests.unit.demo.conftest import NOW, rows_of

if TYPE_CHECKING:
    from pathlib import Path


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _small(out: Path, *, seed: int = 1) -> Summary:
    return generate(out, now=NOW, members=300, postings=100, seed=seed)


def test_the_same_seed_and_time_give_the_same_bytes(tmp_path: Path) -> None:
    _small(tmp_path / "a")
    _small(tmp_path / "b")
    assert list(_bytes(tmp_path / "a")) == ["activity.csv", "companies.csv", "members.csv", "postings.csv"]
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")


def test_another_seed_gives_another_board(tmp_path: Path) -> None:
    _small(tmp_path / "a")
    _small(tmp_path / "b", seed=2)
    one, other = _bytes(tmp_path / "a"), _bytes(tmp_path / "b")
    assert all(one[name] != other[name] for name in one)


def test_about_as_much_activity_as_asked_for(tmp_path: Path) -> None:
    few = generate(tmp_path / "few", now=NOW, members=2_000, postings=3_000, activities=20_000)
    many = generate(tmp_path / "many", now=NOW, members=2_000, postings=3_000, activities=40_000)
    assert few.rows["activity"] == pytest.approx(20_000, rel=0.25)
    assert many.rows["activity"] == pytest.approx(40_000, rel=0.25)


def test_progress_is_told_for_every_noun_up_to_its_end(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    generate(
        tmp_path, now=NOW, members=300, postings=100, progress=lambda noun, share: told.append((noun, share))
    )
    assert dict(told) == {"companies": 1.0, "postings": 1.0, "members": 1.0, "activity": 1.0}


@pytest.mark.parametrize("name", ["members.csv", "postings.jsonl", "activity.csv.gz"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(f"{name} is already there and is not overwritten")):
        _small(tmp_path)
    assert _bytes(tmp_path) == {name: b"mine"}


def test_a_failure_leaves_no_half_files(tmp_path: Path) -> None:
    def fail(noun: str, _share: float) -> None:
        if noun == "activity":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, now=NOW, members=300, postings=100, progress=fail)
    assert _bytes(tmp_path) == {}


def test_a_time_without_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no zone: give one"):
        generate(tmp_path, now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize(("members", "postings"), [(0, 10), (10, -1)])
def test_an_empty_board_is_refused(tmp_path: Path, members: int, postings: int) -> None:
    with pytest.raises(ValueError, match="cannot be generated: ask for at least 1"):
        generate(tmp_path, now=NOW, members=members, postings=postings)


def test_the_smallest_board_is_whole(tmp_path: Path) -> None:
    summary = generate(tmp_path, now=NOW, members=1, postings=1)
    assert {noun: summary.rows[noun] for noun in ("companies", "postings", "members")} == {
        "companies": 1,
        "postings": 1,
        "members": 1,
    }


def test_a_board_of_another_time_is_as_fresh(tmp_path: Path) -> None:
    later = NOW + timedelta(days=500)
    generate(tmp_path, now=later, members=300, postings=100)
    assert max(row["opened_at"] for row in rows_of(tmp_path / "postings.csv")) > "2028-04-01"
