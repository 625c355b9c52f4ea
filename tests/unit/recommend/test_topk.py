"""The largest values of each row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recommend.topk import top_k


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
