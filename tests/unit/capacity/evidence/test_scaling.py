"""Ceilings at several sizes, fitted."""

import pytest

from app.capacity.evidence.scaling import Law, Point, ScalingError, fit

LAW = Law(single_rps=400, sigma=0.05, kappa=0.01)


def measured(law: Law, *sizes: int, noise: float = 0.0) -> list[Point]:
    """Points that a law would give, alternately too high and too low by `noise`."""
    heights = [law.rps(size) * (1 + noise * (-1) ** size) for size in sizes]
    return [Point(size, rps, 0.97 * rps, 1.03 * rps) for size, rps in zip(sizes, heights, strict=True)]


def test_the_fit_finds_the_law_that_made_the_points() -> None:
    found = fit(measured(LAW, 1, 2, 3, 4, 6, 8)).law
    assert (found.single_rps, found.sigma, found.kappa) == pytest.approx((400, 0.05, 0.01), rel=0.01)
    assert found.peak == pytest.approx(9.75, rel=0.01)


def test_the_interval_holds_the_truth_when_points_are_noisy() -> None:
    scaling = fit(measured(LAW, 1, 2, 3, 4, 6, noise=0.02))
    for size in (1, 2, 4, 6, 8):
        low, high = scaling.interval(size)
        assert 0.97 * low < LAW.rps(size) < 1.03 * high


def test_the_seed_decides_the_bootstrap() -> None:
    points = measured(LAW, 1, 2, 3)
    first, again, other = (fit(points, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.interval(6) != other.interval(6)


def test_the_number_of_instances_is_the_smallest_that_surely_does() -> None:
    scaling = fit(measured(LAW, 1, 2, 3, 4))
    size = scaling.size_for(900)
    assert scaling.interval(size)[0] >= 900 > scaling.interval(size - 1)[0]


def test_it_refuses_to_speak_of_more_than_twice_what_was_measured() -> None:
    scaling = fit(measured(LAW, 1, 2, 3))
    assert scaling.interval(6)
    with pytest.raises(ScalingError) as refused:
        scaling.interval(7)
    assert (
        str(refused.value)
        == "7 is more than 2 times the largest measured size, 3: measure at 4 or more first."
    )
    with pytest.raises(ScalingError, match=r"100000 calls/s is more than 6 of these surely do \(\d+\)"):
        scaling.size_for(100_000)


def test_two_sizes_are_too_few() -> None:
    with pytest.raises(ScalingError) as refused:
        fit(measured(LAW, 1, 2))
    assert str(refused.value) == "The law has three unknowns and 2 sizes were given: measure at 3 or more."
