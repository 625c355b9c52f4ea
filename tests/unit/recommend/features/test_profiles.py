"""What profiles say is factorised along with what members did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import Education, Member
from app.recommend.features.codes import Codes, codes_of
from app.recommend.incremental.saved_model import keep
from app.recommend.incremental.update import carry
from app.recommend.models.hyperparameters import Effort
from app.recommend.models.representations import factorizing, ground, learn
from app.recommend.progress import untold
from tests.unit.recommend.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.board.model import Posting
    from app.recommend.recommender import Model


def test_a_profile_is_its_texts_and_its_numbers_in_steps() -> None:
    member = Member(
        id="m",
        categories=("2",),
        regions=("101000/강남구",),
        skills=("Go",),
        career_years=3.1,
        education=Education.BACHELOR,
        desired_salary=40_000_000,
        salary_unit="KRW/year",
    )
    assert codes_of(member) == {
        "category 2",
        "region 101000",
        "region 101000/강남구",
        "skill go",
        "skill skill go",
        "career 3",
        f"education {int(Education.BACHELOR)}",
        "pay 53 KRW/year",
    }
    assert codes_of(replace(member, career_years=3.4)) == codes_of(member)
    assert codes_of(replace(member, desired_salary=400_000_000)) != codes_of(member)
    assert codes_of(Member(id="m")) == set()


def test_what_fewer_than_three_members_say_is_no_column() -> None:
    codes = Codes.learned([Member(id="m", categories=("2",), regions=("1",) * (at < 2)) for at in range(3)])
    assert list(codes.numbers) == ["category 2"]
    assert codes.rows([Member(id="m", regions=("1",)), Member(id="n", categories=("2",))]).toarray().tolist() == [
        [0],
        [1],
    ]  # fmt: skip


def test_without_columns_nobody_says_anything() -> None:
    assert Codes.learned([]).rows([Member(id="m", categories=("2",))]).shape == (1, 0)


@pytest.fixture(scope="module")
def crowd_model(crowd: Any) -> Model:
    """A model of a board that is too small for it, with profiles all the same."""
    model: Model = crowd.fit()
    past = model.evidence.history
    effort = Effort(models=2, factors=16, rounds=4, more_rounds=2, steps=2, profiles=True)
    nobody = np.zeros(0, np.int32)
    said = ground(past, crowd.postings, crowd.profiles, effort=effort, seed=0, strangers=nobody)
    with factorizing(past, said, effort=effort, seed=0, progress=untold) as begun:
        models = list(begun)
    return replace(model, evidence=learn(past, model.stock, said, models, much=effort.much))


def test_all_profiles_are_read_for_it_on_a_board_that_is_neither_tiny_nor_large() -> None:
    sizes = [(1_000, 8_000), (10_000, 8_000), (15_000, 8_000)]
    assert [Effort.for_size(*size).profiles for size in sizes] == [False, True, False]


def test_on_a_large_board_no_panel_is_asked_about_who_did_much() -> None:
    small, large = Effort.for_size(10_000, 8_000), Effort.for_size(90_000, 20_000)
    assert small.much > 1_000_000 > large.much


def test_a_kept_model_with_codes_ranks_as_it_did_to_the_last_bit(crowd: Any, crowd_model: Model) -> None:
    carried = carry(keep(crowd_model, crowd.postings), crowd.postings, now=NOW)
    again = carried.about(crowd.activity, crowd.members)
    everybody = range(len(crowd.members))
    assert again.rank(everybody, crowd.members) == crowd_model.rank(everybody, crowd.members)
    assert again.evidence.members.tobytes() == crowd_model.evidence.members.tobytes()


def test_a_new_posting_is_carried_beside_the_codes(
    crowd: Any, crowd_model: Model, new_posting: Callable[..., Posting]
) -> None:
    postings = [*crowd.postings, new_posting(360, opened_at=NOW)]
    carried = carry(keep(crowd_model, crowd.postings), postings, now=NOW)
    again = carried.about(crowd.activity, crowd.members)
    assert again.evidence.members.tobytes() == crowd_model.evidence.members.tobytes()
    assert "p0360" in carried.open_ids()


def test_a_taste_follows_from_what_a_member_did_and_says_and_is_none_where_they_did_nothing(
    crowd: Any, crowd_model: Model
) -> None:
    evidence = crowd_model.evidence
    past = evidence.history

    def factors(people: list[Member], *, idle: int = -1) -> np.ndarray[Any, Any]:
        some = past.without(past.member == idle)
        about = evidence.about(some, people, evidence.side(), crowd_model.stock.shown, show_viewed=False)
        return about.members

    assert evidence.said.any()
    assert factors(crowd.members).tobytes() == evidence.members.tobytes()
    other = next(one for one in crowd.members if one.categories != crowd.members[0].categories)
    changed = factors([replace(other, id="p"), *crowd.members[1:]])
    assert not np.array_equal(changed[0], evidence.members[0])
    assert changed[1:].tobytes() == evidence.members[1:].tobytes()
    assert not factors(crowd.members, idle=0)[0].any()
