"""Lists made from real activity, measured against a method in `reference`; skipped where the data is absent.

On a third of the members, so that it takes seconds; `proof` measures all of them, against every method.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from app.board.model import ActivityLog
from app.recommend.evaluation import RankedList, compare, evaluate
from app.recommend.options import Options
from app.recommend.recommender import fit
from app.recommend.scoring.weights import Weights
from tests.real_data import applications, reference, views
from tests.real_data.in_memory import Board, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.real_data.report import Report

DATA = Path(os.environ.get("CONNECTED_JOBS_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def converted(name: str, convert: Callable[[Path, Path], Report], out: Path) -> Board:
    if not (DATA / name).is_dir():
        pytest.skip(f"there is no {DATA / name}: set CONNECTED_JOBS_DATA to the folder that holds {name}/")
    convert(DATA / name, out)
    return load(out)


def a_third(whole: Board) -> Board:
    """A third of the members by chance, with what they did and the postings they did it with."""
    chosen = np.random.default_rng(0).random(len(whole.members)) < 1 / 3
    log = whole.activity
    keep = chosen[log.member]
    touched = np.zeros(len(whole.postings), np.bool_)
    touched[log.posting[keep]] = True
    member_at, posting_at = (np.cumsum(kept, dtype=np.int32) - 1 for kept in (chosen, touched))
    return Board(
        [posting for posting, kept in zip(whole.postings, touched, strict=True) if kept],
        [member for member, kept in zip(whole.members, chosen, strict=True) if kept],
        ActivityLog(member_at[log.member[keep]], posting_at[log.posting[keep]], log.kind[keep], log.at[keep]),
    )


def last_held_out(board: Board, *, at_least: int) -> tuple[Board, dict[str, set[str]]]:
    """The board less each member's last first-time posting, of members with at least so many postings."""
    log = board.activity
    hidden = np.zeros(len(log.member), np.bool_)
    held_out: dict[str, set[str]] = {}
    for member in np.unique(log.member).tolist():
        own = np.flatnonzero(log.member == member)
        postings = list(dict.fromkeys(log.posting[own].tolist()))
        if len(postings) >= at_least:
            hidden[own[log.posting[own] == postings[-1]]] = True
            held_out[board.members[member].id] = {board.postings[postings[-1]].id}
    return board.less(hidden), held_out


def ours(board: Board, members: Mapping[str, object], *, known: Weights | None) -> dict[str, RankedList]:
    """Lists with known weights, or with those the board teaches, which doubles the time."""
    model = fit(
        board.postings,
        board.member_ids,
        board.activity,
        board.profiles,
        now=NOW,
        options=Options(),
        known=known,
    )
    positions = [at for at, member in enumerate(board.member_ids) if member in members]
    ranked = model.rank(positions, board.profiles(positions))
    return {
        board.member_ids[at]: RankedList([each.posting_id for each in one], "personalized")
        for at, one in zip(positions, ranked, strict=True)
    }


def test_applications_are_found_better_than_by_members_with_the_same_history(tmp_path: Path) -> None:
    whole = converted("applications", applications.convert, tmp_path)
    board, held_out = last_held_out(a_third(whole), at_least=3)
    log = board.activity
    ones = np.ones(len(log.member))
    done = sparse.csr_array(
        (ones, (log.member, log.posting)), shape=(len(board.members), len(board.postings))
    )
    members = np.array([at for at, member in enumerate(board.member_ids) if member in held_out])
    found = reference.lists(reference.user_cosine(done, members), done, members, keep=50)
    theirs = {
        board.member_ids[at]: RankedList([board.postings[each].id for each in one], "reference")
        for at, one in zip(members.tolist(), found.tolist(), strict=True)
    }
    gain = compare(ours(board, held_out, known=Weights()), theirs, held_out)["recall@10"]
    assert gain.low > 0


def test_views_are_found_by_content_where_nobody_else_looked(tmp_path: Path) -> None:
    board, held_out = last_held_out(a_third(converted("views", views.convert, tmp_path)), at_least=2)
    measured = evaluate(ours(board, held_out, known=None), held_out, catalogue_size=len(board.postings))
    assert measured.metrics["recall@10"].value >= 0.45


def test_openings_rise_with_numbers_and_never_lie_after_a_view_of_the_posting() -> None:
    numbers = np.array([5, 10, 20, 30, 40])
    opened = views.openings(numbers, np.array([10, 30, 20, 40]), np.array([100.0, 300.0, 350.0, 400.0]))
    assert opened.tolist() == [100.0, 100.0, 200.0, 300.0, 400.0]
