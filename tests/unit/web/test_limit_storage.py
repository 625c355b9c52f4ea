"""Fixed windows in memory: counts that end, that no race loses, and that no flood of names lets grow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.strategies import FixedWindowRateLimiter

from app.web.limit_storage import FixedWindowStorage
from app.web.limits import CallLimits, RateLimitState
from tests.unit.serving.fakes import Timer

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(st.tuples(st.floats(0.0, 1.5), KEYS), max_size=80)


def windows(timer: Timer) -> FixedWindowStorage:
    return FixedWindowStorage(timer=timer)


@given(steps=STEPS, most=st.integers(1, 5))
def test_of_each_key_so_many_pass_in_the_second_that_begins_with_the_first(
    steps: Sequence[tuple[float, str]], most: int
) -> None:
    timer = Timer()
    limiter, item = FixedWindowRateLimiter(windows(timer)), RateLimitItemPerSecond(most)
    expected: dict[str, tuple[float, int]] = {}
    for passed_s, key in steps:
        timer.now_s += passed_s
        began_s, count = expected.get(key, (float("-inf"), 0))
        if timer.now_s >= began_s + 1:
            began_s, count = timer.now_s, 0
        expected[key] = (began_s, count + 1)
        assert limiter.hit(item, key) is (count < most)


@given(steps=STEPS)
def test_what_is_asked_says_what_was_counted_until_its_window_ends(
    steps: Sequence[tuple[float, str]],
) -> None:
    timer = Timer()
    counts = windows(timer)
    for passed_s, key in steps:
        timer.now_s += passed_s
        assert counts.incr(key, 1) == counts.get(key)
    timer.now_s += 1.0
    assert [counts.get(key) for key in "abc"] == [0, 0, 0]


def test_a_key_and_all_keys_can_be_begun_anew() -> None:
    counts = windows(Timer())
    for key in "aab":
        counts.incr(key, 1)
    counts.clear("a")
    assert [counts.get(key) for key in "ab"] == [0, 1]
    assert (counts.reset(), counts.get("b"), counts.check()) == (1, 0, True)


def test_names_that_nobody_uses_any_more_are_let_go() -> None:
    timer = Timer()
    counts = windows(timer)
    for second in range(100):
        timer.now_s += 1.0
        for number in range(200):
            counts.incr(f"{second}-{number}", 1)
    assert counts.reset() <= 3 * 200


def test_no_call_is_lost_to_a_race_and_no_thread_is_started() -> None:
    counts, before = windows(Timer()), threading.active_count()

    def count() -> None:
        for _ in range(2_000):
            counts.incr("a", 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counts.get("a"), threading.active_count()) == (8_000, before)


def test_a_worker_on_its_own_counts_without_a_thread_of_its_own() -> None:
    before = threading.active_count()
    limits = CallLimits(hard_rps=4, soft_rps=2, unknown_rps=1, workers=2)
    found = [limits.count_call("braze", "weekly") for _ in range(4)]
    assert found == [
        RateLimitState.UNDER,
        RateLimitState.OVER_SOFT,
        RateLimitState.OVER_HARD,
        RateLimitState.OVER_HARD,
    ]
    assert [limits.count_wrong_credential() for _ in range(2)] == [True, False]
    assert threading.active_count() == before
