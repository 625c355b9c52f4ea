"""What a service can do, found by short trials."""

import pytest

from loadtest.errors import LoadtestError
from loadtest.rehearsal.service_costs import FIRST_RPS, ceiling_moved, find_ceiling_rps


@pytest.mark.parametrize("ceiling_rps", [51.0, 437.0, 3_210.0])
def test_the_highest_rate_that_is_answered_is_found_to_six_per_cent(ceiling_rps: float) -> None:
    found = find_ceiling_rps(lambda rps: min(rps, ceiling_rps))
    assert ceiling_rps / 1.07 < found <= ceiling_rps / 0.98


def test_one_break_of_a_neighbours_making_is_tried_again() -> None:
    tried: list[float] = []

    def usable(rps: float) -> float:
        tried.append(rps)
        return 0.0 if len(tried) == 2 else min(rps, 437.0)

    assert find_ceiling_rps(usable) > 400


def test_a_service_that_does_not_keep_up_with_the_first_rate_is_refused() -> None:
    with pytest.raises(LoadtestError, match=f"does not keep up with {FIRST_RPS:g} calls/s"):
        find_ceiling_rps(lambda _: FIRST_RPS / 2)


@pytest.mark.parametrize(
    ("does_rps", "words"),
    [(400.0, None), (370.0, None), (430.0, None), (300.0, "the ceiling fell"), (600.0, "the ceiling rose")],
)
def test_a_service_that_does_less_or_more_than_before_is_noticed(does_rps: float, words: str | None) -> None:
    moved = ceiling_moved(lambda rps: min(rps, does_rps), 400)
    assert (moved is None) if words is None else words in str(moved)
