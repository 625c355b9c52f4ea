"""Braze's unhealthy-host detection."""

from dataclasses import replace

import numpy as np
import pytest

from app.capacity.assumptions import Assumptions
from app.capacity.simulation.unhealthy_host import HostBreaker, HostBreakers

USUAL = Assumptions()


def test_more_than_3_000_failures_and_more_than_nine_in_ten_halt_the_host_for_a_minute() -> None:
    breaker = HostBreaker(replace(USUAL, breaker_resume="full_speed"))
    breaker.observe(100, calls=3_001, failures=3_001)
    assert [breaker.admits(second, 50) for second in (101, 160, 161)] == [0, 0, 50]
    assert breaker.trips == [100]


@pytest.mark.parametrize(
    ("calls", "failures"),
    [(3_000, 3_000), (4_000, 3_600), (100_000, 90_000), (3_500, 3_001)],
    ids=["not more than 3,000", "nine in ten", "nine in ten of many", "less than nine in ten"],
)
def test_at_either_line_the_host_stays_healthy(calls: int, failures: int) -> None:
    breaker = HostBreaker(USUAL)
    breaker.observe(100, calls, failures)
    assert breaker.admits(101, 50) == 50


@pytest.mark.parametrize(("gap_s", "halted"), [(59, True), (60, False)])
def test_failures_count_together_within_any_moving_minute(gap_s: int, *, halted: bool) -> None:
    breaker = HostBreaker(USUAL)
    breaker.observe(100, 2_000, 2_000)
    breaker.observe(100 + gap_s, 2_000, 2_000)
    assert bool(breaker.trips) is halted


def test_successes_of_the_same_minute_keep_the_host_healthy() -> None:
    breaker = HostBreaker(USUAL)
    breaker.observe(100, 1_000, 0)
    breaker.observe(101, 5_000, 5_000)
    assert not breaker.trips
    breaker.observe(160, 3_000, 3_000)  # the successes have left the window
    assert breaker.trips == [160]


def test_probes_that_succeed_open_the_host() -> None:
    breaker = HostBreaker(USUAL)
    breaker.observe(100, 4_000, 4_000)
    assert breaker.admits(161, 900) == 10
    breaker.observe(161, 10, 0)
    assert breaker.admits(162, 900) == 900
    assert breaker.healthy()


def test_probes_that_fail_halt_the_host_for_another_minute() -> None:
    breaker = HostBreaker(USUAL)
    breaker.observe(100, 4_000, 4_000)
    breaker.observe(161, 10, 10)
    assert [breaker.admits(second, 900) for second in (162, 221, 222)] == [0, 0, 10]
    assert breaker.trips == [100, 161]


def test_at_full_speed_it_takes_3_000_new_failures_to_halt_again() -> None:
    breaker = HostBreaker(replace(USUAL, breaker_resume="full_speed"))
    breaker.observe(100, 4_000, 4_000)
    breaker.observe(161, 3_000, 3_000)
    assert breaker.admits(162, 900) == 900
    breaker.observe(162, 1, 1)
    assert breaker.trips == [100, 162]


def test_answers_of_calls_sent_before_the_halt_do_not_lengthen_it() -> None:
    breaker = HostBreaker(USUAL)
    breaker.observe(100, 4_000, 4_000)
    breaker.observe(99, 4_000, 4_000)
    assert breaker.trips == [100]


def test_a_breaker_switched_off_never_halts() -> None:
    breaker = HostBreaker(replace(USUAL, breaker=False))
    breaker.observe(100, 1_000_000, 1_000_000)
    assert breaker.admits(101, 5) == 5


def test_hosts_are_halted_apart_and_shared_by_their_campaigns() -> None:
    hosts = HostBreakers(["a", "b", "a"], USUAL)
    hosts.observe(100, [0, 1, 2], calls=[2_000, 2_000, 2_000], failures=[2_000, 2_000, 2_000])
    rng = np.random.default_rng(1)
    assert hosts.admit(rng, 101, [0, 1, 2], [7, 8, 9]) == [0, 8, 0]
    probing = hosts.admit(rng, 161, [0, 1, 2], [70, 8, 90])
    assert (probing[0] + probing[2], probing[1]) == (10, 8)
    assert hosts.halts() == (("a", 100),)
