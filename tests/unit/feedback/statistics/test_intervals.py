"""Intervals against other people's, and by what must be so of any interval."""

from __future__ import annotations

import warnings
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from app.feedback.statistics.cuped import adjusted, gain
from app.feedback.statistics.intervals import always_valid_half_width, gavi, score, welch
from app.feedback.statistics.sums import Sums, of_share

SHARES = [
    ((20_000, 600), (20_000, 690)),
    ((500, 3), (480, 11)),
    ((40, 0), (50, 4)),
    ((30, 30), (30, 25)),
    ((1_000, 1), (3_000, 1)),
]


@pytest.mark.parametrize(("control", "arm"), SHARES)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_difference_of_shares_ends_where_the_score_test_refuses(
    control: tuple[int, int], arm: tuple[int, int], alpha: float
) -> None:
    """Both shares are fitted here by search."""
    found = score(of_share(*control), of_share(*arm), alpha=alpha)
    assert found is not None
    z = float(norm.isf(alpha / 2))
    for edge, sign in ((found.absolute.low, 1), (found.absolute.high, -1)):
        if -1 < edge < 1:
            assert searched_score(control, arm, edge) == pytest.approx(sign * z, abs=1e-3)


@pytest.mark.parametrize(("control", "arm"), SHARES[:2])
def test_a_difference_of_shares_has_nearly_the_interval_of_statsmodels(
    control: tuple[int, int], arm: tuple[int, int]
) -> None:
    """Its root has a count where its source has the members, so it is near and not the same."""
    found = score(of_share(*control), of_share(*arm))
    assert found is not None
    told = confint_proportions_2indep(
        arm[1], arm[0], control[1], control[0], method="score", compare="diff", correction=False
    )
    width = found.absolute.high - found.absolute.low
    assert (found.absolute.low, found.absolute.high) == pytest.approx(told, abs=0.01 * width)


def searched_score(control: tuple[int, int], arm: tuple[int, int], value: float) -> float:
    """The score of a difference, the likeliest shares under it looked for on a line."""

    def unlikely(share: float) -> float:
        terms = [
            *(share_of(arm, share + value)),
            *(share_of(control, share)),
        ]
        return -sum(count * log(max(chance, 1e-300)) for count, chance in terms if count)

    bounds = (max(0.0, -value), min(1.0, 1.0 - value))
    fitted = float(minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)
    ours = fitted + value
    variance = ours * (1 - ours) / arm[0] + fitted * (1 - fitted) / control[0]
    return (arm[1] / arm[0] - control[1] / control[0] - value) / sqrt(variance)


def share_of(arm: tuple[int, int], share: float) -> list[tuple[int, float]]:
    return [(arm[1], share), (arm[0] - arm[1], 1 - share)]


@pytest.mark.parametrize(("control", "arm"), [SHARES[0], SHARES[1], SHARES[4]])
def test_a_ratio_of_shares_has_the_score_interval_of_statsmodels(
    control: tuple[int, int], arm: tuple[int, int]
) -> None:
    found = score(of_share(*control), of_share(*arm))
    assert found is not None
    assert found.relative is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low, high = confint_proportions_2indep(
            arm[1], arm[0], control[1], control[0], method="score", compare="ratio", correction=False
        )
    assert (1 + found.relative.low, 1 + found.relative.high) == pytest.approx((low, high), rel=1e-4)


