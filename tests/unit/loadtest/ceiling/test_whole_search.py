"""What the real search says of services whose capacity is known, in virtual time.

A few seeds each here; `python -m tests.load.virtual.table 60` is the long run.
"""

from dataclasses import replace

import pytest

from loadtest.ceiling.cold_start import measure_cold_start
from loadtest.ceiling.step import SearchBudget
from loadtest.ceiling.whole_search import search_whole
from loadtest.errors import LoadtestError
from tests.load.virtual.generator import virtual_runner
from tests.load.virtual.services import KNOWN, Queue, always, long_run
from tests.load.virtual.table import is_true, searched

TRUE_IN_A_LONG_RUN = ("md4", "mm4", "pause_half", "limited")


@pytest.mark.parametrize("name", TRUE_IN_A_LONG_RUN)
def test_the_truth_of_a_known_service_lies_where_a_long_run_breaks_the_line(name: str) -> None:
    truth = KNOWN[name].ceiling_rps
    assert truth is not None
    below, above = (long_run(KNOWN[name], share * truth, seconds=1_500) for share in (0.97, 1.04))
    assert (below[0] <= 0.01, below[1] <= 0.001) == (True, True)
    assert above[0] > 0.01 or above[1] > 0.001


@pytest.mark.parametrize("name", ["mm20", "pause_one"])
def test_what_has_no_ceiling_breaks_the_line_at_any_rate(name: str) -> None:
    assert all(long_run(KNOWN[name], rps, seconds=2_000)[0] > 0.01 for rps in (1, 5, 25))


@pytest.mark.parametrize("name", ["md4", "mm4", "limited", "cliff"])
def test_a_ceiling_is_found_within_5_per_cent_of_the_truth(name: str) -> None:
    result, _ = searched(name, seed=3)
    assert result.kind == "ceiling"
    assert is_true(name, result)
    assert result.high_rps is not None
    assert result.high_rps <= 1.1 * result.rps


def test_a_service_that_warmed_up_meanwhile_is_found_out() -> None:
    """The first rates that broke were five times too low."""
    result, _ = searched("warm_up", seed=1)
    assert result.rps == pytest.approx(195, rel=0.05)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_service_that_becomes_slower_has_no_ceiling(seed: int) -> None:
    result, _ = searched("leak", seed)
    assert (result.kind, result.bound_by) == ("unconfirmed", ("falling",))


@pytest.mark.parametrize("name", ["mm20", "pause_half", "pause_one"])
def test_where_no_soak_decides_nothing_is_called_a_ceiling(name: str) -> None:
    result, _ = searched(name, seed=1)
    assert result.kind in {"unconfirmed", "none"}


@pytest.mark.parametrize(("name", "most_rps"), [("md4", 100), ("cliff", 200)])
def test_no_step_answers_more_than_the_service_can(name: str, most_rps: float) -> None:
    runner = virtual_runner(KNOWN[name].made(1), SearchBudget(), seed=1)
    for rps in (0.6, 1.1, 1.5, 2, 6):
        runner.measure("doubling", rps * most_rps)
    answered = [step.achieved_rps for step in runner.log.steps]
    assert max(answered) <= most_rps
    assert answered[0] == pytest.approx(0.6 * most_rps, rel=0.1)


def cold_queue(warm_from_s: float) -> Queue:
    """A service that is 10 times slower until an instant."""
    return Queue(4, lambda at_s, _inside: 0.2 if at_s < warm_from_s else 0.02)


def test_a_cold_start_tells_how_soon_the_service_carries_what_is_planned() -> None:
    runner = virtual_runner(cold_queue(warm_from_s=2), SearchBudget(), seed=1)
    cold = measure_cold_start(runner, 100, restart=lambda: None)
    assert cold.rps == 70
    assert cold.inside_share < 0.9
    assert cold.settled_s is not None
    assert 2 <= cold.settled_s < 18
    assert [step.phase for step in runner.log.steps] == ["cold_start"]
    warm = measure_cold_start(
        virtual_runner(Queue(4, always(0.02)), SearchBudget(), seed=1), 100, lambda: None
    )
    assert (warm.inside_share, warm.settled_s) == (1.0, 0)


def test_a_restart_that_fails_leaves_what_was_found() -> None:
    def refused() -> None:
        raise LoadtestError("The --restart-command failed: no.")

    runner = virtual_runner(Queue(4, always(0.02)), replace(SearchBudget(), overload_s=0), seed=1)
    found = search_whole(runner, start_rps=100, highest_rps=100, precision=0.05, restart=refused)
    assert (found.result.kind, found.cold_start, found.ended) == ("at_least", None, "finished")
    assert [event.what for event in runner.log.events] == ["The --restart-command failed: no."]
