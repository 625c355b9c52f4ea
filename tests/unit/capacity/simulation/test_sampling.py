"""Which messages failing calls hit."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.simulation.sampling import Failures, allocate_at_random, draw_failures


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=4).map(lambda passes: sorted(passes, reverse=True)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 1_000),
)
def test_struck_messages_fit_the_calls_that_struck_them(
    passes: list[int], failed_share: float, degraded_share: float, seed: int
) -> None:
    calls, messages = sum(passes), passes[0]
    failed = int(calls * failed_share)
    degraded = int((calls - failed) * degraded_share)
    failures = (
        draw_failures(np.random.default_rng(seed), passes, failed, degraded) if calls else Failures(0, 0, 0)
    )

    assert 0 <= failures.warm <= failures.failed <= min(failed, messages)
    assert 0 <= failures.degraded <= min(degraded, messages - failures.failed)
    assert (failures.failed > 0) == (failed > 0)
    assert (failures.failed == messages) or (failed < calls)
    if len(passes) == 1:
        assert failures == Failures(failed, 0, degraded)


def test_all_failing_calls_fail_all_messages_and_leave_none_warm() -> None:
    failures = draw_failures(np.random.default_rng(1), [10, 10, 4], 24, 0)
    assert failures == Failures(failed=10, warm=0, degraded=0)


def test_the_mean_is_that_of_all_ways_to_choose_the_failing_calls() -> None:
    """Four messages, two of them with a second call; 3 of the 6 calls fail, 1 of the others is degraded."""
    calls = [0, 0, 1, 1, 2, 3]  # whose call
    outcomes = []
    for failed in combinations(range(6), 3):
        left = [place for place in range(6) if place not in failed]
        for degraded in left:
            hit = {calls[place] for place in failed}
            warm = {calls[place] for place in left} & hit
            outcomes.append((len(hit), len(warm), int(calls[degraded] not in hit)))
    expected = np.mean(outcomes, axis=0)

    rng = np.random.default_rng(5)
    drawn = np.mean([draw_failures(rng, [4, 2], 3, 1) for _ in range(4_000)], axis=0)
    assert drawn == pytest.approx(expected, abs=0.05)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5), st.floats(0, 1))
def test_marks_are_scattered_whole_and_within_each_bin(sizes: list[int], share: float) -> None:
    marked = int(sum(sizes) * share)
    allocated = allocate_at_random(np.random.default_rng(1), sizes, marked)
    assert sum(allocated) == marked
    assert all(0 <= part <= size for part, size in zip(allocated, sizes, strict=True))