@given(
    st.integers(1, 3_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.integers(1, 3_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
@settings(max_examples=60, deadline=None)
def test_an_interval_of_shares_is_around_its_value_and_agrees_with_its_p_value(
    control: tuple[int, int], arm: tuple[int, int]
) -> None:
    found = score(of_share(*control), of_share(*arm))
    assert found is not None
    assert -1 <= found.absolute.low <= found.absolute.value + 1e-6
    assert found.absolute.value - 1e-6 <= found.absolute.high <= 1
    assert found.p_value is not None
    if abs(found.p_value - 0.05) > 1e-3:
        assert found.absolute.excludes_zero == (found.p_value < 0.05)
        if found.relative is not None:
            assert found.relative.excludes_zero == found.absolute.excludes_zero
    turned = score(of_share(*arm), of_share(*control))
    assert turned is not None
    assert (-turned.absolute.high, -turned.absolute.low) == pytest.approx(
        (found.absolute.low, found.absolute.high), abs=1e-6
    )


def drawn(seed: int, members: int, mean: float, *, correlated: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    taste = random.gamma(0.5, 2 * mean, members)
    before = random.poisson(taste)
    return random.poisson(correlated * taste + (1 - correlated) * mean).astype(float), before.astype(float)


def sums(y: np.ndarray, x: np.ndarray) -> Sums:
    return Sums(members=len(y), y=y.sum(), yy=y @ y, x=x.sum(), xx=x @ x, xy=x @ y)


def told_by_tea_tasting(control: Sums, arm: Sums, **options: Any) -> Any:
    """tea-tasting takes a second to import, which every process that collects tests would take."""
    import tea_tasting  # noqa: PLC0415 - see above

    return tea_tasting.Mean("y", equal_var=False, **options).analyze_aggregates(
        aggregates(control), aggregates(arm)
    )


def aggregates(of: Sums) -> Any:
    from tea_tasting.aggr import Aggregates  # noqa: PLC0415 - see above

    return Aggregates(
        count_=of.members,
        mean_={"y": of.mean, "x": of.x / of.members},
        var_={"y": of.variance, "x": of.variance_before},
        cov_={("x", "y"): of.covariance},
    )


def test_a_difference_of_means_is_welchs_of_statsmodels_and_tea_tasting() -> None:
    control, arm = drawn(1, 4_000, 0.20), drawn(2, 6_000, 0.24)
    found = welch(sums(*control), sums(*arm))
    assert found is not None
    compared = CompareMeans(DescrStatsW(arm[0]), DescrStatsW(control[0]))
    assert (found.absolute.low, found.absolute.high) == pytest.approx(
        compared.tconfint_diff(usevar="unequal"), rel=1e-9
    )
    told = told_by_tea_tasting(sums(*control), sums(*arm), use_t=True)
    assert found.p_value == pytest.approx(told.pvalue, rel=1e-9)
    assert found.relative is not None
    assert found.relative.value == pytest.approx(told.rel_effect_size)
    # Fieller's interval beside the delta method's: the same but for terms of the second order.
    assert (found.relative.low, found.relative.high) == pytest.approx(
        (told.rel_effect_size_ci_lower, told.rel_effect_size_ci_upper), abs=0.01
    )


def test_the_adjustment_is_tea_tastings_cuped() -> None:
    control, arm = sums(*drawn(3, 5_000, 0.3)), sums(*drawn(4, 5_000, 0.33))
    found = welch(*adjusted([control, arm]))
    told = told_by_tea_tasting(control, arm, covariate="x")
    assert found is not None
    # tea-tasting pools the slope over both arms' variance of the mean; ours within arms: they differ in the third digit.
    assert found.absolute.value == pytest.approx(told.effect_size, rel=0.02)
    assert found.absolute.high - found.absolute.low == pytest.approx(
        told.effect_size_ci_upper - told.effect_size_ci_lower, rel=0.005
    )
    plain = welch(control, arm)
    assert plain is not None
    narrower = (found.absolute.high - found.absolute.low) / (plain.absolute.high - plain.absolute.low)
    assert narrower**2 == pytest.approx(1 - gain([control, arm]), rel=0.01)


def test_what_says_nothing_of_the_outcome_adjusts_nothing() -> None:
    flat = [
        Sums(members=100, y=10, yy=10, x=0, xx=0, xy=0),
        Sums(members=100, y=12, yy=12, x=0, xx=0, xy=0),
    ]
    assert gain(flat) == 0
    for one, before in zip(adjusted(flat), flat, strict=True):
        assert one.y == before.y
        assert one.variance == pytest.approx(before.variance)


@given(st.floats(1e-4, 0.9), st.integers(10, 10**7), st.floats(1e-3, 0.2), st.integers(100, 10**7))
@settings(max_examples=100, deadline=None)
def test_an_interval_for_every_look_is_that_of_the_mixture_of_normals(
    share: float, members: int, alpha: float, tuning: int
) -> None:
    """At its edge the mixture's likelihood ratio, which is what bounds false alarms (Ville), is exactly 1/alpha."""
    variance = 4 * share * (1 - share) / members
    half = always_valid_half_width(variance, members, alpha=alpha, tuning=tuning)
    total = variance * members**2
    rho = variance * members * tuning / (2 * log(1 / alpha) + log(1 + 2 * log(1 / alpha)))
    deviation = half * members  # of the sum whose variance is `total`
    ratio = sqrt(rho / (total + rho)) * exp(deviation**2 / (2 * (total + rho)))
    assert ratio == pytest.approx(1 / alpha, rel=1e-6)
    assert half > float(norm.isf(alpha / 2)) * sqrt(variance)  # never narrower than the fixed one


def test_an_interval_for_every_look_narrows_with_members_and_is_narrowest_where_it_is_tuned() -> None:
    def wider(members: int, tuning: int) -> float:
        variance = 0.03 / members
        return always_valid_half_width(variance, members, alpha=0.05, tuning=tuning) / sqrt(variance)

    assert min((wider(20_000, tuning), tuning) for tuning in (500, 5_000, 20_000, 80_000, 10**6))[1] == 20_000
    halves = [
        always_valid_half_width(0.03 / members, members, alpha=0.05, tuning=5_000)
        for members in (10, 100, 1_000, 10_000, 10**6)
    ]
    assert halves == sorted(halves, reverse=True)


@pytest.mark.parametrize("compare", [welch, gavi])
def test_what_has_no_variance_has_no_interval(compare: object) -> None:
    assert callable(compare)
    assert compare(of_share(1, 0), of_share(1, 1)) is None
    assert compare(of_share(100, 0), of_share(100, 0)) is None
    assert compare(of_share(100, 100), of_share(100, 100)) is None
    assert score(of_share(0, 0), of_share(5, 1)) is None


def test_a_control_with_nothing_has_no_ratio() -> None:
    found = score(of_share(100, 0), of_share(100, 5))
    assert found is not None
    assert found.relative is None
    nearly = gavi(of_share(100, 1), of_share(100, 5))
    assert nearly is not None
    assert nearly.relative is None
