"""Alternating least squares: what a row is solved to, and how few steps come near it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from app.recommend.models import als
from app.recommend.models.als import (
    GramBasis,
    conjugate_gradient,
    fit_als,
    merge_models,
    random_factors,
    solve_each,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize("factors", [3, 12], ids=["more pairs than factors", "fewer"])
def test_a_solved_row_is_the_minimum_of_the_weighted_squares(factors: int) -> None:
    random = np.random.default_rng(0)
    others = random.normal(size=(20, factors)).astype(np.float32)
    columns, weight, regularization = np.array([1, 4, 7, 9, 15]), np.array([3.0, 1.0, 8.0, 0.5, 2.0]), 0.7
    row = sparse.csr_array((weight.astype(np.float32), (np.zeros(5, int), columns)), shape=(1, 20))
    confidence, target = np.ones(20), np.zeros(20)
    confidence[columns] += weight
    target[columns] = 1
    system = (others.T * confidence) @ others + regularization * 5 * np.eye(factors)
    by_hand = np.linalg.solve(system, (others.T * confidence) @ target)
    assert solve_each(row, GramBasis.of(others), regularization)[0] == pytest.approx(
        by_hand, rel=1e-3, abs=1e-4
    )


def test_factors_of_nearly_the_same_history_are_a_head_start() -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((60, 40)) < 0.2).astype(np.float32) * 5)
    before = sparse.csr_array(done * (random.random((60, 40)) < 0.98))
    by_chance = random_factors((40, 4), seed=0)
    start = fit_als(before, by_chance, regularization=1.0, rounds=30, steps=2)

    def products(start: NDArray[np.float32], rounds: int) -> NDArray[np.float32]:
        postings = fit_als(done, start, regularization=1.0, rounds=rounds, steps=2)
        return np.asarray(solve_each(done, GramBasis.of(postings), 1.0) @ postings.T)

    end = products(start, 100)
    near, far = (np.abs(products(each, 2) - end).mean() for each in (start, by_chance))
    assert near < far / 2


def test_a_row_without_pairs_has_no_taste() -> None:
    empty = sparse.csr_array(np.zeros((2, 4), np.float32))
    start = random_factors((4, 3), seed=0)
    assert not solve_each(empty, GramBasis.of(start), 1.0).any()
    assert not conjugate_gradient(empty, np.ones((2, 3), np.float32), start, 1.0, steps=2).any()
    assert not fit_als(empty, start, regularization=1.0, rounds=2, steps=2).any()


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
    solved, stepped = (fit_als(done, start, regularization=1.0, rounds=6, steps=steps) for steps in (16, 2))
    assert np.linalg.norm(stepped - solved) < 0.02 * np.linalg.norm(solved)


def test_a_round_that_begins_beyond_where_the_last_came_to_is_nearer_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((300, 200)) < 0.05).astype(np.float32) * 5)
    start = random_factors((200, 16), seed=0)

    def lost(rounds: int) -> float:
        postings = fit_als(done, start, regularization=1.0, rounds=rounds, steps=2)
        members = solve_each(done, GramBasis.of(postings), 1.0)
        wanted = done.toarray() > 0
        squares = (1 + done.toarray()) * (wanted - members @ postings.T) ** 2
        return float(
            squares.sum()
            + (wanted.sum(axis=1) * (members**2).sum(axis=1)).sum()
            + (wanted.sum(axis=0) * (postings**2).sum(axis=1)).sum()
        )

    ahead = [lost(rounds) for rounds in (4, 6, 8)]
    monkeypatch.setattr(als, "_AHEAD", np.float32(0))
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
