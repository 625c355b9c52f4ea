"""Ceilings at several sizes, fitted."""

from dataclasses import replace

import pytest

from app.capacity.evidence.scaling import Law, Point, ScalingError, fit
from tests.unit.capacity.evidence.coverage import NOISES, Outcomes, table

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


def test_the_seed_decides_what_is_drawn() -> None:
    points = measured(LAW, 1, 2, 3)
    first, again, other = (fit(points, seed=seed).interval(6) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_size_measured_again_narrows_the_interval_where_runs_agree_and_widens_it_where_they_differ() -> (
    None
):
    once = measured(LAW, 1, 2, 4)

    def width(points: list[Point]) -> float:
        low, high = fit(points).interval(8)
        return high / low

    agreeing = [*once, *once, *once]
    differing = [
        *agreeing,
        *(replace(point, low_rps=1.15 * point.low_rps, high_rps=1.15 * point.high_rps) for point in once),
    ]
    assert width(agreeing) < 0.9 * width(once)
    assert width(differing) > 1.05 * width(agreeing)
    assert fit(agreeing).noise < fit(once).noise < fit(differing).noise
    assert (fit(once).is_repeated, fit(agreeing).is_repeated) == (False, True)


def test_a_number_is_found_above_the_one_that_was_too_few() -> None:
    scaling = fit(measured(LAW, 1, 2, 4))
    assert (scaling.size_for(600), scaling.size_for(600, above=4)) == (2, 5)


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
    with pytest.raises(ScalingError, match=r"100000 calls/s is more than \d of these surely do \(\d+\)"):
        scaling.size_for(100_000)


def test_two_sizes_are_too_few() -> None:
    with pytest.raises(ScalingError) as refused:
        fit(measured(LAW, 1, 2))
    assert str(refused.value) == "The law has three unknowns and 2 sizes were given: measure at 3 or more."


@pytest.mark.parametrize("runs", [1, 3])
def test_a_stated_90_per_cent_holds_the_truth_in_85_to_95_and_advice_is_too_small_in_under_5(
    runs: int,
) -> None:
    """Synthetic services, 24 kinds, 12 times each; `coverage.py` is the long run."""
    pooled, by_noise = Outcomes(), {noise: Outcomes() for noise in NOISES}
    for _, _, noise, cell in table(12, runs):
        pooled.add(cell)
        by_noise[noise].add(cell)
    at_largest, at_twice, too_small, *_ = pooled.shares
    assert 0.85 < at_largest < 0.96
    assert 0.85 < at_twice < 0.96
    assert too_small < 0.05
    assert min(by_noise[0.0].shares[:2]) > 0.95
    assert min(by_noise[0.07].shares[:2]) > (0.75 if runs == 1 else 0.82)


def test_a_rule_that_knew_the_noise_would_refuse_nearly_as_much() -> None:
    """So what is refused is what the points do not tell, and the size to measure next mostly carries the wish."""
    guessed, known = Outcomes(), Outcomes()
    for _, _, _, cell in table(5, 1):
        guessed.add(cell)
    for _, _, _, cell in table(5, 1, noise_known=True):
        known.add(cell)
    assert known.refused > 0.8 * guessed.refused
    assert guessed.probable_does > 0.75 * guessed.probable
    assert guessed.probable > 0.6 * (guessed.refused - guessed.beyond_reach)


def test_a_refusal_names_the_size_to_measure_next() -> None:
    scaling = fit(measured(LAW, 1, 2, 4))
    wanted = LAW.rps(6)
    assert scaling.probable_size_for(wanted) in {6, 7}
    with pytest.raises(ScalingError, match=r"measure [67], which does as likely as not, or make"):
        scaling.size_for(wanted)
