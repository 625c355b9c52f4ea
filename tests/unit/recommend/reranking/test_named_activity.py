"""What reasons name, in words that fit in a line of a mail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.model import ActivityKind, Status
from app.recommend.reasons import Reason
from app.recommend.reranking.named_activity import LONGEST, NAMED, drop_same_names, posting_name, shorten
from app.serving.labels import naming
from tests.unit.recommend.conftest import posting

if TYPE_CHECKING:
    from app.recommend.recommender import Recommender


@pytest.mark.parametrize(
    ("title", "regions", "name"),
    [
        ("지게차 운전원", ("108000",), "지게차 운전원 (인천)"),
        ("지게차 운전원 (인천)", ("108000",), "지게차 운전원 (인천)"),
        ("[급구] [주5일] 인천 운전원 (4~11년) (교대)", ("108000",), "인천 운전원"),
        ("(교대)", (), "(교대)"),
        (" 지게차\n\t운전원\x00 ", (), "지게차 운전원"),
        ("가" * 40, ("101000/강남구",), "가" * 21 + "… (서울 강남구)"),
        ("Forklift driver", ("CA/San Jose",), "Forklift driver (CA San Jose)"),
        ("지".encode().decode(), (), "지"),
    ],
)
def test_a_posting_is_named_by_its_title_and_place(title: str, regions: tuple[str, ...], name: str) -> None:
    assert posting_name(posting(0, title=title, regions=regions)) == name


@pytest.mark.parametrize("sign", ["👩‍💻", "🇰🇷", "👍🏽", "e\u0301", "한", "☎️"])
def test_a_long_title_is_cut_between_characters_as_people_see_them(sign: str) -> None:
    assert shorten(sign * 40) == sign * (LONGEST - 1) + "…"
    assert shorten("가" + sign * 40) == "가" + sign * (LONGEST - 2) + "…"


@given(st.text(max_size=80))
def test_any_title_has_a_short_name_without_line_breaks(title: str) -> None:
    name = posting_name(posting(0, title=title, regions=()))
    assert len(name.splitlines()) <= 1
    assert "\x1f" not in name


def test_no_particle_depends_on_how_a_name_ends() -> None:
    """Behind the name stands a noun of ours, which takes the particle."""
    for name in ("개발", "개발자", "PM", "3년", "(인천)"):
        for reason in (Reason.SIMILAR_TO_APPLIED, Reason.SIMILAR_TO_SCRAPPED, Reason.SIMILAR_TO_VIEWED):
            behind = naming("ko", reason, name).split(f"'{name}' ")[1]
            assert behind == "공고와 비슷해요"


def test_of_postings_that_are_called_the_same_the_newest_may_be_named() -> None:
    anchors = np.array([[3, 1, 2, -1], [2, 2, -1, -1], [1, 2, 3, 4], [-1, -1, -1, -1]])
    names = {1: "운전원 (인천)", 2: "정비원", 3: "운전원 (인천)", 4: "조리원"}
    assert drop_same_names(anchors, names).tolist() == [
        [3, -1, 2, -1],
        [2, -1, -1, -1],
        [1, 2, -1, 4],
        [-1, -1, -1, -1],
    ]


def test_named_is_what_the_member_applied_to_and_no_name_is_told_all_the_time(
    model: Recommender, board: Any
) -> None:
    past = board.activity
    by_id = {each.id: at for at, each in enumerate(board.postings)}
    varied = 0
    for at, ranked in enumerate(model.rank(range(50), board.members[:50])):
        mine = past.posting[(past.member == at) & (past.kind == ActivityKind.APPLY)].tolist()
        named = [each.anchor for each in ranked if each.anchor]
        assert {by_id[anchor.posting_id] for anchor in named} <= set(mine)
        assert all(each.anchor is None for each in ranked[NAMED:])
        assert all(each.reason == Reason.SIMILAR_TO_APPLIED for each in ranked if each.anchor)
        assert all(named.count(anchor) <= 3 for anchor in named)
        varied += len({anchor.name for anchor in named}) > 1
    assert varied > 25


def test_a_hidden_posting_is_never_named(board: Any) -> None:
    hidden = [replace(each, status=Status.HIDDEN) for each in board.postings[:40]]
    shown = board.postings[40:]
    model = replace(board, postings=[*hidden, *shown]).fit()
    named = {
        each.anchor.posting_id
        for ranked in model.rank(range(50), board.members[:50])
        for each in ranked
        if each.anchor
    }
    assert named
    assert not named & {each.id for each in hidden}
