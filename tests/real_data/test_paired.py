"""What is held out, and how two files of ranks are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.board.model import ActivityLog
from tests.real_data.paired import ABSENT, chosen, compared, interval

if TYPE_CHECKING:
    from pathlib import Path


def log_of(*pairs: tuple[int, int]) -> ActivityLog:
    """Views of (member, posting), one after the other."""
    member, posting = (np.array(side, np.int32) for side in zip(*pairs, strict=True))
    return ActivityLog(member, posting, np.ones(len(pairs), np.int8), np.arange(len(pairs), dtype=np.int64))


LOG = log_of((0, 4), (0, 2), (0, 4), (1, 3), (2, 1), (2, 0), (2, 5))


def test_the_last_posting_that_a_member_came_to_for_the_first_time_is_held_out() -> None:
    held = chosen(LOG, random=None, at_least=2, members=None)
    assert held.tolist() == [[0, 2], [2, 5]]


def test_a_random_posting_is_one_of_the_members_own_and_the_same_for_the_same_seed() -> None:
    own = {(0, 4), (0, 2), (2, 1), (2, 0), (2, 5)}
    drawn = [chosen(LOG, random=seed, at_least=2, members=None).tolist() for seed in range(20)]
    assert {tuple(pair) for held in drawn for pair in held} == own
    assert drawn[3] == chosen(LOG, random=3, at_least=2, members=None).tolist()


def test_no_more_members_are_drawn_than_asked_for() -> None:
    assert len(chosen(LOG, random=None, at_least=1, members=2)) == 2


def ranks(folder: Path, *places: int) -> None:
    folder.mkdir()
    columns = {name: np.array(places, np.int16) for name in ("by_id", "by_job")}
    np.savez(
        folder / "one.npz",
        member=np.arange(len(places)),
        new_job=np.arange(len(places)) > 0,
        **columns,  # type: ignore[arg-type]
    )


def test_places_are_compared_member_by_member(tmp_path: Path) -> None:
    ranks(tmp_path / "before", 0, 12, ABSENT, 9)
    ranks(tmp_path / "after", 0, 3, ABSENT, 10)
    rows = {line.split(" | ")[0]: line for line in compared(tmp_path / "before", tmp_path / "after")}
    assert rows["| Recall@10"].startswith("| Recall@10 | 4 | 0.5000 | 0.5000 | +0.0000 (")
    assert rows["| Recall@20"].startswith("| Recall@20 | 4 | 0.7500 | 0.7500 | +0.0000 (+0.0000 to +0.0000)")
    assert rows["| Recall@10, by job"].startswith("| Recall@10, by job | 3 | 0.3333 | 0.3333 ")


def test_the_interval_draws_members_with_all_their_rows() -> None:
    assert interval(np.array([1, 1, 2, 2]), np.array([1.0, -1.0, 1.0, -1.0])) == (0.0, 0.0)


def test_folders_with_nothing_in_common_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"No \*\.npz is in"):
        compared(tmp_path, tmp_path)
