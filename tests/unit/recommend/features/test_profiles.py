"""What profiles say is factorised along with what members did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import Education, Member
from app.recommend.features.codes import ProfileOneHotEncoder, codes_of
from app.recommend.incremental.saved_model import keep
from app.recommend.incremental.update import carry
from app.recommend.models.hyperparameters import Hyperparameters
from app.recommend.models.representations import fit_representations, read_side_information, start_als
from app.recommend.progress import no_progress
from tests.unit.recommend.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.board.model import Posting
    from app.recommend.recommender import Recommender


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
    codes = ProfileOneHotEncoder.fit(
        [Member(id="m", categories=("2",), regions=("1",) * (at < 2)) for at in range(3)]
    )
    assert list(codes.numbers) == ["category 2"]
    assert codes.transform([Member(id="m", regions=("1",)), Member(id="n", categories=("2",))]).toarray().tolist() == [
        [0],
        [1],
    ]  # fmt: skip


def test_without_columns_nobody_says_anything() -> None:
    assert ProfileOneHotEncoder.fit([]).transform([Member(id="m", categories=("2",))]).shape == (1, 0)


@pytest.fixture(scope="module")
def crowd_model(crowd: Any) -> Recommender:
    """A model of a board that is too small for it, with profiles all the same."""
    model: Recommender = crowd.fit()
    interactions = model.representations.interactions
    hyperparameters = Hyperparameters(
        models=2, factors=16, rounds=4, warm_rounds=2, steps=2, with_profiles=True
    )
    nobody = np.zeros(0, np.int32)
    said = read_side_information(
        interactions,
        crowd.postings,
        crowd.profiles,
        hyperparameters=hyperparameters,
        seed=0,
        cold_members=nobody,
    )
    with start_als(
        interactions, said, hyperparameters=hyperparameters, seed=0, progress=no_progress
    ) as started:
        models = list(started)
    return replace(
        model,
        representations=fit_representations(
            interactions, model.catalogue, said, models, cold_start_below=hyperparameters.cold_start_below
        ),
    )


def test_all_profiles_are_read_for_it_on_a_board_that_is_neither_tiny_nor_large() -> None:
    sizes = [(1_000, 8_000), (10_000, 8_000), (15_000, 8_000)]
    assert [Hyperparameters.for_size(*size).with_profiles for size in sizes] == [False, True, False]


def test_on_a_large_board_no_panel_is_asked_about_who_did_much() -> None:
    small, large = Hyperparameters.for_size(10_000, 8_000), Hyperparameters.for_size(90_000, 20_000)
    assert small.cold_start_below > 1_000_000 > large.cold_start_below


def test_a_kept_model_with_codes_ranks_as_it_did_to_the_last_bit(
    crowd: Any, crowd_model: Recommender
) -> None:
    carried = carry(keep(crowd_model, crowd.postings), crowd.postings, now=NOW)
    again = carried.about(crowd.activity, crowd.members)
    everybody = range(len(crowd.members))
    assert again.rank(everybody, crowd.members) == crowd_model.rank(everybody, crowd.members)
    assert again.representations.members.tobytes() == crowd_model.representations.members.tobytes()


def test_a_new_posting_is_carried_beside_the_codes(
    crowd: Any, crowd_model: Recommender, new_posting: Callable[..., Posting]
) -> None:
    postings = [*crowd.postings, new_posting(360, opened_at=NOW)]
    carried = carry(keep(crowd_model, crowd.postings), postings, now=NOW)
    again = carried.about(crowd.activity, crowd.members)
    assert again.representations.members.tobytes() == crowd_model.representations.members.tobytes()
    assert "p0360" in carried.open_ids()


def test_a_taste_follows_from_what_a_member_did_and_says_and_is_none_where_they_did_nothing(
    crowd: Any, crowd_model: Recommender
) -> None:
    representations = crowd_model.representations
    interactions = representations.interactions

    def factors(people: list[Member], *, idle: int = -1) -> np.ndarray[Any, Any]:
        some = interactions.without(interactions.member == idle)
        about = representations.about(
            some, people, representations.side(), crowd_model.catalogue.shown, show_viewed=False
        )
        return about.members

    assert representations.said.any()
    assert factors(crowd.members).tobytes() == representations.members.tobytes()
    other = next(one for one in crowd.members if one.categories != crowd.members[0].categories)
    changed = factors([replace(other, id="p"), *crowd.members[1:]])
    assert not np.array_equal(changed[0], representations.members[0])
    assert changed[1:].tobytes() == representations.members[1:].tobytes()
    assert not factors(crowd.members, idle=0)[0].any()
