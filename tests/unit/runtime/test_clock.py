"""The store's clock, followed from a machine whose own may say anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.clock import StoreClock
from app.runtime.errors import UnavailableError
from tests.unit.serving.fakes import NOW


class Machine:
    """A machine and a store: one monotonic clock, one store's clock, and a wall clock of the machine's own."""

    def __init__(self, wall_ahead_s: float = 0.0) -> None:
        self.uptime_s = 1_000.0
        self.store_ahead_s = 0.0
        self.clock = StoreClock(
            monotonic=lambda: self.uptime_s, wall=lambda: self.true().timestamp() + wall_ahead_s
        )

    def true(self) -> datetime:
        return NOW + timedelta(seconds=self.uptime_s + self.store_ahead_s)

    def read(self, there_s: float = 0.0, back_s: float = 0.0) -> None:
        def ask() -> datetime:
            self.uptime_s += there_s
            said = self.true()
            self.uptime_s += back_s
            return said

        self.clock.follow(ask)

    def wrong_s(self) -> float:
        return abs((self.clock.now() - self.true()).total_seconds())


@pytest.mark.parametrize("ahead_s", [-86_400, -3_600, 3_600, 86_400])
def test_a_wrong_wall_clock_counts_only_before_the_first_reading(ahead_s: int) -> None:
    machine = Machine(wall_ahead_s=ahead_s)
    assert machine.wrong_s() == pytest.approx(abs(ahead_s))
    machine.read()
    machine.uptime_s += 3_600
    assert machine.wrong_s() < 1e-3


def test_a_slow_reading_does_not_spoil_what_a_quick_one_said() -> None:
    machine = Machine()
    machine.read(0.001, 0.001)
    machine.uptime_s += 2
    machine.read(0.5, 0.0)
    assert machine.wrong_s() < 0.005


@pytest.mark.parametrize("ahead_s", [-600, -2, 2, 600])
def test_a_store_whose_clock_is_set_or_that_another_took_the_place_of_is_followed(ahead_s: int) -> None:
    machine = Machine()
    machine.read(0.001, 0.001)
    machine.store_ahead_s = ahead_s
    machine.uptime_s += 2
    machine.read(0.001, 0.001)
    assert machine.wrong_s() < 0.005


def test_a_store_that_does_not_answer_leaves_the_clock_as_it_was() -> None:
    machine = Machine(wall_ahead_s=3_600)
    machine.read()

    def fail() -> datetime:
        raise UnavailableError("lost")

    with pytest.raises(UnavailableError):
        machine.clock.follow(fail)
    assert machine.wrong_s() < 1e-6
    assert machine.clock.now().tzinfo is UTC


@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 60)), min_size=1, max_size=20))
def test_it_is_never_further_off_than_half_of_the_quickest_reading_and_what_clocks_drift(
    readings: list[tuple[float, float, float]],
) -> None:
    machine, passed_s = Machine(), 0.0
    for there_s, back_s, pause_s in readings:
        machine.read(there_s, back_s)
        machine.uptime_s += pause_s
        passed_s += there_s + back_s + pause_s
    quickest_s = min(there_s + back_s for there_s, back_s, _ in readings)
    assert machine.wrong_s() <= quickest_s + 2 * 200e-6 * passed_s + 1e-5
