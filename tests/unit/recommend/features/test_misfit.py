"""Plain misfits come after what suits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import Education, Member
from app.recommend.features.misfit import hold_back, is_misfit, near_areas
from app.recommend.profile_ranker import ProfileRanker
from app.recommend.scoring.weights import Weights
from tests.unit.recommend.conftest import NOW, posting

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")


@pytest.mark.parametrize(
    ("years", "low", "high", "missed"),
    [
        (0, 5, 10, True),
        (0, 2, NAN, False),
        (0, 2.5, NAN, True),
        (12, 0, 0, True),
        (12, NAN, 3, True),
        (5, 0, 3, False),
        (12, 5, NAN, False),
        (NAN, 5, 10, False),
        (0, NAN, NAN, False),
    ],
)
def test_a_career_missed_by_more_than_two_years_misfits(
    years: float,
    low: float,
    high: float,
    missed: bool,  # noqa: FBT001 - a value of the table
) -> None:
    asked = {"low": low, "high": high, "education": NAN}
    found = is_misfit(years, NAN, **{name: np.array([each], np.float32) for name, each in asked.items()})
    assert found.tolist() == [missed]


def test_more_education_than_the_member_has_misfits_and_what_is_not_known_does_not() -> None:
    education = np.array([0, 3, 4, NAN], np.float32)
    nothing = np.full(4, NAN, np.float32)
    assert is_misfit(NAN, 3.0, low=nothing, high=nothing, education=education).tolist() == [
        False,
        False,
        True,
        False,
    ]
    assert not is_misfit(NAN, NAN, low=nothing, high=nothing, education=education).any()


def test_areas_are_near_to_themselves_their_neighbours_and_the_whole_country() -> None:
    numbers = {"101000": 0, "102000": 1, "106000": 2, "117000": 3, "NY": 4}
    near = near_areas(numbers).toarray()
    assert near[0].tolist() == [1, 1, 0, 1, 0]
    assert near[4].tolist() == [0, 0, 0, 1, 1]


def test_the_unfit_come_last_and_what_is_far_after_all_that_is_suitable() -> None:
    scores = np.array([9, 8, 5, 3, 4, 7, 2], np.float32)
    is_unfit = np.array([1, 0, 0, 0, 0, 0, 0], np.bool_)
    far = np.array([0, 1, 0, 0, 0, 1, 0], np.bool_)
    in_field = np.array([1, 1, 1, 1, 0, 1, 0], np.bool_)
    held = hold_back(scores, np.zeros(7, np.int64), is_misfit=is_unfit, far=far, in_field=in_field)
    assert np.argsort(-held, kind="stable").tolist() == [2, 4, 3, 1, 6, 5, 0]


def test_no_member_moves_another_and_nothing_moves_where_nothing_suitable_is_within_reach() -> None:
    row = np.array([0, 0, 1, 1])
    scores = np.array([5, 1, 5, 1], np.float32)
    far = np.array([1, 0, 1, 0], np.bool_)
    in_field = np.array([1, 1, 1, 0], np.bool_)
    held = hold_back(scores, row, is_misfit=np.zeros(4, np.bool_), far=far, in_field=in_field)
    assert held[0] < held[1] == 1
    assert held[2:].tolist() == [5, 1]


def test_a_newcomer_is_shown_what_they_can_apply_to_while_there_is_any(new_board: Callable[..., Any]) -> None:
    board = new_board()
    asked = [
        replace(each, career_min_years=0.0 if number % 3 else 7.0, education=Education(number % 4))
        for number, each in enumerate(board.postings)
    ]
    members = [replace(each, career_years=0.0, education=Education.ASSOCIATE) for each in board.members]
    model = replace(board, postings=asked, members=members).fit()
    by_id = {each.id: each for each in asked}
    for member, ranked in zip(members, model.rank(range(60), members), strict=True):
        misfits = [
            (by_id[each.posting_id].career_min_years or 0) > 2
            or by_id[each.posting_id].education == Education.BACHELOR
            for each in ranked
        ]
        assert misfits == sorted(misfits), member.id


def test_who_came_after_the_refresh_is_shown_what_suits_first_too() -> None:
    local = [posting(number, regions=("102000/김포시",)) for number in range(0, 12, 2)]
    far = [posting(number, regions=("110000/창원시",), opened_at=NOW) for number in range(20, 60, 2)]
    senior = [
        posting(number, regions=("102000/김포시",), career_min_years=9.0) for number in range(80, 90, 2)
    ]
    member = Member(
        id="m", categories=("2",), regions=("102000/김포시",), career_years=1.0, education=Education.BACHELOR
    )
    ranked = ProfileRanker([*local, *far, *senior], {}, Weights()).rank(member, now=NOW)
    by_id = {each.id: each for each in [*local, *far, *senior]}
    shown = [by_id[each.posting_id] for each in ranked]
    assert {each.id for each in shown[:6]} == {each.id for each in local}
    assert all(each.career_min_years == 9.0 for each in shown[-5:])
