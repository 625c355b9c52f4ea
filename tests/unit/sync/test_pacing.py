"""A pacer keeps to its share in each window, reads both dialects of headers, and slows down and recovers."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from app.sync.definition import PaceLimits
from app.sync.pacing import Pacer

NOW = 1_800_000_000.0  # a clock hour begins here
EPOCH = {"x-ratelimit-limit": "3000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW + 2))}
SECONDS_LEFT = {"x-ratelimit-limit": "3000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2"}
RETRY_AFTER = {"x-ratelimit-retry-after": "2"}
OF_A_PROXY = {"retry-after": formatdate(NOW + 2, usegmt=True)}


def test_no_window_has_more_than_one_and_a_half_times_the_share_and_all_of_it_is_used() -> None:
    pacer = Pacer(PaceLimits(requests=100, window_s=3.0, share=0.3), requests=1)
    times = [pacer.reserve(NOW) for _ in range(300)]
    assert times == sorted(times)
    assert max(sum(begin <= at < begin + 3 for at in times) for begin in times) <= 45
    assert times[-1] - NOW == pytest.approx(300 / (100 * 0.3 / 3), rel=0.02)


@pytest.mark.parametrize(
    "headers",
    [EPOCH, SECONDS_LEFT, RETRY_AFTER, OF_A_PROXY],
    ids=["epoch", "seconds left", "retry after", "date"],
)
def test_after_a_429_nothing_goes_before_the_headers_say_in_either_dialect(headers: dict[str, str]) -> None:
    pacer = Pacer(PaceLimits(), requests=3_000)
    full = pacer.per_s
    pacer.reserve(NOW)
    pacer.learn(headers, NOW, too_fast=True)
    assert pacer.reserve(NOW) == NOW + 2
    assert pacer.per_s == pytest.approx(full * 0.8)
    for _ in range(20):
        pacer.learn({}, NOW + 3, too_fast=False)
    assert pacer.per_s == full


def test_many_429s_under_way_at_once_slow_it_down_once() -> None:
    pacer = Pacer(PaceLimits(), requests=3_000)
    for _ in range(8):
        pacer.learn(RETRY_AFTER, NOW, too_fast=True)
    assert pacer.per_s == pytest.approx(pacer.full_per_s * 0.8)


def test_a_429_without_a_word_is_waited_for_longer_each_time() -> None:
    pacer = Pacer(PaceLimits(), requests=3_000)
    waits = []
    now = NOW
    for _ in range(9):
        until = pacer.learn({}, now, too_fast=True)
        waits.append(until - now)
        now = until
    assert waits == [1, 2, 4, 8, 16, 32, 64, 65, 65]


def test_the_share_of_a_clock_hour_is_counted_with_what_went_before_and_the_rest_waits_for_the_next() -> None:
    limits = PaceLimits(requests_per_hour=100, share=0.3)
    pacer = Pacer(limits, requests=3_000, used=20)
    begin = NOW + 600
    times = [pacer.reserve(begin) for _ in range(45)]
    assert sum(at < NOW + 3600 for at in times) == 10
    assert next(at for at in times if at >= NOW + 3600) == NOW + 3600
    assert sum(NOW + 3600 <= at < NOW + 7200 for at in times) == 30


def test_an_hourly_limit_that_only_the_headers_tell_is_kept_to() -> None:
    pacer = Pacer(PaceLimits(share=0.5), requests=3_000)
    pacer.reserve(NOW)
    pacer.learn(
        {"x-ratelimit-limit": "40", "x-ratelimit-remaining": "39", "x-ratelimit-reset": "3000"},
        NOW,
        too_fast=False,
    )
    assert pacer.hourly == 20
    assert sum(pacer.reserve(NOW) < NOW + 3600 for _ in range(40)) == 19


def test_a_smaller_window_of_the_headers_counts_and_a_larger_does_not() -> None:
    pacer = Pacer(PaceLimits(requests=300), requests=3_000)
    pacer.learn({"x-ratelimit-limit": "3000", "x-ratelimit-reset": "2"}, NOW, too_fast=False)
    assert pacer.full_per_s == pytest.approx(30)
    pacer.learn({"x-ratelimit-limit": "100", "x-ratelimit-reset": "2"}, NOW, too_fast=False)
    assert pacer.full_per_s == pytest.approx(10)


def test_headers_that_are_no_numbers_change_nothing() -> None:
    pacer = Pacer(PaceLimits(), requests=3_000)
    odd = {"x-ratelimit-limit": "many", "x-ratelimit-remaining": "-1", "x-ratelimit-reset": "soon"}
    assert pacer.learn(odd, NOW, too_fast=False) == 0.0
    assert pacer.full_per_s == pytest.approx(300)


@pytest.mark.parametrize("told", ["", "soon", "-3", "Fri, 99 Xyz 2027 00:00:00 GMT", formatdate(NOW - 60)])
def test_a_retry_after_that_tells_no_time_to_come_keeps_nobody_waiting(told: str) -> None:
    pacer = Pacer(PaceLimits(), requests=3_000)
    assert pacer.learn({"retry-after": told}, NOW, too_fast=True) <= NOW + 1


def test_a_wait_that_was_asked_for_is_caught_up_at_the_full_pace_within_what_may_be_at_once() -> None:
    pacer = Pacer(PaceLimits(requests=200, window_s=3.0, share=0.3), requests=1)
    pacer.reserve(NOW)
    pacer.learn({"x-ratelimit-retry-after": "2"}, NOW, too_fast=True)
    times = [pacer.reserve(NOW) for _ in range(60)]
    assert times.count(NOW + 2) == 40  # two seconds of 20 a second, though it goes slower from now on
    assert max(sum(begin <= at < begin + 3 for at in times) for begin in times) <= 2 * 60
