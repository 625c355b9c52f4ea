"""Members beforehand, against other people's figures and against experiments played."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from app.feedback.statistics.intervals import score
from app.feedback.statistics.power import Design, PowerError
from app.feedback.statistics.sums import of_share


@pytest.mark.parametrize(("base", "lift"), [(0.03, 0.10), (0.005, 0.2), (0.2, -0.05)])
def test_members_are_those_of_statsmodels(base: float, lift: float) -> None:
    one_arm = samplesize_proportions_2indep_onetail(
        base * lift, base, 0.8, ratio=1, alpha=0.05, value=0, alternative="two-sided"
    )
    assert Design(base_share=base).members(lift) == pytest.approx(2 * one_arm, rel=0.01)
    effect = 2 * (np.arcsin(np.sqrt(base * (1 + lift))) - np.arcsin(np.sqrt(base)))
    by_arcsine = NormalIndPower().solve_power(effect, alpha=0.05, power=0.8, ratio=1)
    assert Design(base_share=base).members(lift) == pytest.approx(2 * by_arcsine, rel=0.02)


def test_a_planned_difference_is_seen_as_often_as_was_asked() -> None:
    design = Design(base_share=0.03, control_share=0.8, arm_share=0.2)
    members = design.members(0.15)
    random = np.random.default_rng(5)
    control, arm = round(members * 0.8), round(members * 0.2)
    seen = 0
    for _ in range(400):
        found = score(
            of_share(control, int(random.binomial(control, 0.03))),
            of_share(arm, int(random.binomial(arm, 0.0345))),
        )
        seen += found is not None and found.absolute.excludes_zero
    assert 0.73 < seen / 400 < 0.87


def test_the_smallest_difference_and_the_members_are_each_others_inverse() -> None:
    design = Design(base_share=0.03, comparisons=2, control_share=0.4, arm_share=0.3)
    lift = design.smallest_lift(100_000)
    assert design.members(lift) == pytest.approx(100_000, abs=2)
    assert design.smallest_lift(400_000) < lift
    assert design.smallest_lift(3) == inf
    assert design.smallest_lift(0) == inf


def test_more_arms_need_more_members() -> None:
    assert Design(base_share=0.03, comparisons=3).members(0.1) > Design(base_share=0.03).members(0.1)


@pytest.mark.parametrize("lift", [0, 40, -1.5])
def test_an_impossible_difference_is_refused(lift: float) -> None:
    with pytest.raises(PowerError):
        Design(base_share=0.03).members(lift)


def test_impossible_shares_are_refused() -> None:
    with pytest.raises(PowerError):
        Design(base_share=0)
    with pytest.raises(PowerError):
        Design(base_share=0.1, control_share=0.8, arm_share=0.4)
