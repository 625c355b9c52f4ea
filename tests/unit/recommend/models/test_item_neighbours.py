"""Which vectors are nearest."""

from __future__ import annotations

import numpy as np
import pytest

from app.recommend.models import item_neighbours as module
from app.recommend.models.item_neighbours import find_item_neighbours
from app.recommend.parallel import split_over_workers


def crowd(count: int = 600) -> np.ndarray:
    """Twelve bunches of vectors, and some that are nothing."""
    random = np.random.default_rng(0)
    middles = random.normal(size=(12, 16))
    vectors = middles[np.arange(count) % 12] + random.normal(size=(count, 16)) / 2
    vectors[::50] = 0
    return vectors.astype(np.float32)


def squared_cosines(vectors: np.ndarray) -> np.ndarray:
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cosine = (vectors / length) @ (vectors / length).T
    np.fill_diagonal(cosine, 0)
    return np.asarray(np.maximum(cosine, 0) ** 2)


def test_the_nearest_are_those_of_the_largest_cosine_and_never_the_vector_itself() -> None:
    vectors, among = crowd(), np.arange(0, 600, 3)
    found = find_item_neighbours(vectors, among, 7)
    expected = squared_cosines(vectors)[:, among]
    for row in range(600):
        own = slice(*found.indptr[row : row + 2])
        assert np.sort(found.data[own]) == pytest.approx(
            np.sort(expected[row])[-7:][np.sort(expected[row])[-7:] > 0], abs=1e-5
        )
        assert found.data[own] == pytest.approx(expected[row, found.indices[own]], abs=1e-5)


def test_of_many_vectors_nearly_all_of_the_nearest_are_found_in_the_nearest_clusters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, among = crowd(2_000), np.arange(2_000)
    exact = find_item_neighbours(vectors, among, 20)
    monkeypatch.setattr(module, "_EXACT", 100)
    clustered = find_item_neighbours(vectors, among, 20)
    assert clustered.shape == exact.shape
    assert not clustered.diagonal().any()
    assert clustered.sum() > 0.95 * exact.sum()


@pytest.mark.parametrize("exact", [100, 10_000], ids=["in clusters", "with all others"])
def test_the_rows_asked_for_alone_are_as_they_are_among_all(
    exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EXACT", exact)
    vectors, among, asked = crowd(), np.arange(600), np.array([5, 17, 501])
    whole, some = (
        find_item_neighbours(vectors, among, 7).toarray(),
        find_item_neighbours(vectors, among, 7, of=asked).toarray(),
    )
    assert some[asked] == pytest.approx(whole[asked], abs=1e-6)
    assert np.flatnonzero(some.any(axis=1)).tolist() == asked.tolist()


def test_nothing_is_near_where_no_vector_is_anything() -> None:
    assert find_item_neighbours(np.zeros((5, 3), np.float32), np.arange(5), 2).nnz == 0


def test_neighbours_do_not_depend_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    monkeypatch.setattr("app.recommend.models.item_neighbours._BLOCK_FLOATS", 300 * 50)  # several blocks
    alone = find_item_neighbours(factors, np.arange(300), 10).toarray().tobytes()
    with split_over_workers(3):
        assert find_item_neighbours(factors, np.arange(300), 10).toarray().tobytes() == alone
