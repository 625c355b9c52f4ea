"""The search, on services whose behaviour is known."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.ceiling.search import CeilingSearch, RateTrial, SearchPhase, SearchResult

Measure = Callable[[SearchPhase, float], RateTrial]


def service(ceiling_rps: float, *, soak_rps: float | None = None, generator_rps: float = 1e9) -> Measure:
    """A service that holds up to a ceiling, in soaks perhaps to a lower one, called by a limited generator."""

    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        limit = soak_rps if phase == "soak" and soak_rps is not None else ceiling_rps
        held = rps <= min(limit, generator_rps)
        complaint = "the generator used 97% of a core" if rps > generator_rps else None
        broken = () if held else ("latency",)
        return RateTrial(rps=rps, achieved_rps=0.99 * rps, held=held, broken=broken, complaint=complaint)

    return measure


@given(st.floats(2, 50_000), st.floats(1, 200))
def test_the_ceiling_is_found_within_the_precision(ceiling_rps: float, start_rps: float) -> None:
    search = CeilingSearch(measure=service(ceiling_rps), start_rps=start_rps, highest_rps=1e6)
    result = search.run()
    assert result.kind == "ceiling"
    assert result.high_rps is not None
    assert result.rps <= ceiling_rps < result.high_rps
    assert result.high_rps <= 1.05 * result.rps
    assert result.low_rps == pytest.approx(0.99 * result.rps)
    assert len(search.trials) < 60


def test_a_soak_that_breaks_is_stepped_down_from_and_bounds_the_result() -> None:
    result = CeilingSearch(measure=service(400, soak_rps=360), start_rps=100, highest_rps=1e6).run()
    assert result.kind == "ceiling"
    assert 0.9 * 360 < result.rps <= 360 < (result.high_rps or 0) <= 400


def test_a_generator_that_complains_makes_it_a_lower_bound() -> None:
    result = CeilingSearch(measure=service(5_000, generator_rps=700), start_rps=100, highest_rps=1e6).run()
    assert result.kind == "at_least"
    assert 660 < result.rps <= 700
    assert (result.high_rps, result.bound_by) == (None, ("the generator used 97% of a core",))


def test_a_search_never_goes_beyond_its_highest_rate() -> None:
    search = CeilingSearch(measure=service(5_000), start_rps=100, highest_rps=300)
    assert search.run() == SearchResult(
        kind="at_least",
        rps=300,
        low_rps=297,
        high_rps=None,
        bound_by=("the search was told not to go beyond 300 calls/s",),
    )
    assert [(len(search.trials), max(trial.rps for _, trial in search.trials))] == [(4, 300)]


def test_a_break_counts_only_when_it_comes_twice() -> None:
    tried: list[float] = []

    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        tried.append(rps)
        broke_by_chance = tried.count(rps) == 1 and phase == "doubling" and rps == 200
        return service(0 if broke_by_chance else 1000)(phase, rps)

    assert CeilingSearch(measure=measure, start_rps=100, highest_rps=1e6).run().rps > 950


def test_a_rate_that_broke_while_the_service_warmed_up_is_tried_again_after_the_soak() -> None:
    tried: list[SearchPhase] = []

    def warming(phase: SearchPhase, rps: float) -> RateTrial:
        tried.append(phase)
        return service(200 if "soak" in tried else 50)(phase, rps)

    result = CeilingSearch(measure=warming, start_rps=25, highest_rps=1e6).run()
    assert (result.kind, tried.count("recheck")) == ("ceiling", 3)
    assert 190 < result.rps <= 200 < (result.high_rps or 0)


def test_a_ceiling_is_a_lower_bound_until_the_break_above_it_was_seen_again() -> None:
    def stopped(phase: SearchPhase, rps: float) -> RateTrial:
        if phase == "recheck":
            raise KeyboardInterrupt
        return service(400)(phase, rps)

    search = CeilingSearch(measure=stopped, start_rps=100, highest_rps=1e6)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert (search.result.kind, search.result.high_rps) == ("at_least", None)
    assert "the time was over before it was tried again" in search.result.bound_by[0]


def undecided(at_rps: float) -> Measure:
    """A service of 400 calls/s whose soaks decide nothing from a rate on."""

    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        if phase == "soak" and rps >= at_rps:
            return RateTrial(rps=rps, achieved_rps=rps, held=False, decided=False, broken=("latency",))
        return service(400)(phase, rps)

    return measure


def test_a_soak_that_decides_nothing_has_not_held_and_bounds_nothing() -> None:
    close = CeilingSearch(measure=undecided(395), start_rps=100, highest_rps=1e6).run()
    assert (close.kind, close.rps < 395, (close.high_rps or 0) > 400) == ("ceiling", True, True)
    far = CeilingSearch(measure=undecided(300), start_rps=100, highest_rps=1e6).run()
    assert (far.kind, far.rps < 300, far.high_rps) == ("at_least", True, None)
    assert "did not decide" in far.bound_by[0]


def test_where_no_soak_held_what_broke_is_tried_again_once_since_the_service_may_have_warmed_up() -> None:
    soaks: list[float] = []

    def warming(phase: SearchPhase, rps: float) -> RateTrial:
        if phase == "soak":
            soaks.append(rps)
        return service(200 if len(soaks) > 6 else 50, soak_rps=10 if len(soaks) < 8 else 190)(phase, rps)

    found = CeilingSearch(measure=warming, start_rps=25, highest_rps=1e6).run()
    assert (found.kind, 180 < found.rps <= 190) == ("ceiling", True)

    def uneven(phase: SearchPhase, rps: float) -> RateTrial:
        return service(200 if phase == "recheck" else 50, soak_rps=10)(phase, rps)

    search = CeilingSearch(measure=uneven, start_rps=25, highest_rps=1e6)
    assert search.run().kind == "unconfirmed"
    assert [phase for phase, _ in search.trials].count("recheck") == 1


def test_a_last_soak_is_made_between_what_held_and_what_broke_a_little_too_far_above() -> None:
    search = CeilingSearch(measure=service(400, soak_rps=350), start_rps=100, highest_rps=1e6)
    result = search.run()
    assert result.kind == "ceiling"
    assert result.rps <= 350 < (result.high_rps or 0) <= 1.04 * result.rps


def test_without_any_soak_that_held_no_rate_is_told_that_a_soak_refused() -> None:
    never = CeilingSearch(measure=undecided(0), start_rps=100, highest_rps=1e6).run()
    assert (never.kind, never.rps) == ("unconfirmed", 200)
    assert never.high_rps is not None
    assert never.high_rps > 200
    assert never.bound_by == ("undecided", "latency")


def test_a_service_that_holds_nothing_has_no_ceiling() -> None:
    result = CeilingSearch(measure=service(0.5), start_rps=100, highest_rps=1e6).run()
    assert (result.kind, result.rps, result.bound_by) == ("none", 0, ("latency",))


def test_the_search_goes_below_its_start_if_it_must() -> None:
    result = CeilingSearch(measure=service(30), start_rps=100, highest_rps=1e6).run()
    assert result.kind == "ceiling"
    assert 28 < result.rps <= 30


@pytest.mark.parametrize("after", range(1, 14))
def test_what_was_learned_survives_an_interrupt(after: int) -> None:
    calls: list[float] = []

    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(rps)
        return service(1000)(phase, rps)

    search = CeilingSearch(measure=measure, start_rps=100, highest_rps=1e6)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert search.result.kind == "unconfirmed"
    assert search.result.rps == max(rps for rps in calls if rps <= 1000)


def test_a_soak_that_broke_while_the_generator_complained_is_done_again() -> None:
    soaks: list[float] = []

    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        if phase == "soak":
            soaks.append(rps)
        busy_once = phase == "soak" and len(soaks) == 1
        return service(400, generator_rps=1 if busy_once else 1e9)(phase, rps)

    result = CeilingSearch(measure=measure, start_rps=100, highest_rps=1e6).run()
    assert (result.kind, soaks) == ("ceiling", [result.rps, result.rps])
