"""Behaviours of a service to play a send against."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.simulation.limited_service import LimitedService, RateLimits
from app.capacity.simulation.service import Answer, Perfect, Scripted, ScriptedMinutes


def scripted(*script: ScriptedMinutes) -> Scripted:
    """A perfect service with a failure script; minute 1 begins at second 600."""
    return Scripted(script, Perfect(), first_minute=10, rng=np.random.default_rng(1))


def test_a_perfect_service_answers_everything() -> None:
    assert Perfect().answer(1, 12) == Answer(ok=12)


def test_up_to_its_ceiling_a_bound_service_answers_everything() -> None:
    service = LimitedService(100)
    assert [service.answer(second, 100) for second in range(5)] == [Answer(ok=100)] * 5


def test_above_its_ceiling_calls_queue_for_two_seconds_and_then_are_cut_off() -> None:
    service = LimitedService(100)
    answers = [service.answer(second, 180) for second in range(5)]
    # 80 more wait each second; 200 may wait; from then on 100 a second are answered.
    assert [answer.ok for answer in answers] == [180, 180, 140, 100, 100]
    assert [answer.cut_off for answer in answers] == [0, 0, 40, 80, 80]


def test_waiting_calls_are_served_while_no_new_ones_come() -> None:
    service = LimitedService(100)
    assert service.answer(0, 300) == Answer(ok=300)
    assert service.answer(1, 300) == Answer(ok=100, cut_off=200)
    assert service.answer(4, 300) == Answer(ok=300)


def test_the_soft_line_degrades_and_the_hard_line_refuses() -> None:
    service = LimitedService(100, limits=RateLimits.of_rates(soft_rps=80, hard_rps=200))
    assert service.answer(0, 250) == Answer(ok=80, degraded=120, failed={429: 50})


def test_a_service_without_capacity_answers_nothing() -> None:
    assert LimitedService(0).answer(0, 5) == Answer(cut_off=5)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 500)), max_size=30), st.floats(0, 200))
def test_a_bound_service_accounts_for_every_call_and_never_exceeds_its_capacity(
    offered: list[tuple[int, int]], ceiling_rps: float
) -> None:
    service, second, ok = LimitedService(ceiling_rps), 0, 0
    for gap, calls in offered:
        second += gap
        answer = service.answer(second, calls)
        assert answer.total() == calls
        ok += answer.ok
    assert ok <= ceiling_rps * (second + 1 + 2) + 1e-6


def test_scripted_counts_strike_the_first_calls_of_each_minute() -> None:
    service = scripted(ScriptedMinutes(1, 2, counts={"503": 5, "cut_off": 3}))
    assert service.answer(600, 4) == Answer(failed={503: 4})
    assert service.answer(601, 4) == Answer(cut_off=3, failed={503: 1})
    assert service.answer(602, 4) == Answer(ok=4)
    assert service.answer(660, 9) == Answer(ok=1, cut_off=3, failed={503: 5})
    assert service.answer(720, 9) == Answer(ok=9)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [("degraded", Answer(degraded=9)), ("cut_off", Answer(cut_off=9)), ("404", Answer(failed={404: 9}))],
)
def test_a_scripted_share_of_one_strikes_every_call(outcome: str, answer: Answer) -> None:
    assert scripted(ScriptedMinutes(1, 1, shares={outcome: 1.0})).answer(600, 9) == answer


def test_scripted_shares_are_each_call_s_chance() -> None:
    answer = scripted(ScriptedMinutes(1, 1, shares={"503": 0.5, "degraded": 0.2})).answer(600, 100_000)
    assert answer.total() == 100_000
    assert answer.failed[503] == pytest.approx(50_000, abs=800)
    assert answer.degraded == pytest.approx(20_000, abs=650)


def test_calls_that_the_script_spares_reach_the_service_below() -> None:
    below = LimitedService(100, limits=RateLimits.of_rates(hard_rps=20))
    service = Scripted(
        [ScriptedMinutes(1, 1, counts={"429": 5})], below, first_minute=10, rng=np.random.default_rng(1)
    )
    assert service.answer(600, 30) == Answer(ok=20, failed={429: 10})


def test_degraded_answers_and_refusals_are_work_too() -> None:
    limits = RateLimits.of_rates(soft_rps=80, hard_rps=90, degraded_cost=0.5, refused_cost=0.25)
    service = LimitedService(100, limits=limits, cut_off_s=1)
    # 80 in full, 10 for 5 of work, and 15 of work left for 60 refusals: 150 a second can be begun.
    assert service.answer(0, 150) == Answer(ok=80, degraded=10, failed={429: 60})
    assert service.answer(1, 300) == Answer(ok=160, degraded=20, failed={429: 120})
    assert service.answer(2, 300) == Answer(ok=80, degraded=10, failed={429: 60}, cut_off=150)


def test_a_service_that_has_its_hands_full_never_comes_to_a_line_above() -> None:
    limits = RateLimits.of_rates(soft_rps=120, hard_rps=180, degraded_cost=0.5, refused_cost=0.5)
    service = LimitedService(100, limits=limits)
    answers = [service.answer(second, 200) for second in range(4)]
    assert answers[-1] == Answer(ok=100, cut_off=100)
    assert all(answer.degraded == 0 and not answer.failed for answer in answers)


def test_a_line_counts_over_the_whole_of_its_window() -> None:
    limits = RateLimits.of_rates(soft_rps=10, degraded_cost=0.5, window_s=5)
    service = LimitedService(1_000, limits=limits)
    answers = [service.answer(second, 20) for second in range(6)]
    assert [answer.ok for answer in answers] == [20, 20, 10, 0, 0, 20]
    assert [answer.degraded for answer in answers] == [0, 0, 10, 20, 20, 0]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 900)), max_size=20),
    st.floats(0, 300),
    st.one_of(st.none(), st.floats(0, 300)),
    st.one_of(st.none(), st.floats(0, 300)),
    st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.3, 1.0])),
    st.sampled_from([1, 2, 6]),
)
def test_with_any_lines_every_call_is_accounted_for_and_the_work_fits_the_ceiling(
    offered: list[tuple[int, int]],
    ceiling_rps: float,
    soft_rps: float | None,
    hard_rps: float | None,
    costs: tuple[float, float],
    window_s: int,
) -> None:
    limits = RateLimits.of_rates(
        soft_rps=soft_rps,
        hard_rps=hard_rps,
        degraded_cost=costs[0],
        refused_cost=costs[1],
        window_s=window_s,
    )
    service = LimitedService(ceiling_rps, limits=limits)
    second, work = 0, 0.0
    for gap, calls in offered:
        second += gap
        answer = service.answer(second, calls)
        assert answer.total() == calls
        assert min(answer.ok, answer.degraded, answer.cut_off, *answer.failed.values(), 0) == 0
        work += answer.ok + answer.degraded * costs[0] + sum(answer.failed.values()) * costs[1]
    # A call less of one kind, for want of a whole one, may be one more of another in each answer.
    assert work <= ceiling_rps * (second + 1 + 2) + len(offered) + 1e-3
