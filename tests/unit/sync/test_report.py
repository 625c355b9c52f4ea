"""How long a run will still take: what its budget asks for, and no less than at its speed of late."""

from __future__ import annotations

import pytest

from app.sync.definition import PaceLimits
from app.sync.pacing import Pacer
from app.sync.report import SPEED_OVER_S, Foresight, RunProgress, SyncReport

NOW = 1_800_000_000.0  # a clock hour begins here


class Told:
    """A foresight on a clock of the test's own, of ten objects a request and ten requests a second."""

    def __init__(self, **limits: int) -> None:
        self.now = NOW
        self.pacer = Pacer(PaceLimits(requests=30, share=1.0, **limits), requests=1)
        self.foresight = Foresight(self.pacer, objects=10, clock=lambda: self.now)

    def at(self, seconds: float, done: int, total: int | None = 10_000) -> RunProgress:
        self.now = NOW + seconds
        return self.foresight.at(done, total)


def test_nothing_is_foreseen_before_it_is_known_how_much_there_is() -> None:
    assert Told().at(3, 20, None) == RunProgress(20, None, None)


def test_it_takes_as_long_as_the_budget_asks_for_or_as_the_speed_of_late_says() -> None:
    told = Told()
    assert told.at(0, 0).left_s == pytest.approx(100)
    assert told.at(10, 1_000).left_s == pytest.approx(90)
    assert told.at(20, 1_100).left_s == pytest.approx(8_900 * 20 / 1_100)  # slower than it may
    assert told.at(20 + 2 * SPEED_OVER_S, 1_100).left_s == pytest.approx(
        89
    )  # nothing of late: the budget alone
    assert told.at(100, 10_000).left_s == 0


def test_pauses_of_an_hourly_budget_are_foreseen() -> None:
    told = Told(requests_per_hour=300)
    for _ in range(300):
        told.pacer.reserve(NOW)
    assert told.at(1_800, 3_000).left_s == pytest.approx(1_800 + 2 * 3_600 + 10, abs=1)
    assert Told(requests_per_hour=300).at(0, 0, 2_000).left_s == pytest.approx(20)


def test_what_was_taken_is_counted_by_the_name_of_each_value() -> None:
    report = SyncReport()
    report.count_taken([{"a": 1, "b": None}, {"b": 2}])
    assert (report.taken, report.values, dict(report.by_name)) == (2, 3, {"a": 1, "b": 2})
