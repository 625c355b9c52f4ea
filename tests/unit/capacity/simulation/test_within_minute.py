"""The inside of a minute: how messages are spread over its seconds, and their calls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.assumptions import MinuteShape
from app.capacity.simulation.queue import Cohort
from app.capacity.simulation.within_minute import WHOLE, call_passes, lay_out, minute_curve, pass_shares

SHAPES: tuple[MinuteShape, ...] = ("decay", "block")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("burst", [1, 1.2, 2, 4, 20, 60])
def test_the_peak_second_is_the_first_and_burst_times_the_mean(shape: MinuteShape, burst: float) -> None:
    per_second = np.diff(minute_curve(burst, shape) / WHOLE) * 60
    assert per_second.sum() == pytest.approx(60)
    assert per_second[0] == pytest.approx(burst, rel=1e-6)
    assert (np.diff(per_second) <= 1e-9).all()


def test_a_larger_burst_puts_more_of_a_minute_into_its_first_half() -> None:
    halves = [minute_curve(burst, "decay")[30] / WHOLE for burst in (1, 2, 4)]
    assert halves == pytest.approx([0.5, 0.69, 0.88], abs=0.01)
    assert minute_curve(2, "block")[30] == WHOLE


def test_cohorts_start_in_the_order_of_the_queue() -> None:
    first, second = Cohort(0, 0, "UTC"), Cohort(1, 1, "UTC", attempt=1)
    started = lay_out({first: 90, second: 30}, 1, minute_curve(1, "decay"), 120)
    assert started.sum(axis=0).tolist() == [2] * 60
    assert started[0].tolist() == [2] * 45 + [0] * 15
    assert started[1].tolist() == [0] * 45 + [2] * 15


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.floats(1, 60), st.sampled_from(SHAPES))
def test_every_message_gets_exactly_one_second(
    count: int, room: int, burst: float, shape: MinuteShape
) -> None:
    started = lay_out({Cohort(0, 0, "UTC"): count}, 1, minute_curve(burst, shape), count + room)
    assert started.sum() == count
    assert (started >= 0).all()
    arriving = lay_out(
        {Cohort(1, 1, "UTC", arriving=True): count}, 1, minute_curve(burst, shape), count + room
    )
    assert arriving.sum() == count
    assert arriving.max() <= -(-count * burst // 60) + 1


@pytest.mark.parametrize(
    ("count", "cap", "burst", "peak"),
    [
        (20_000, 1_000_000, 1, 16_667),
        (20_000, 1_000_000, 4, 20_000),
        (1_000, 1_000_000, 1, 1_000),
        (12_000, 500_000, 1, 8_334),
        (12_000, 500_000, 4, 12_000),
        (5_000, 30_000, 2, 1_000),
        (30_000, 30_000, 2, 1_000),
        (7, 10, 1, 1),
    ],
)
def test_a_part_of_a_minute_starts_as_fast_as_a_full_one(
    count: int, cap: int, burst: float, peak: int
) -> None:
    """The busiest second has min(N, cap / 60 x burst) messages, rounded up."""
    started = lay_out({Cohort(0, 0, "UTC"): count}, 1, minute_curve(burst, "decay"), cap)
    assert started.sum(axis=0).max() == peak


@pytest.mark.parametrize("burst", [1.2, 2.4, 1.1, 1.7, 3.3, 12.6, 59.4])
def test_whole_messages_a_second_are_not_rounded_up(burst: float) -> None:
    """50 a minute at burst 1.2 is exactly one in the peak second; so in every whole case of decimal bursts."""
    tenths = round(burst * 10)
    for cap in range(10, 60_001, 10):
        if cap * tenths % 600 == 0:
            edge = -(-cap * minute_curve(burst, "decay")[1] // WHOLE)
            assert edge == cap * tenths // 600


def test_messages_that_members_trigger_come_over_the_whole_minute_behind_what_waited() -> None:
    waited, acting = Cohort(0, 0, "UTC", arriving=True), Cohort(1, 1, "UTC", arriving=True)
    started = lay_out({waited: 40, acting: 120}, 1, minute_curve(1, "decay"), 1_200)
    assert started[0].tolist() == [20, 20] + [0] * 58
    assert started[1].tolist() == [0, 0, 6] + [2] * 57


@given(
    st.integers(10, 10**6),
    st.floats(0, 1),
    st.floats(1, 60),
    st.sampled_from(SHAPES),
    st.sampled_from([0, 1]),
)
def test_no_moving_minute_exceeds_the_larger_of_two_neighbours(
    limit: int, share: float, burst: float, shape: MinuteShape, falling: int
) -> None:
    counts = [int(limit * share), limit]
    counts = counts[::-1] if falling else counts
    started = np.concatenate(
        [
            lay_out({Cohort(0, 0, "UTC"): count}, 1, minute_curve(burst, shape), limit).sum(axis=0)
            for count in counts
        ]
    )
    windows = np.convolve(started, np.ones(60, dtype=np.int64), mode="valid")
    assert windows.max() <= limit


@pytest.mark.parametrize(
    ("calls_per_recipient", "cache_hit_share", "shares"),
    [
        (1, 0, ()),
        (2, 0, (1,)),
        (3, 0, (1, 1)),
        (2.25, 0, (1, 0.25)),
        (1.5, 0, (0.5,)),
        (3, 0.5, (0.5, 1)),
        (3, 1, (0, 1)),
    ],
)
def test_later_passes_call_as_often_as_calls_per_recipient_and_cache_say(
    calls_per_recipient: float, cache_hit_share: float, shares: tuple[float, ...]
) -> None:
    assert pass_shares(calls_per_recipient, cache_hit_share) == shares


@given(
    st.lists(st.lists(st.integers(0, 500), min_size=60, max_size=60), min_size=1, max_size=3),
    st.floats(1, 5),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_calls_add_up_to_calls_per_recipient_over_the_whole_send(
    minutes: list[list[int]], calls_per_recipient: float, cache_hit_share: float
) -> None:
    shares = pass_shares(calls_per_recipient, cache_hit_share)
    before, calls = 0, 0
    for callers in minutes:
        passes = call_passes(np.array(callers), before, shares)
        assert (np.diff(passes, axis=0) <= 0).all()
        assert (passes >= 0).all()
        before += sum(callers)
        calls += int(passes.sum())
    expected = before * (1 + (calls_per_recipient - 1) * (1 - cache_hit_share))
    assert abs(calls - expected) <= len(shares) ** 2 + 1e-6 * before
