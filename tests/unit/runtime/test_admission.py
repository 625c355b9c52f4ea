"""Who may wait for a connection, by how long turns take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.runtime.admission import AdmissionControl


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def line(
    places: int = 4, longest_s: float = 0.25, *, threads: int | None = None
) -> tuple[AdmissionControl, Clock]:
    clock = Clock()
    return AdmissionControl(places, longest_s=longest_s, threads=threads, timer=clock), clock


def after_turns(turns: AdmissionControl, clock: Clock, turn_s: float, count: int = 100) -> None:
    """Let as many calls have their turn one after the other."""
    for _ in range(count):
        assert turns.enter()
        clock.now_s += turn_s
        turns.record_turn(turn_s)
        turns.leave()


def let_in(turns: AdmissionControl, most: int = 1_000) -> int:
    """How many calls that come at once are let in."""
    return next((number for number in range(most) if not turns.enter()), most)


def test_while_turns_are_quick_everybody_may_wait() -> None:
    turns, clock = line()
    after_turns(turns, clock, 0.000_5)
    assert let_in(turns) > 500


def test_while_turns_are_slow_only_those_who_will_have_theirs_soon_may_wait() -> None:
    turns, clock = line()
    after_turns(turns, clock, 0.3)
    assert let_in(turns) == 4 + 3  # the third to wait has a place after 3/4 of 0.3 s, the fourth after 0.3 s


def test_a_store_that_froze_is_found_out_before_any_turn_ended() -> None:
    turns, clock = line()
    after_turns(turns, clock, 0.000_5)
    for _ in range(4):
        turns.enter()
    clock.now_s += 0.6
    assert let_in(turns) == 1


def test_there_is_room_again_when_turns_are_quick_again() -> None:
    turns, clock = line()
    after_turns(turns, clock, 0.8)
    after_turns(turns, clock, 0.001)
    assert let_in(turns) > 100


def test_while_turns_are_slow_one_thread_does_not_wait() -> None:
    turns, clock = line(places=8, threads=8)
    assert let_in(turns, 8) == 8
    for _ in range(8):
        turns.leave()
    after_turns(turns, clock, 0.1)
    assert let_in(turns) == 7
    clock.now_s += 1.0
    for _ in range(7):
        turns.record_turn(0.1)
        turns.leave()
    after_turns(turns, clock, 0.000_5)
    assert let_in(turns, 8) == 8


def test_a_store_that_froze_leaves_one_thread_before_any_turn_ended() -> None:
    turns, clock = line(places=8, threads=8)
    after_turns(turns, clock, 0.000_5)
    assert let_in(turns, 5) == 5
    clock.now_s += 0.03
    assert let_in(turns) == 2


def test_while_many_wait_unseen_all_but_one_are_answered_from_memory() -> None:
    turns, clock = line(places=8, threads=8)
    waiting = 70
    turns.backlog = lambda: waiting
    after_turns(turns, clock, 0.03)
    assert let_in(turns) == 1  # 70 / 8 x 30 ms: the last would wait for more than 250 ms
    waiting = 60
    assert let_in(turns, 7) == 7


def test_turns_need_not_be_as_quick_where_it_is_told_that_nobody_waits() -> None:
    blind, clock = line(places=8, threads=8)
    after_turns(blind, clock, 0.03)
    assert let_in(blind, 8) == 7
    told, clock = line(places=8, threads=8)
    told.backlog = lambda: 0
    after_turns(told, clock, 0.03)
    assert let_in(told, 8) == 8


def test_an_only_thread_is_always_let_in_or_nobody_would_find_out_that_turns_are_quick_again() -> None:
    turns, clock = line(places=1, threads=1)
    after_turns(turns, clock, 5.0)
    assert turns.enter()


def test_idle_time_is_no_turn() -> None:
    turns, clock = line()
    after_turns(turns, clock, 0.000_5)
    clock.now_s += 3_600
    assert let_in(turns) > 500


@given(
    places=st.integers(1, 16),
    turn_s=st.floats(0.000_1, 5.0),
    longest_s=st.floats(0.01, 1.0),
)
def test_a_place_that_is_free_is_never_refused_and_nobody_waits_longer_than_said(
    places: int, turn_s: float, longest_s: float
) -> None:
    turns, clock = line(places, longest_s)
    after_turns(turns, clock, turn_s)
    entered = let_in(turns)
    assert entered >= places
    assert entered == 1_000 or (entered - places) * turn_s / places <= longest_s * 1.01
    for _ in range(entered):
        turns.leave()
    assert turns.inside == 0
