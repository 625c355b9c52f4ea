"""What is held out of outside data, on rows made up here."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from tests.real_data.hold_out import HOLDOUT, hold_out, last_of_each, of_strangers

if TYPE_CHECKING:
    from pathlib import Path


def rows(pairs: str, times: str = "") -> list[dict[str, str]]:
    """Rows of pairs such as "a1 a2", each with a digit for its time where times are given."""
    found = [{"member_id": pair[0], "posting_id": pair[1]} for pair in pairs.split()]
    for row, time in zip(found, times, strict=False):
        row["viewed_at"] = time
    return found


def test_the_last_row_of_each_member_with_enough_postings_is_held_out() -> None:
    assert last_of_each(rows("a1 b1 a2 a3 b2 a1"), at_least=3) == {("a", "3")}


def test_with_times_the_last_first_time_view_is_held_out_whatever_the_order_of_rows() -> None:
    assert last_of_each(rows("a3 a1 a2 a1", "3149"), at_least=2) == {("a", "2")}


def test_of_strangers_everything_is_held_out() -> None:
    everything = rows("a1 a2 b1 c1 d1 e1 e2")
    held = of_strangers(everything, 0)
    members = {member for member, _ in held}
    assert len(members) == 1
    assert held == {
        (row["member_id"], row["posting_id"]) for row in everything if row["member_id"] in members
    }


def test_the_folder_made_has_every_row_but_those_held_out_and_says_which_they_are(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "applications.csv").write_text("member_id,posting_id\na,1\na,2\na,3\nb,1\n", encoding="utf-8")
    (source / "members.csv").write_text("anything", encoding="utf-8")
    assert hold_out("applications", source, tmp_path / "out") == 1
    with (tmp_path / "out" / "applications.csv").open(encoding="utf-8") as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [("a", "1"), ("a", "2"), ("b", "1")]
    assert (tmp_path / "out" / HOLDOUT).read_text(encoding="utf-8").split() == ["member_id,posting_id", "a,3"]
    assert (tmp_path / "out" / "members.csv").read_text(encoding="utf-8") == "anything"
