"""Postings in memory: read once, kept within bounds, replaced when they change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.recommend.board import Status
from app.serving.cards import OVERLAP, Card, Cards
from app.serving.deadline import Deadline
from app.serving.reads import UnavailableError
from tests.unit.serving.fakes import NOW, TODAY, FakeReads, Timer, posting

FAR = Deadline(float("inf"))


def cards_on(reads: FakeReads, *, size: int = 100, timer: Timer | None = None) -> Cards:
    return Cards(reads, size=size, ttl_s=600, timer=timer or Timer(0.0))


def titles(cards: Cards) -> dict[str, str | None]:
    return {id_: card.posting.title if card else None for id_, card in cards.view.items()}


def test_cards_are_read_in_one_read_and_what_does_not_exist_is_known_too() -> None:
    reads = FakeReads()
    reads.put(posting("a"), posting("b"))
    cards = cards_on(reads)
    cards.fetch(["a", "gone", "b"], FAR)
    assert titles(cards) == {"a": "title of a", "gone": None, "b": "title of b"}
    assert reads.asked == ["postings"]


def test_only_so_many_are_kept_and_only_so_long() -> None:
    timer, reads = Timer(0.0), FakeReads()
    reads.put(*(posting(f"p{n}") for n in range(5)))
    cards = cards_on(reads, size=3, timer=timer)
    cards.update()
    cards.fetch(["p0", "p1", "p2", "p3"], FAR)
    assert set(cards.view) == {"p1", "p2", "p3"}
    timer.now_s = 599
    cards.update()
    assert len(cards.view) == 3
    timer.now_s = 601
    cards.update()
    assert cards.view == {}


def test_pinned_cards_stay_however_full_and_old() -> None:
    timer, reads = Timer(0.0), FakeReads()
    reads.put(*(posting(f"p{n}") for n in range(5)))
    cards = cards_on(reads, size=1, timer=timer)
    cards.pin([posting("p0"), posting("p1")])
    cards.update()
    cards.fetch(["p0", "p2"], FAR)
    cards.fetch(["p3"], FAR)
    assert set(cards.view) == {"p0", "p1", "p3"}
    timer.now_s = 10_000
    cards.update()
    assert set(cards.view) == {"p0", "p1"}
    cards.pin([posting("p4")])
    assert set(cards.view) == {"p4"}
    assert [one.id for one in cards.pinned()] == ["p4"]


def test_a_card_that_was_kept_before_it_was_pinned_stays_when_it_no_longer_is() -> None:
    reads = FakeReads()
    reads.put(posting("a"))
    cards = cards_on(reads)
    cards.fetch(["a"], FAR)
    cards.pin([posting("a")])
    cards.pin([])
    assert set(cards.view) == {"a"}


def test_an_update_replaces_what_changed_and_adds_nothing() -> None:
    reads = FakeReads()
    reads.put(posting("kept"), posting("pinned"), posting("neither"))
    cards = cards_on(reads)
    cards.pin([posting("pinned")])
    cards.fetch(["kept"], FAR)
    cards.update()
    later = NOW + timedelta(seconds=5)
    reads.put(*(posting(id_, title="new", updated_at=later) for id_ in ("kept", "pinned", "neither")))
    cards.update()
    assert titles(cards) == {"kept": "new", "pinned": "new"}
    assert [one.title for one in cards.pinned()] == ["new"]


def test_a_posting_that_comes_into_being_replaces_the_knowledge_that_it_did_not_exist() -> None:
    reads = FakeReads()
    cards = cards_on(reads)
    cards.fetch(["late"], FAR)
    cards.update()
    reads.put(posting("late"))
    cards.update()
    assert titles(cards) == {"late": "title of late"}


def test_updates_overlap_so_that_a_change_committed_late_is_not_missed() -> None:
    reads = FakeReads()
    reads.put(posting("a"))
    cards = cards_on(reads)
    cards.fetch(["a"], FAR)
    cards.update()
    reads.clock = NOW + timedelta(hours=1)
    cards.update()
    within = reads.clock - OVERLAP
    reads.put(posting("a", status=Status.CLOSED, updated_at=within))
    cards.update()
    card = cards.view["a"]
    assert card is not None
    assert card.until < TODAY.toordinal()


def test_an_update_that_fails_changes_nothing_and_the_next_one_makes_up_for_it() -> None:
    reads = FakeReads()
    reads.put(posting("a"))
    cards = cards_on(reads)
    cards.fetch(["a"], FAR)
    cards.update()
    reads.put(posting("a", title="new", updated_at=NOW + timedelta(seconds=1)))
    reads.clock, reads.failing = NOW + timedelta(hours=1), {"postings_changed_since"}
    with pytest.raises(UnavailableError):
        cards.update()
    reads.failing = set()
    cards.update()
    assert titles(cards) == {"a": "new"}


def test_a_read_that_fails_leaves_what_was_there() -> None:
    reads = FakeReads()
    reads.put(posting("a"))
    cards = cards_on(reads)
    cards.fetch(["a"], FAR)
    reads.failing = {"postings"}
    with pytest.raises(UnavailableError):
        cards.fetch(["a", "b"], FAR)
    assert set(cards.view) == {"a"}


@pytest.mark.parametrize(
    ("facts", "last_day"),
    [
        ({}, None),
        ({"deadline": TODAY}, TODAY),
        ({"deadline": TODAY + timedelta(days=3)}, TODAY + timedelta(days=3)),
        ({"status": Status.CLOSED, "deadline": TODAY}, "never"),
        ({"status": Status.HIDDEN}, "never"),
    ],
)
def test_a_card_knows_the_last_day_it_may_be_shown(facts: dict[str, Any], last_day: object) -> None:
    until = Card(posting("a", **facts)).until
    days = [TODAY + timedelta(days=n) for n in range(-2, 10)]
    shown = [day for day in days if until >= day.toordinal()]
    if last_day is None:
        assert shown == days
    elif last_day == "never":
        assert shown == []
    else:
        assert shown[-1] == last_day
