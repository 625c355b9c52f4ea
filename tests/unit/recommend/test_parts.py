"""The parts that lists are made with, each against its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from app.board.model import ActivityLog, Kind
from app.recommend.features.tokens import tokenise
from app.recommend.interactions import build_interactions
from app.recommend.models import als as factors_module
from app.recommend.models.als import (
    GramBasis,
    conjugate_gradient,
    fit_als,
    merge_models,
    random_factors,
    solve_each,
)
from app.recommend.reranking.company_spread import spread, spread_rows
from app.recommend.reranking.congestion import prices
from app.recommend.scoring.pairs import pairs_of
from app.recommend.scoring.signals import Scored
from app.recommend.scoring.weight_learning import HEAD, TrainingBlock, fit_weights, training_block
from app.recommend.scoring.weights import Signal
from app.recommend.sparse import top_entries_per_row
from app.recommend.topk import top_k

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("백엔드 개발자", {"백엔드", "백엔", "엔드", "개발자", "개발", "발자"}),
        ("C++/Node.js", {"c++", "node.js"}),
        ("MD 10년", {"md", "10", "년"}),
        ("  ", set()),
        ("Engineer.", {"engineer"}),
    ],
)
def test_words_are_whole_words_and_pairs_of_korean_syllables(text: str, expected: set[str]) -> None:
    assert tokenise(text) == expected


@pytest.mark.parametrize("factors", [3, 12], ids=["more pairs than factors", "fewer"])
def test_a_solved_row_is_the_minimum_of_the_weighted_squares(factors: int) -> None:
    random = np.random.default_rng(0)
    others = random.normal(size=(20, factors)).astype(np.float32)
    columns, weight, penalty = np.array([1, 4, 7, 9, 15]), np.array([3.0, 1.0, 8.0, 0.5, 2.0]), 0.7
    row = sparse.csr_array((weight.astype(np.float32), (np.zeros(5, int), columns)), shape=(1, 20))
    confidence, target = np.ones(20), np.zeros(20)
    confidence[columns] += weight
    target[columns] = 1
    system = (others.T * confidence) @ others + penalty * 5 * np.eye(factors)
    by_hand = np.linalg.solve(system, (others.T * confidence) @ target)
    assert solve_each(row, GramBasis.of(others), penalty)[0] == pytest.approx(by_hand, rel=1e-3, abs=1e-4)


def test_factors_of_nearly_the_same_history_are_a_head_start() -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((60, 40)) < 0.2).astype(np.float32) * 5)
    before = sparse.csr_array(done * (random.random((60, 40)) < 0.98))
    by_chance = random_factors((40, 4), seed=0)
    start = fit_als(before, by_chance, penalty=1.0, rounds=30, steps=2)

    def products(start: NDArray[np.float32], rounds: int) -> NDArray[np.float32]:
        postings = fit_als(done, start, penalty=1.0, rounds=rounds, steps=2)
        return np.asarray(solve_each(done, GramBasis.of(postings), 1.0) @ postings.T)

    end = products(start, 100)
    near, far = (np.abs(products(each, 2) - end).mean() for each in (start, by_chance))
    assert near < far / 2


def test_a_row_without_pairs_has_no_taste() -> None:
    empty = sparse.csr_array(np.zeros((2, 4), np.float32))
    start = random_factors((4, 3), seed=0)
    assert not solve_each(empty, GramBasis.of(start), 1.0).any()
    assert not conjugate_gradient(empty, np.ones((2, 3), np.float32), start, 1.0, steps=2).any()
    assert not fit_als(empty, start, penalty=1.0, rounds=2, steps=2).any()


def test_steps_of_conjugate_gradients_come_to_what_solving_gives() -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((60, 40)) < 0.2).astype(np.float32) * 5)
    others = random.normal(size=(40, 16)).astype(np.float32)
    solved, nothing = solve_each(done, GramBasis.of(others), 1.0), np.zeros((60, 16), np.float32)
    one, two, many = (
        np.abs(conjugate_gradient(done, nothing, others, 1.0, steps=steps) - solved).max()
        for steps in (1, 2, 16)
    )
    assert many < 1e-4 < two < one


def test_a_few_steps_in_each_round_are_as_good_as_solving() -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((300, 200)) < 0.05).astype(np.float32) * 5)
    start = random_factors((200, 16), seed=0)
    solved, stepped = (fit_als(done, start, penalty=1.0, rounds=6, steps=steps) for steps in (16, 2))
    assert np.linalg.norm(stepped - solved) < 0.02 * np.linalg.norm(solved)


def test_a_round_that_begins_beyond_where_the_last_came_to_is_nearer_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((300, 200)) < 0.05).astype(np.float32) * 5)
    start = random_factors((200, 16), seed=0)

    def lost(rounds: int) -> float:
        postings = fit_als(done, start, penalty=1.0, rounds=rounds, steps=2)
        members = solve_each(done, GramBasis.of(postings), 1.0)
        wanted = done.toarray() > 0
        squares = (1 + done.toarray()) * (wanted - members @ postings.T) ** 2
        return float(
            squares.sum()
            + (wanted.sum(axis=1) * (members**2).sum(axis=1)).sum()
            + (wanted.sum(axis=0) * (postings**2).sum(axis=1)).sum()
        )

    ahead = [lost(rounds) for rounds in (4, 6, 8)]
    monkeypatch.setattr(factors_module, "_AHEAD", np.float32(0))
    assert np.all(np.array(ahead) < [lost(rounds) for rounds in (4, 6, 8)])


def test_models_combined_find_alike_what_they_find_alike_together() -> None:
    random = np.random.default_rng(0)
    common = random.normal(size=(50, 8))
    models = [
        (common @ random.normal(size=(8, 8)) + 0.05 * random.normal(size=(50, 8))).astype(np.float32)
        for _ in range(3)
    ]
    together = sum(model @ model.T for model in models) / 3
    found = merge_models(models)
    assert found.shape == (50, 16)
    assert np.linalg.norm(found @ found.T - together) < 0.02 * np.linalg.norm(together)


def test_one_model_is_left_as_it_is() -> None:
    model = random_factors((5, 3), seed=0)
    assert merge_models([model]) is model


@given(st.integers(1, 60), st.integers(0, 2**16))
def test_topmost_holds_the_largest_of_each_row(count: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(3, 50)).astype(np.float32)
    for row, found in zip(scores, top_k(scores, count), strict=True):
        top_k_of_row = np.sort(row)[-min(count, 50) :]
        assert np.sort(row[found])[-len(top_k_of_row) :] == pytest.approx(top_k_of_row)


def test_topmost_of_a_wide_row_misses_none_of_the_largest() -> None:
    scores = np.random.default_rng(0).normal(size=(2, 30_000)).astype(np.float32)
    scores[0, ::16] = -9  # the sampled threshold is of no use here
    for row, found in zip(scores, top_k(scores, 100), strict=True):
        assert set(np.argsort(-row)[:100].tolist()) == set(found.tolist())


def test_the_foremost_of_each_row_are_those_of_the_lowest_rank() -> None:
    matrix = sparse.csr_array(np.array([[3.0, 0, 1, 2], [0, 0, 0, 0], [0, 5, 0, 0]], np.float32))
    assert top_entries_per_row(matrix, -matrix.data, 2).toarray().tolist() == [
        [3, 0, 0, 2],
        [0, 0, 0, 0],
        [0, 5, 0, 0],
    ]


def test_what_is_dated_ahead_is_as_old_as_the_latest_that_is_not_and_ages_nothing() -> None:
    day = 86_400
    done = np.array([10, 400, 410], np.int64) * day

    def weights(*at: int) -> list[float]:
        log = ActivityLog(
            np.arange(len(at), dtype=np.int32),
            np.zeros(len(at), np.int32),
            np.full(len(at), Kind.VIEW, np.int8),
            np.array(at, np.int64),
        )
        interactions = build_interactions(log, members=4, postings=1, now_s=420 * day)
        assert interactions.scale.latest_s == 410 * day
        return [float(each) for each in interactions.weight / interactions.weight[2]]

    assert weights(*done, 47_000 * day) == pytest.approx([*weights(*done), 1.0])
    nobody = np.zeros(1, np.int32)
    only = ActivityLog(nobody, nobody, np.ones(1, np.int8), np.array([9 * day]))
    assert build_interactions(only, members=1, postings=1, now_s=day).scale.latest_s == day


def test_a_pair_keeps_its_strongest_kind_and_its_last_time() -> None:
    day = 86_400
    log = ActivityLog(
        np.array([0, 0, 0, 1], np.int32),
        np.array([5, 2, 5, 5], np.int32),
        np.array([Kind.APPLY, Kind.VIEW, Kind.VIEW, Kind.SCRAP], np.int8),
        np.array([1, 2, 3, 3], np.int64) * day,
    )
    interactions = build_interactions(log, members=2, postings=6, now_s=9 * day)
    assert (interactions.member.tolist(), interactions.posting.tolist()) == ([0, 0, 1], [2, 5, 5])
    assert interactions.kind.tolist() == [Kind.VIEW, Kind.APPLY, Kind.SCRAP]
    assert (interactions.at // day).tolist() == [2, 3, 3]
    assert interactions.weight[1] > interactions.weight[2] > interactions.weight[0]
    assert interactions.weight.mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("true", "low", "high"), [(2.0, 1.7, 2.3), (-2.0, 0.0, 0.0)], ids=["liked", "disliked"]
)
def test_weights_are_learned_from_what_was_chosen_and_never_below_zero(
    true: float, low: float, high: float
) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(800 * 5, 1)).astype(np.float32)
    likely = np.exp(true * values[:, 0]).reshape(800, 5)
    picked = [int(random.choice(5, p=each / each.sum())) for each in likely]
    starts = np.arange(800) * 5
    learned, taught = fit_weights(
        [TrainingBlock(values, starts, starts + np.array(picked))], {Signal.COLLABORATIVE: 1.0}
    )
    assert taught == 800
    assert low <= learned[Signal.COLLABORATIVE] <= high


def test_members_teach_with_the_head_of_their_list_where_what_they_chose_is_in_it() -> None:
    postings = np.arange(2 * HEAD)
    pairs = pairs_of([postings, postings, postings[:3]], postings)
    rising = np.concatenate([postings, postings, [1, 2, 3]]).astype(np.float32)
    nowhere = np.zeros(len(rising), np.bool_)
    scored = Scored(pairs, {Signal.COLLABORATIVE: rising}, True, nowhere, nowhere, nowhere, nowhere)
    block = training_block(scored, np.array([HEAD + 5, HEAD - 1, 0], np.int32), {Signal.COLLABORATIVE: 1.0})
    assert block.starts.tolist() == [0, HEAD]
    assert block.values[block.chosen, 0].tolist() == [HEAD + 5, 1]
    assert len(block.values) == HEAD + 3


def test_prices_hold_a_posting_that_everybody_likes_to_its_share() -> None:
    random = np.random.default_rng(0)
    lists = []
    for _ in range(200):
        scores = random.uniform(0, 1, 60)
        scores[7] += 0.9
        order = np.argsort(-scores)
        lists.append((order.astype(np.int64), scores[order].astype(np.float32)))
    found = prices(lists, share=0.3, postings=1_000)

    def top_tens(charged: dict[int, float]) -> float:
        tops = [
            postings[np.argsort(-(scores - np.array([charged.get(int(each), 0.0) for each in postings])))][
                :10
            ]
            for postings, scores in lists
        ]
        return sum(7 in top for top in tops) / len(lists)

    assert top_tens({}) > 0.9
    assert 0.25 <= top_tens(found) <= 0.3


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 3), st.integers(0, 30))
def test_spreading_loses_nothing_and_delays_only_what_is_over_a_companys_share(
    companies: list[str], per_company: int, limit: int
) -> None:
    ranked = list(enumerate(companies))
    found = spread(ranked, company_of=lambda item: item[1], per_company=per_company, limit=limit)
    whole = spread(ranked, company_of=lambda item: item[1], per_company=per_company, limit=len(ranked))
    assert found == whole[:limit]
    assert sorted(whole) == ranked
    kept = whole[: sum(min(companies.count(each), per_company) for each in set(companies))]
    assert kept == sorted(kept)
    assert all([company for _, company in kept].count(each) <= per_company for each in set(companies))


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=12, max_size=12), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_many_rankings_are_spread_as_each_alone(
    companies: list[list[int]], per_company: int, limit: int, missing: int
) -> None:
    there = np.arange(12) < 12 - missing
    found = spread_rows(
        np.array(companies),
        there=np.broadcast_to(there, (len(companies), 12)),
        exempt=np.zeros((len(companies), 12), np.bool_),
        per_company=per_company,
        limit=limit,
    )
    for row, places in zip(companies, found.tolist(), strict=True):
        names = list(map(str, row))
        alone = spread(
            range(12 - missing), company_of=names.__getitem__, per_company=per_company, limit=limit
        )
        assert [at for at in places if at >= 0] == alone


def test_a_company_that_was_asked_for_is_not_held_back() -> None:
    company = np.array([[0, 0, 0, 1, 1, 1]])
    found = spread_rows(company, there=company >= 0, exempt=company == 1, per_company=1, limit=6)
    assert found.tolist() == [[0, 3, 4, 5, 1, 2]]
