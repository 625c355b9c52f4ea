"""Whom the demo's digests go to, and when they are said to have gone out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.cli.demo.board import GeneratedBoard
from app.cli.demo.mail import DIGESTS, sent_at, spread

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)  # half past one of the first of December in Seoul


def test_a_digest_is_dated_weeks_before_the_board_at_ten_in_seoul() -> None:
    assert [sent_at(NOW, digest.weeks_ago).isoformat() for digest in DIGESTS] == [
        "2026-11-17T10:00:00+09:00",
        "2026-11-24T10:00:00+09:00",
    ]


def test_an_experiment_ends_before_the_next_begins_and_the_last_goes_on() -> None:
    first, last = DIGESTS
    assert first.weeks_ago - first.lasts_weeks >= last.weeks_ago
    assert last.weeks_ago < last.lasts_weeks


def test_members_are_taken_at_even_distances_and_all_where_they_are_few() -> None:
    members = [f"m-{number}" for number in range(10)]
    assert spread(members, 5) == members[::2]
    assert spread(members, 3) == ["m-0", "m-3", "m-6"]
    assert spread(members, 100) == members
    assert spread([], 5) == []


def test_what_a_board_was_made_of_is_known_for_its_own_database_and_until_it_is_made_anew(
    tmp_path: Path,
) -> None:
    made = GeneratedBoard(database="demo_a", members=5, postings=7, seed=1, made_at=NOW, around=False)
    assert GeneratedBoard.read(tmp_path, "demo_a") is None
    made.write(tmp_path)
    assert GeneratedBoard.read(tmp_path, "demo_a") == made
    assert GeneratedBoard.read(tmp_path, "demo_b") is None
    assert not made.is_mailed(tmp_path)
    made.note_mailed(tmp_path)
    assert made.is_mailed(tmp_path)
    anew = GeneratedBoard(
        database="demo_a", members=5, postings=7, seed=1, made_at=NOW.replace(hour=17), around=False
    )
    assert not anew.is_mailed(tmp_path)
