"""Experiments played many times over: how often an alarm is false, and how often a difference is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

from app.feedback.statistics.intervals import gavi, score
from app.feedback.statistics.sums import of_share

LOOKS = 40


@dataclass(frozen=True)
class Alarms:
    """The shares of experiments that cried at any look, or at the planned end."""

    always_valid: float
    naive: float
    at_the_end: float


def looks(random: np.random.Generator, members: int, share: float, *, at_once: bool) -> np.ndarray:
    """Members and outcomes of one arm at each look.

    Members may come in look by look with their outcome, or be mailed all at once and apply over time, as of one send.
    """
    if at_once:
        applied = random.multinomial(members, [share / LOOKS] * LOOKS + [1 - share])[:-1]
        return np.stack([np.full(LOOKS, members), applied.cumsum()], axis=1)
    some = members // LOOKS
    return np.stack([np.arange(1, LOOKS + 1) * some, random.binomial(some, share, LOOKS).cumsum()], axis=1)


def play(experiments: int, members: int, lift: float, *, at_once: bool, seed: int) -> Alarms:
    random = np.random.default_rng(seed)
    always = naive = ends = 0
    for _ in range(experiments):
        control = looks(random, members, 0.03, at_once=at_once)
        arm = looks(random, members, 0.03 * (1 + lift), at_once=at_once)
        safe = [
            gavi(of_share(*map(int, one)), of_share(*map(int, two)))
            for one, two in zip(control, arm, strict=True)
        ]
        always += any(found is not None and found.absolute.excludes_zero for found in safe)
        rates = [one[:, 1] / one[:, 0] for one in (control, arm)]
        errors = np.sqrt(
            sum(rate * (1 - rate) / one[:, 0] for rate, one in zip(rates, (control, arm), strict=True))
        )
        naive += bool((np.abs(rates[1] - rates[0]) > norm.isf(0.025) * np.maximum(errors, 1e-12)).any())
        last = score(of_share(*map(int, control[-1])), of_share(*map(int, arm[-1])))
        ends += last is not None and last.absolute.excludes_zero
    return Alarms(always / experiments, naive / experiments, ends / experiments)


@pytest.mark.parametrize("at_once", [False, True])
def test_looking_forty_times_raises_few_false_alarms(at_once: bool) -> None:  # noqa: FBT001 - pytest's parameter
    found = play(100, 20_000, 0.0, at_once=at_once, seed=3)
    assert found.always_valid <= 0.05
    assert found.naive > 0.12  # so that the looks are such as would deceive


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("members", [2_000, 20_000, 500_000])
def test_false_alarms_of_many_experiments_without_a_difference(members: int, at_once: bool) -> None:  # noqa: FBT001 - same
    found = play(2_000, members, 0.0, at_once=at_once, seed=members)
    print(f"A/A, {members} an arm, {'at once' if at_once else 'arriving'}: {found}")  # noqa: T201 - the figures are the point of this run
    assert found.always_valid <= 0.05
    assert found.at_the_end <= 0.065


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True])
def test_a_planted_difference_is_found(at_once: bool) -> None:  # noqa: FBT001 - same
    found = play(1_000, 60_000, 0.15, at_once=at_once, seed=8)
    print(f"15 % more, 60,000 an arm, {'at once' if at_once else 'arriving'}: {found}")  # noqa: T201 - the figures are the point of this run
    assert found.at_the_end > 0.95
    assert found.always_valid > 0.80
