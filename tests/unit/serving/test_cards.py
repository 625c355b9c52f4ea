"""Postings in memory: read once, kept within bounds, replaced when they change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.recommend.board import Closes, Status
from app.serving.cards import OVERLAP, Card, Cards
from app.serving.deadline import Deadline
from app.serving.reads import UnavailableError
from tests.unit.serving.fakes import NOW, TODAY, FakeReads, Timer, posting

FAR = Deadline(float("inf"))
LONG_AGO = NOW - timedelta(days=1)  # before any change that is asked for


def cards_on(
    reads: FakeReads, *, size: int = 100, ttl_s: float = 600, every_s: float = 0, timer: Timer | None = None
) -> Cards:
    return Cards(reads, size=size, ttl_s=ttl_s, every_s=every_s, timer=timer or Timer(0.0))


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


@pytest.mark.parametrize("pinned", [True, False])
def test_no_card_is_older_than_its_time_even_where_changes_do_not_show(*, pinned: bool) -> None:
    """The board changes a title without touching `updated_at`; answers are given at any time between updates."""
    timer, reads = Timer(0.0), FakeReads()
    names = [f"p{n}" for n in range(7)]
    reads.put(*(posting(id_, title="0", updated_at=LONG_AGO) for id_ in names))
    cards = cards_on(reads, ttl_s=30, every_s=10, timer=timer)
    cards.pin([reads.board[id_] for id_ in names] if pinned else [])
    cards.update()
    for second in range(1, 200):
        timer.now_s = float(second)
        reads.put(*(posting(id_, title=str(second), updated_at=LONG_AGO) for id_ in names))
        if second % 10 == 0:
            cards.update()
        if missing := [id_ for id_ in names if id_ not in cards.view]:
            assert not pinned
            cards.fetch(missing, FAR)
        assert all(second - int(title or 0) <= 30 for title in titles(cards).values())


def test_of_what_is_pinned_a_share_is_read_at_each_update() -> None:
    reads = FakeReads()
    reads.put(*(posting(f"p{n}", updated_at=LONG_AGO) for n in range(100)))
    cards = cards_on(reads, ttl_s=600, every_s=10)
    cards.pin(reads.board.values())
    cards.update()
    reads.put(*(posting(f"p{n}", title="new", updated_at=LONG_AGO) for n in range(100)))
    cards.update()
    assert list(titles(cards).values()).count("new") == 2
    for _ in range(58):
        cards.update()
    assert list(titles(cards).values()).count("new") == 100
    assert len(cards.pinned()) == 100


def test_a_pinned_posting_that_was_deleted_is_shown_no_more_and_its_trace_ends_with_its_time() -> None:
    timer, reads = Timer(0.0), FakeReads()
    reads.put(posting("a"), posting("b"))
    cards = cards_on(reads, ttl_s=20, every_s=10, timer=timer)
    cards.pin(reads.board.values())
    cards.update()
    del reads.board["a"]
    timer.now_s = 10.0
    cards.update()
    assert titles(cards) == {"a": None, "b": "title of b"}
    assert [one.id for one in cards.pinned()] == ["b"]
    timer.now_s = 30.0
    cards.update()
    assert titles(cards) == {"b": "title of b"}


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


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_text_is_encoded_once_a_day_and_a_call_that_began_before_midnight_leaves_no_trace(
    lang: str,
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    card = Card(posting("a", deadline=tomorrow, closes=Closes.ON_DATE))
    today_text, tomorrow_text = card.text(lang, TODAY), card.text(lang, tomorrow)
    assert today_text != tomorrow_text
    assert card.text(lang, TODAY) == today_text
    assert card.text(lang, tomorrow) is tomorrow_text


def test_texts_of_both_languages_are_kept_side_by_side() -> None:
    card = Card(posting("a"))
    korean, english = card.text("ko", TODAY), card.text("en", TODAY)
    assert korean != english
    assert card.text("ko", TODAY) is korean
    assert card.text("en", TODAY) is english
