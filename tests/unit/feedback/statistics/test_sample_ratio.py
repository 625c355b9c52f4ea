"""Uneven arms are found, even ones are left alone."""

from __future__ import annotations

import pytest

from app.feedback.statistics.sample_ratio import WITHHELD_BELOW, sample_ratio_p


def test_51_to_49_of_a_hundred_thousand_is_found() -> None:
    uneven = sample_ratio_p([51_000, 49_000], [0.5, 0.5])
    assert uneven is not None
    assert uneven < WITHHELD_BELOW
    even = sample_ratio_p([50_150, 49_850], [0.5, 0.5])
    assert even is not None
    assert even > WITHHELD_BELOW


def test_the_shares_say_what_is_even() -> None:
    assert sample_ratio_p([90_000, 10_000], [0.9, 0.1]) == pytest.approx(1)
    assert sample_ratio_p([9_000, 1_000], [9, 1]) == pytest.approx(1)
    uneven = sample_ratio_p([9_000, 9_000, 9_000], [50, 25, 25])
    assert uneven is not None
    assert uneven < WITHHELD_BELOW


def test_an_arm_that_nobody_planned_is_as_uneven_as_can_be() -> None:
    assert sample_ratio_p([100, 100, 1], [0.5, 0.5, 0]) == 0


def test_nothing_is_said_of_nobody() -> None:
    assert sample_ratio_p([0, 0], [0.5, 0.5]) is None
    assert sample_ratio_p([10], [1]) is None
