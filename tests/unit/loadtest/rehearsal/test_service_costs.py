"""What a service can do, found by short trials."""

import subprocess
from typing import TYPE_CHECKING, cast

import pytest

from loadtest.errors import LoadtestError
from loadtest.generator.stats import LoadStats
from loadtest.rehearsal.service_costs import (
    FIRST_RPS,
    ceiling_moved,
    cpu_a_call_s,
    find_ceiling_rps,
    usable_rps,
)

if TYPE_CHECKING:
    from loadtest.generator.sender import Sender


@pytest.mark.parametrize("ceiling_rps", [51.0, 437.0, 3_210.0])
def test_the_highest_rate_that_is_answered_is_found_to_six_per_cent(ceiling_rps: float) -> None:
    found = find_ceiling_rps(lambda rps: min(rps, ceiling_rps))
    assert ceiling_rps / 1.07 < found <= ceiling_rps / 0.97


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


@pytest.mark.parametrize(("rps", "does_rps"), [(90, 90), (112, 100), (130, 100)])
def test_what_a_queue_still_holds_at_the_end_of_a_short_trial_is_not_what_a_service_does(
    rps: int, does_rps: int
) -> None:
    """One server of 10 ms for six seconds: a queue of less than two seconds, so that no call fails."""
    stats, free_at_s = LoadStats(inside_s=0.5), 0.0
    for place in range(6 * rps):
        meant_s = place / rps
        free_at_s = max(meant_s, free_at_s) + 0.01
        latency_s = free_at_s - meant_s
        assert latency_s < 2
        stats.record(meant_s=meant_s, latency_s=latency_s, service_s=latency_s, failure=None, degraded=None)
    assert usable_rps(stats) == pytest.approx(does_rps, rel=0.01)


def test_a_service_that_does_nothing_while_it_is_called_is_not_the_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another one still holds its port."""
    monkeypatch.setattr("loadtest.rehearsal.service_costs.run_steadily", lambda *_: LoadStats(inside_s=0.5))
    with subprocess.Popen(["sleep", "60"]) as idle:
        try:
            with pytest.raises(LoadtestError, match="another one answers on its port"):
                cpu_a_call_s(cast("Sender", None), idle.pid, 10, seconds=1)
        finally:
            idle.kill()


def test_one_spoiled_probe_is_no_fallen_ceiling() -> None:
    tried: list[float] = []

    def usable(rps: float) -> float:
        tried.append(rps)
        return rps / 2 if len(tried) == 1 else min(rps, 400)

    assert ceiling_moved(usable, 400) is None
    assert len(tried) == 3
