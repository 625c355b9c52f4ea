"""Arrival processes: punctual, deterministic, and shared exactly."""

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.generator import arrivals
from loadtest.generator.arrivals import ArrivalShare, RateCurve


def instants(curve: RateCurve, *, spacing: arrivals.Spacing = "constant", seed: int = 1) -> list[float]:
    """Every arrival of a curve that ends."""
    times = map(curve.when, arrivals.unit_arrivals(spacing, seed=seed))
    return list(itertools.takewhile(math.isfinite, times))


def per_second(times: Sequence[float], seconds: int) -> list[int]:
    """Arrivals in each second."""
    return [sum(int(time) == second for time in times) for second in range(seconds)]


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert instants(arrivals.for_seconds(4, 1)) == [0, 0.25, 0.5, 0.75]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_a_trace_has_as_many_arrivals_in_each_second_as_it_says(counts: list[int]) -> None:
    assert per_second(instants(arrivals.trace(counts)), len(counts)) == counts


def test_poisson_arrivals_have_the_rate_and_the_gaps_of_a_poisson_process() -> None:
    times = instants(arrivals.for_seconds(500, 40), spacing="poisson")
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert math.sqrt(variance) / mean == pytest.approx(1, rel=0.05)


def test_a_seed_gives_the_same_instants_and_another_seed_others() -> None:
    curve = arrivals.for_seconds(50, 2)
    again = instants(curve, spacing="poisson", seed=7)
    assert again == instants(curve, spacing="poisson", seed=7)
    assert again != instants(curve, spacing="poisson", seed=8)


@pytest.mark.parametrize("burst", [1, 1.5, 2, 4, 30, 60])
def test_a_front_loaded_minute_keeps_its_mean_and_peaks_in_its_first_second(burst: float) -> None:
    minute = arrivals.front_loaded(100, burst=burst, minutes=1).rps[:60]
    assert sum(minute) == pytest.approx(6000)
    assert max(minute) == minute[0] == pytest.approx(100 * burst)
    assert list(minute) == sorted(minute, reverse=True)


@pytest.mark.parametrize("burst", [0.5, 61])
def test_a_burst_that_no_minute_has_is_refused(burst: float) -> None:
    with pytest.raises(ValueError, match=f"from 1 to 60; it was {burst:g}$"):
        arrivals.front_loaded(100, burst=burst, minutes=1)


@given(
    rates=st.lists(st.floats(0.5, 50), min_size=1, max_size=5),
    parts=st.integers(1, 4),
    regrouped=st.integers(1, 4),
    spacing=st.sampled_from(["constant", "poisson"]),
)
def test_shares_that_change_midway_still_take_every_arrival_once(
    rates: list[float], parts: int, regrouped: int, spacing: arrivals.Spacing
) -> None:
    curve = arrivals.trace(rates)
    half = len(rates) / 2
    workers = [
        [
            ArrivalShare(0, worker if worker < parts else -1, parts),
            ArrivalShare(half, worker if worker < regrouped else -1, regrouped),
        ]
        for worker in range(4)
    ]
    times = instants(curve, spacing=spacing)
    takers = [
        sum(arrivals.share_at(shares, time).takes(number) for shares in workers)
        for number, time in enumerate(times)
    ]
    assert takers == [1] * len(times)


@given(st.floats(0.1, 20), st.floats(0, 30), st.floats(0.1, 20))
def test_a_change_of_rate_moves_no_arrival_that_is_past(before: float, at_s: float, after: float) -> None:
    curve = arrivals.constant(before)
    changed = curve.changed(from_s=at_s, rps=after)
    for number in range(40):
        old, new = curve.when(number), changed.when(number)
        if old < at_s:
            assert new == pytest.approx(old)
        else:
            assert new >= at_s - 1e-9


def test_a_silent_second_passes_without_arrivals() -> None:
    assert instants(arrivals.trace([2, 0, 1])) == [0, 0.5, 2]


@pytest.mark.parametrize(
    ("starts", "rates"), [((), ()), ((1.0,), (5.0,)), ((0.0, 2.0, 1.0), (1.0, 1.0, 1.0)), ((0.0,), (-1.0,))]
)
def test_a_curve_that_makes_no_sense_is_refused(starts: tuple[float, ...], rates: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="rate curve"):
        RateCurve(starts, rates)
