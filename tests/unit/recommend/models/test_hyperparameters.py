"""Hyperparameters follow from the size of the board."""

from __future__ import annotations

from app.recommend.models.hyperparameters import Hyperparameters


def test_all_profiles_are_read_for_it_on_a_board_that_is_neither_tiny_nor_large() -> None:
    sizes = [(1_000, 8_000), (10_000, 8_000), (15_000, 8_000)]
    assert [Hyperparameters.for_size(*size).with_profiles for size in sizes] == [False, True, False]


def test_on_a_large_board_no_panel_is_asked_about_who_did_much() -> None:
    small, large = Hyperparameters.for_size(10_000, 8_000), Hyperparameters.for_size(90_000, 20_000)
    assert small.cold_start_below > 1_000_000 > large.cold_start_below
