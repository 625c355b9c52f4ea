"""What profiles say is factorised along with what members did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.recommend.incremental.saved_model import SavedModel
from app.recommend.incremental.update import update
from app.recommend.models.hyperparameters import Hyperparameters
from app.recommend.models.representations import fit_representations, start_als
from app.recommend.models.side_information import read_side_information
from app.recommend.parallel import no_progress
from tests.unit.recommend.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.board.model import Member, Posting
    from app.recommend.recommender import Recommender


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


def test_a_kept_model_with_codes_ranks_as_it_did_to_the_last_bit(
    crowd: Any, crowd_model: Recommender
) -> None:
    updated = update(SavedModel.of(crowd_model, crowd.postings), crowd.postings, now=NOW)
    again = updated.fold_in(crowd.activity, crowd.members)
    everybody = range(len(crowd.members))
    assert again.rank(everybody, crowd.members) == crowd_model.rank(everybody, crowd.members)
    assert (
        again.representations.member_factors.tobytes() == crowd_model.representations.member_factors.tobytes()
    )


def test_a_new_posting_is_carried_beside_the_codes(
    crowd: Any, crowd_model: Recommender, new_posting: Callable[..., Posting]
) -> None:
    postings = [*crowd.postings, new_posting(360, opened_at=NOW)]
    updated = update(SavedModel.of(crowd_model, crowd.postings), postings, now=NOW)
    again = updated.fold_in(crowd.activity, crowd.members)
    assert (
        again.representations.member_factors.tobytes() == crowd_model.representations.member_factors.tobytes()
    )
    assert "p0360" in updated.open_ids()


def test_a_taste_follows_from_what_a_member_did_and_says_and_is_none_where_they_did_nothing(
    crowd: Any, crowd_model: Recommender
) -> None:
    representations = crowd_model.representations
    interactions = representations.interactions

    def factors(people: list[Member], *, idle: int = -1) -> np.ndarray[Any, Any]:
        some = interactions.without(interactions.member == idle)
        folded_in = representations.fold_in(
            some, people, representations.gram_basis(), crowd_model.catalogue.shown, show_viewed=False
        )
        return folded_in.member_factors

    assert representations.profile_feature_factors.any()
    assert factors(crowd.members).tobytes() == representations.member_factors.tobytes()
    other = next(one for one in crowd.members if one.categories != crowd.members[0].categories)
    changed = factors([replace(other, id="p"), *crowd.members[1:]])
    assert not np.array_equal(changed[0], representations.member_factors[0])
    assert changed[1:].tobytes() == representations.member_factors[1:].tobytes()
    assert not factors(crowd.members, idle=0)[0].any()
