"""Counts of sends: exact, in time, bounded, and never twice, whatever the store does meanwhile."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from app.braze.preview import SAMPLE_ATTRIBUTES
from app.runtime.errors import UnavailableError
from app.serving.distinct_members import ERROR, DistinctMembers, estimate
from app.serving.request import RequestOptions
from app.serving.send_counts import (
    MOST_ROWS_AT_ONCE,
    MOST_SENDS,
    MOST_SENDS_OF_ONE,
    MOST_UNKNOWN_SENDS,
    OTHERS,
    SKETCH_EVERY,
    CountBatch,
    SecondCount,
    SendCounter,
    SketchPart,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 11, 23, 0, 0, 0, 500_000, tzinfo=UTC)
SECOND = int(NOW.timestamp())


class Store:
    """Adds up as Postgres does: a batch of a number that is in is not added again."""

    def __init__(self) -> None:
        self.away = False
        self.cuts_off_after = False  # adds, and then the connection breaks
        self.batches: list[CountBatch] = []
        self.calls: Counter[tuple[str, str, int]] = Counter()
        self.degraded: Counter[tuple[str, str, int]] = Counter()
        self.sketches: dict[tuple[str, str, str], bytes] = {}
        self._numbers: dict[str, int] = {}

    def add(self, batch: CountBatch) -> None:
        """Add a batch once."""
        if self.away:
            raise UnavailableError("lost")
        self.batches.append(batch)
        if self._numbers.get(batch.worker, 0) < batch.number:
            self._numbers[batch.worker] = batch.number
            self._add(batch.seconds, batch.sketches)
        if self.cuts_off_after:
            raise UnavailableError("broken")

    def _add(self, seconds: Iterable[SecondCount], sketches: Iterable[SketchPart]) -> None:
        for one in seconds:
            self.calls[one.campaign, one.send, one.second] += one.calls
            self.degraded[one.campaign, one.send, one.second] += one.degraded
        for part in sketches:
            self.sketches[part.campaign, part.send, part.part] = part.sketch

    def members(self, campaign: str, send: str) -> float:
        """Of a send, over all parts."""
        return estimate(sketch for key, sketch in self.sketches.items() if key[:2] == (campaign, send)).likely


def options(campaign: str = "weekly", send: str = "d-1") -> RequestOptions:
    return RequestOptions(campaign, send, None, 10, "ko")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def counter(store: Store) -> SendCounter:
    return SendCounter(store, new_id=lambda: "w")


def call(
    counter: SendCounter,
    member: str = "m",
    *,
    at_s: float = 0,
    of: RequestOptions | None = None,
    why: str | None = None,
) -> None:
    counter.note((of or options(), member, NOW + timedelta(seconds=at_s), why))


def test_calls_are_counted_by_campaign_send_and_second_and_degraded_ones_apart(
    store: Store, counter: SendCounter
) -> None:
    call(counter, "a")
    call(counter, "a", at_s=0.4)
    call(counter, "b", at_s=0.6, why="postgres")
    call(counter, "c", of=options("weekly", "d-2"))
    call(counter, "d", of=options("other", "d-1"))
    counter.count()
    counter.flush()
    assert store.calls == {
        ("weekly", "d-1", SECOND): 2,
        ("weekly", "d-1", SECOND + 1): 1,
        ("weekly", "d-2", SECOND): 1,
        ("other", "d-1", SECOND): 1,
    }
    assert +store.degraded == {("weekly", "d-1", SECOND + 1): 1}
    assert [(batch.worker, batch.number) for batch in store.batches] == [("w", 1)]


@pytest.mark.parametrize(
    ("campaign", "send"),
    [
        ("loadtest", "d-1"),
        ("loadtest-soak", "d-1"),
        ("preview-kim", "d-1"),
        ("weekly", SAMPLE_ATTRIBUTES["campaign.dispatch_id"]),
    ],
)
def test_load_tests_and_previews_never_count(
    store: Store, counter: SendCounter, campaign: str, send: str
) -> None:
    call(counter, of=options(campaign, send))
    counter.finish()
    assert store.batches == []


def test_a_second_may_be_added_in_parts(store: Store, counter: SendCounter) -> None:
    for _ in range(3):
        call(counter)
        counter.count()
        counter.flush()
    assert store.calls == {("weekly", "d-1", SECOND): 3}


def test_nothing_counted_asks_nothing_of_the_store(store: Store, counter: SendCounter) -> None:
    counter.count()
    counter.flush()
    counter.finish()
    assert store.batches == []


def test_members_are_told_now_and_then_and_at_the_end(store: Store, counter: SendCounter) -> None:
    for flush in range(1, SKETCH_EVERY + 1):
        call(counter, f"m-{flush}")
        counter.count()
        counter.flush()
        assert bool(store.sketches) == (flush == SKETCH_EVERY)
    assert round(store.members("weekly", "d-1")) == SKETCH_EVERY
    call(counter, "m-last")
    counter.finish()
    assert round(store.members("weekly", "d-1")) == SKETCH_EVERY + 1
    assert list(store.sketches) == [("weekly", "d-1", "w-1")]


def test_the_members_that_two_workers_saw_are_counted_once(store: Store) -> None:
    """Two parts of a mail go to two workers."""
    for worker, members in (("v", range(600)), ("w", range(300, 900))):
        counter = SendCounter(store, new_id=lambda worker=worker: worker)  # type: ignore[misc] # a default binds it
        for number in members:
            call(counter, f"m-{number}")
            call(counter, f"m-{number}")
        counter.finish()
    assert sum(store.calls.values()) == 2_400
    assert store.members("weekly", "d-1") == pytest.approx(900, rel=ERROR)


def test_while_the_store_is_away_counts_wait_and_then_all_are_there(
    store: Store, counter: SendCounter
) -> None:
    store.away = True
    for second in range(100):
        call(counter, f"m-{second}", at_s=second)
        counter.count()
        with pytest.raises(UnavailableError):
            counter.flush()
    assert counter.waiting == 100
    store.away = False
    counter.finish()
    assert counter.waiting == 0
    assert sum(store.calls.values()) == 100
    assert set(store.calls.values()) == {1}
    assert store.members("weekly", "d-1") == pytest.approx(100, rel=ERROR)


def test_a_batch_that_went_in_before_the_connection_broke_is_not_added_twice(
    store: Store, counter: SendCounter
) -> None:
    store.cuts_off_after = True
    call(counter)
    counter.count()
    with pytest.raises(UnavailableError):
        counter.flush()
    call(counter)
    counter.count()
    with pytest.raises(UnavailableError):
        counter.flush()
    store.cuts_off_after = False
    counter.flush()
    assert store.calls == {("weekly", "d-1", SECOND): 2}
    assert [batch.number for batch in store.batches] == [1, 1, 1, 2]


def test_what_is_kept_while_the_store_is_away_is_bounded_and_what_is_lost_is_said(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[int] = []
    counter = SendCounter(store, most_rows=10, on_lost=lost.append)
    store.away = True
    for second in range(15):
        call(counter, at_s=second)
        call(counter, at_s=second)
    with caplog.at_level(logging.WARNING):
        counter.count()
    assert (counter.waiting, lost) == (10, [10])
    assert "10 calls are not counted" in caplog.text
    store.away = False
    counter.finish()
    assert sum(store.calls.values()) == 20
    call(counter, at_s=20)
    counter.finish()
    assert sum(store.calls.values()) == 21


def test_notes_are_bounded_where_the_watch_does_not_come_round(store: Store) -> None:
    lost: list[int] = []
    counter = SendCounter(store, most_notes=5, on_lost=lost.append)
    for second in range(8):
        call(counter, at_s=second)
    counter.finish()
    assert sorted(second - SECOND for _, _, second in store.calls) == [3, 4, 5, 6, 7]
    assert lost == [0]


def test_a_long_absence_is_made_up_in_batches_of_a_bounded_size(store: Store) -> None:
    counter = SendCounter(store, most_rows=2 * MOST_ROWS_AT_ONCE)
    for second in range(MOST_ROWS_AT_ONCE + 7):
        call(counter, at_s=second)
    counter.count()
    counter.flush()
    assert [len(batch.seconds) for batch in store.batches] == [MOST_ROWS_AT_ONCE, 7]


def test_a_dispatch_id_of_each_member_is_no_send_and_the_day_stands_in(
    store: Store, counter: SendCounter
) -> None:
    """Braze gives each member of a triggered send a dispatch id of their own."""
    for number in range(500):
        call(counter, f"m-{number}", of=options("welcome", f"dispatch-{number}"))
    counter.finish()
    sends = {send for _, send, _ in store.calls}
    assert len(sends) == MOST_SENDS_OF_ONE + 1
    assert store.calls["welcome", "2026-11-23", SECOND] == 500 - MOST_SENDS_OF_ONE


def test_sends_are_bounded_over_all_campaigns(store: Store) -> None:
    lost: list[int] = []
    counter = SendCounter(store, on_lost=lost.append)
    counter.set_on_record([f"c-{number}" for number in range(1_000)])
    for number in range(1_000):
        call(counter, of=options(f"c-{number}"))
    counter.finish()
    assert len(store.calls) == MOST_SENDS
    assert lost == [1_000 - MOST_SENDS]


def test_sends_that_are_over_make_room_and_one_that_comes_back_keeps_its_members(store: Store) -> None:
    counter = SendCounter(store, new_id=lambda: "w")
    call(counter, "a")
    counter.finish()
    call(counter, "b", of=options("other"), at_s=3_601)
    counter.finish()
    counter.flush()  # lets go of the first
    call(counter, "c", at_s=3_602)
    counter.finish()
    assert round(store.members("weekly", "d-1")) == 2
    assert [key[2] for key in store.sketches] == ["w-1", "w-2", "w-3"]


def test_notes_from_many_threads_are_all_counted(store: Store, counter: SendCounter) -> None:
    def many() -> None:
        for number in range(2_000):
            call(counter, f"m-{number}")

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counter.count()
    counter.finish()
    assert sum(store.calls.values()) == 16_000


def test_a_worker_that_ends_while_its_watch_waits_for_the_store_does_not_wait_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.serving.send_counts.FINISH_WAIT_S", 0.01)
    counter = SendCounter(store)
    with counter._lock, pytest.raises(UnavailableError):
        counter.finish()


@pytest.mark.parametrize("members", [0, 1, 100, 5_000, 40_000])
def test_a_sketch_is_right_within_twice_its_error(members: int) -> None:
    sketch = DistinctMembers()
    sketch.add([f"m-{number}" for number in range(members)])
    assert estimate([sketch.pack()]).likely == pytest.approx(members, rel=2 * ERROR, abs=0.5)


def test_sketches_added_up_in_any_order_are_the_sketch_of_all() -> None:
    parts = []
    for part in range(4):
        sketch = DistinctMembers()
        sketch.add([f"m-{number}" for number in range(part * 500, part * 500 + 1_000)])
        parts.append(sketch.pack())
    whole = DistinctMembers()
    whole.add([f"m-{number}" for number in range(2_500)])
    assert estimate(parts) == estimate(reversed(parts)) == estimate([whole.pack()])


def test_made_up_names_take_no_room_from_the_campaigns_on_record() -> None:
    """A template that writes the member into the campaign's name makes as many as there are members."""
    store = Store()
    lost: list[int] = []
    counter = SendCounter(store, on_lost=lost.append)
    counter.set_on_record(["weekly", "daily"])
    for number in range(3_000):
        call(counter, of=options(f"made-up-{number}"))
    counter.count()
    for number in range(MOST_SENDS_OF_ONE):
        call(counter, of=options("weekly", f"d-{number}"))
        call(counter, of=options("daily", f"d-{number}"))
    counter.count()
    counter.flush()
    calls: Counter[str] = Counter()
    for (campaign, _send, _second), count in store.calls.items():
        calls[campaign] += count
    assert (calls["weekly"], calls["daily"], lost) == (MOST_SENDS_OF_ONE, MOST_SENDS_OF_ONE, [])
    assert calls[OTHERS] == 3_000 - MOST_UNKNOWN_SENDS
    assert sum(calls.values()) == 3_000 + 2 * MOST_SENDS_OF_ONE


def test_a_campaign_put_on_record_while_names_are_made_up_is_counted_from_then_on() -> None:
    store = Store()
    counter = SendCounter(store)
    for number in range(500):
        call(counter, of=options(f"made-up-{number}"))
    call(counter, of=options("weekly"))
    counter.count()
    counter.set_on_record(["weekly"])
    call(counter, of=options("weekly"))
    counter.count()
    counter.flush()
    assert sum(count for (campaign, *_), count in store.calls.items() if campaign == "weekly") == 1


def test_with_postgres_away_names_that_are_not_on_record_leave_half_the_room() -> None:
    store = Store()
    lost: list[int] = []
    store.away = True
    counter = SendCounter(store, most_rows=10, on_lost=lost.append)
    counter.set_on_record(["weekly"])
    for number in range(20):
        call(counter, of=options(f"made-up-{number}"))
    call(counter, of=options("weekly"))
    counter.count()
    assert lost == [15]
    assert counter.waiting == 6
