"""Work on several cores comes to what it comes to on one."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy import sparse

from app.recommend.cores import do_each, on_cores
from app.recommend.factors import chance, factorize
from app.recommend.nearest import nearest


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_piece_is_done_once(count: int) -> None:
    done: list[tuple[int, str]] = []
    with on_cores(count):
        do_each(lambda number, word: done.append((number, word)), ((n, str(n)) for n in range(50)))
    assert sorted(done) == [(n, str(n)) for n in range(50)]


def test_pieces_are_done_side_by_side_within_it_and_not_after() -> None:
    meeting = threading.Barrier(2, timeout=30)
    with on_cores(2):
        do_each(lambda _one, _two: meeting.wait(), [(1, 1), (2, 2)])  # each waits for the other
    seen: set[str] = set()
    do_each(lambda _one, _two: seen.add(threading.current_thread().name), [(1, 1), (2, 2)])
    assert seen == {threading.current_thread().name}


def test_a_piece_that_fails_is_told() -> None:
    with on_cores(2), pytest.raises(ZeroDivisionError):
        do_each(lambda one, two: one / two, [(1, 1), (1, 0)])


@pytest.mark.parametrize("steps", [0, 2])
def test_factors_and_kin_do_not_depend_on_the_cores(steps: int) -> None:
    random = np.random.default_rng(0)
    done = sparse.csr_array((random.random((400, 300)) < 0.05).astype(np.float32) * 5)

    def learned() -> tuple[bytes, bytes]:
        factors = factorize(done, chance((300, 16), seed=0), penalty=1.0, rounds=3, steps=steps)
        return factors.tobytes(), nearest(factors, np.arange(300), 10).toarray().tobytes()

    alone = learned()
    with on_cores(3):
        assert learned() == alone
