"""Postings in memory: read once, kept within bounds, replaced when they change."""

from __future__ import annotations

import contextlib
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.board.model import Closes, Status
from app.board.veto import BOARD_ZONE, NEVER
from app.runtime.deadline import Deadline
from app.runtime.errors import UnavailableError
from app.serving import cards as module
from app.serving.cards import OVERLAP_S, Card, Cards
from app.serving.selection import select
from tests.unit.serving.fakes import NOW, TODAY, FakeStore, Timer, posting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.board.model import Posting
    from app.serving.store import Standing

FAR = Deadline(float("inf"))
LONG_AGO = NOW - timedelta(days=1)  # before any change that is asked for


def cards_on(
    store: FakeStore, *, size: int = 100, ttl_s: float = 600, every_s: float = 0, timer: Timer | None = None
) -> Cards:
    return Cards(store, size=size, ttl_s=ttl_s, every_s=every_s, timer=timer or Timer(0.0))


def titles(cards: Cards) -> dict[str, str | None]:
    return {id_: card.posting.title if card else None for id_, card in cards.view.items()}


def test_cards_are_read_in_one_read_and_what_does_not_exist_is_known_too() -> None:
    store = FakeStore()
    store.put(posting("a"), posting("b"))
    cards = cards_on(store)
    cards.fetch(["a", "gone", "b"], FAR)
    assert titles(cards) == {"a": "title of a", "gone": None, "b": "title of b"}
    assert store.asked == ["postings"]


def test_only_so_many_are_kept_and_only_so_long() -> None:
    timer, store = Timer(0.0), FakeStore()
    store.put(*(posting(f"p{n}") for n in range(5)))
    cards = cards_on(store, size=3, timer=timer)
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
    timer, store = Timer(0.0), FakeStore()
    store.put(*(posting(f"p{n}") for n in range(5)))
    cards = cards_on(store, size=1, timer=timer)
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
    assert [one.id for one in cards.pinned_postings()] == ["p4"]


def test_a_card_that_was_kept_before_it_was_pinned_stays_when_it_no_longer_is() -> None:
    store = FakeStore()
    store.put(posting("a"))
    cards = cards_on(store)
    cards.fetch(["a"], FAR)
    cards.pin([posting("a")])
    cards.pin([])
    assert set(cards.view) == {"a"}


def test_an_update_replaces_what_changed_and_adds_nothing() -> None:
    store = FakeStore()
    store.put(posting("kept"), posting("pinned"), posting("neither"))
    cards = cards_on(store)
    cards.pin([posting("pinned")])
    cards.fetch(["kept"], FAR)
    cards.update()
    later = NOW + timedelta(seconds=5)
    store.put(*(posting(id_, title="new", updated_at=later) for id_ in ("kept", "pinned", "neither")))
    cards.update()
    assert titles(cards) == {"kept": "new", "pinned": "new"}
    assert [one.title for one in cards.pinned_postings()] == ["new"]


def test_a_posting_that_comes_into_being_replaces_the_knowledge_that_it_did_not_exist() -> None:
    store = FakeStore()
    cards = cards_on(store)
    cards.fetch(["late"], FAR)
    cards.update()
    store.put(posting("late"))
    cards.update()
    assert titles(cards) == {"late": "title of late"}


def test_updates_overlap_so_that_a_change_committed_late_is_not_missed() -> None:
    store = FakeStore()
    store.put(posting("a"))
    cards = cards_on(store)
    cards.fetch(["a"], FAR)
    cards.update()
    store.now = NOW + timedelta(hours=1)
    cards.update()
    within = store.now - timedelta(seconds=OVERLAP_S)
    store.put(posting("a", status=Status.CLOSED, updated_at=within))
    cards.update()
    card = cards.view["a"]
    assert card is not None
    assert card.until == NEVER


def test_an_update_that_fails_changes_nothing_and_the_next_one_makes_up_for_it() -> None:
    store = FakeStore()
    store.put(posting("a"))
    cards = cards_on(store)
    cards.fetch(["a"], FAR)
    cards.update()
    store.put(posting("a", title="new", updated_at=NOW + timedelta(seconds=1)))
    store.now, store.failing = NOW + timedelta(hours=1), {"standings_changed_since", "standings"}
    with pytest.raises(UnavailableError):
        cards.update()
    store.failing = set()
    cards.update()
    assert titles(cards) == {"a": "new"}


def test_a_read_that_fails_leaves_what_was_there() -> None:
    store = FakeStore()
    store.put(posting("a"))
    cards = cards_on(store)
    cards.fetch(["a"], FAR)
    store.failing = {"postings"}
    with pytest.raises(UnavailableError):
        cards.fetch(["a", "b"], FAR)
    assert set(cards.view) == {"a"}


@pytest.mark.parametrize("pinned", [True, False])
def test_no_card_is_older_than_its_time_even_where_changes_do_not_show(*, pinned: bool) -> None:
    """The board changes a title without touching `updated_at`; answers are given at any time between updates."""
    timer, store = Timer(0.0), FakeStore()
    names = [f"p{n}" for n in range(7)]
    store.put(*(posting(id_, title="0", updated_at=LONG_AGO) for id_ in names))
    cards = cards_on(store, ttl_s=30, every_s=10, timer=timer)
    cards.pin([store.board[id_] for id_ in names] if pinned else [])
    cards.update()
    for second in range(1, 200):
        timer.now_s = float(second)
        store.put(*(posting(id_, title=str(second), updated_at=LONG_AGO) for id_ in names))
        if second % 10 == 0:
            cards.update()
        if missing := [id_ for id_ in names if id_ not in cards.view]:
            assert not pinned
            cards.fetch(missing, FAR)
        assert all(second - int(title or 0) <= 30 for title in titles(cards).values())


def test_of_what_is_pinned_a_share_is_read_at_each_update() -> None:
    store = FakeStore()
    store.put(*(posting(f"p{n}", updated_at=LONG_AGO) for n in range(100)))
    cards = cards_on(store, ttl_s=600, every_s=10)
    cards.pin(store.board.values())
    cards.update()
    store.put(*(posting(f"p{n}", title="new", updated_at=LONG_AGO) for n in range(100)))
    cards.update()
    assert list(titles(cards).values()).count("new") == 2
    for _ in range(58):
        cards.update()
    assert list(titles(cards).values()).count("new") == 100
    assert len(cards.pinned_postings()) == 100


def test_a_pinned_posting_that_was_deleted_is_shown_no_more_and_its_trace_ends_with_its_time() -> None:
    timer, store = Timer(0.0), FakeStore()
    store.put(posting("a"), posting("b"))
    cards = cards_on(store, ttl_s=20, every_s=10, timer=timer)
    cards.pin(store.board.values())
    cards.update()
    del store.board["a"]
    timer.now_s = 10.0
    cards.update()
    assert titles(cards) == {"a": None, "b": "title of b"}
    assert [one.id for one in cards.pinned_postings()] == ["b"]
    timer.now_s = 30.0
    cards.update()
    assert titles(cards) == {"b": "title of b"}


def in_seoul(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), BOARD_ZONE)


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ({"deadline": TODAY}, in_seoul(TODAY + timedelta(days=1))),
        ({"deadline": TODAY + timedelta(days=3)}, in_seoul(TODAY + timedelta(days=4))),
        ({"deadline": TODAY, "deadline_time": time(18)}, in_seoul(TODAY, 18)),
        ({"deadline": TODAY, "deadline_time": time(18, 0, 0, 700_000)}, in_seoul(TODAY, 18)),
    ],
)
def test_a_card_knows_the_second_from_which_on_it_may_not_be_shown(
    facts: dict[str, Any], end: datetime
) -> None:
    card = Card(posting("a", **facts))
    assert card.until == end.timestamp()
    assert [select(["a"], b"\1", {"a": card}, (), card.until + late, 10).kept for late in (-1, 0)] == [
        [(card, 1)],
        [],
    ]


def test_a_card_without_a_deadline_may_always_be_shown_and_one_that_is_not_open_never() -> None:
    assert Card(posting("a")).until > in_seoul(date(9999, 12, 31)).timestamp()
    for status in (Status.CLOSED, Status.HIDDEN):
        assert Card(posting("a", status=status, deadline=TODAY)).until <= 0


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://a.kr", "https://a.kr?rid="),
        ("https://a.kr/?", "https://a.kr/?rid="),
        ("https://a.kr/v?id=7&campaign=feed&rid=old&position=9&variant=x", "https://a.kr/v?id=7&rid="),
        ("https://a.kr/v?%72id=1&&Rid=2&x", "https://a.kr/v?Rid=2&x&rid="),
        ("https://a.kr/v?rid=1#/jobs/7?campaign=feed", "https://a.kr/v?rid="),
        (
            "https://한빛.kr:8080/공고?q=서울",
            "https://xn--xx3br43b.kr:8080/%EA%B3%B5%EA%B3%A0?q=%EC%84%9C%EC%9A%B8&rid=",
        ),
    ],
)
def test_a_link_ends_where_our_parameters_go_and_has_none_of_their_names(url: str, sent: str) -> None:
    assert Card(posting("a", url=url)).text("ko", TODAY).decode().endswith(f'"url":"{sent}')


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


def closed(*ids: str, at: datetime) -> list[Posting]:
    return [posting(id_, status=Status.CLOSED, updated_at=at) for id_ in ids]


def may_be_shown(cards: Cards) -> set[str]:
    return {id_ for id_, card in cards.view.items() if card and card.until > NOW.timestamp()}


@pytest.fixture
def hundred(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeStore, Cards]:
    """Cards of a hundred postings, ten of them pinned; more than 20 changes are too many to read."""
    monkeypatch.setattr(module, "MOST_CHANGED", 20)
    monkeypatch.setattr(module, "PIECE", 7)
    monkeypatch.setattr(module, "MOST_READ", 10)
    monkeypatch.setattr(module, "READ_PIECE", 5)
    store = FakeStore()
    store.put(*(posting(f"p{n}", updated_at=LONG_AGO) for n in range(100)))
    cards = cards_on(store)
    cards.pin([store.board[f"p{n}"] for n in range(10)])
    cards.fetch([f"p{n}" for n in range(10, 100)], FAR)
    cards.update()
    store.now += timedelta(seconds=10)
    store.asked.clear()
    return store, cards


def test_a_job_that_touches_every_posting_hides_no_closing(hundred: tuple[FakeStore, Cards]) -> None:
    """What may not be shown is known at once; what else the postings say, a few of them at a time."""
    store, cards = hundred
    store.put(*(posting(f"p{n}", title="new", updated_at=store.now) for n in range(100)))
    store.put(*closed("p3", "p77", at=store.now))
    del store.board["p5"], store.board["p55"]
    cards.update()
    assert may_be_shown(cards) == set(store.board) - {"p3", "p77"}
    assert list(titles(cards).values()).count("new") <= 10
    for _ in range(12):
        store.now += timedelta(seconds=60)
        cards.update()
    assert {title for id_, title in titles(cards).items() if id_ not in {"p3", "p77"}} == {"new", None}


def test_a_read_of_what_changed_that_fails_leaves_the_check_of_each_card(
    hundred: tuple[FakeStore, Cards],
) -> None:
    store, cards = hundred
    store.put(*closed("p3", "p77", at=store.now))
    store.failing = {"standings_changed_since"}
    cards.update()
    assert may_be_shown(cards) == set(store.board) - {"p3", "p77"}


def test_a_check_that_is_cut_off_goes_on_where_it_stopped(hundred: tuple[FakeStore, Cards]) -> None:
    store, cards = hundred
    store.put(*closed(*store.board, at=store.now))
    usual, left = store.standings, [3]

    def thrice(ids: Sequence[str]) -> Sequence[Standing]:
        left[0] -= 1
        if left[0] < 0:
            raise UnavailableError("timeout")
        return usual(ids)

    store.standings = thrice  # type: ignore[method-assign] # as a server that is busy
    for round_ in range(1, 6):
        left[0] = 3
        with pytest.raises(UnavailableError):
            cards.update()
        assert len(may_be_shown(cards)) == max(0, 100 - 21 * round_)


def test_what_is_too_old_leaves_memory_although_no_posting_can_be_read() -> None:
    timer, store = Timer(0.0), FakeStore()
    store.put(posting("a"))
    cards = cards_on(store, ttl_s=30, every_s=10, timer=timer)
    cards.update()
    cards.fetch(["a"], FAR)
    store.failing = {"standings_changed_since", "standings", "postings"}
    timer.now_s = 21.0
    with contextlib.suppress(UnavailableError):
        cards.update()
    assert cards.view == {}


def test_while_the_store_is_away_what_is_known_stays() -> None:
    timer, store = Timer(0.0), FakeStore()
    store.put(posting("a"))
    cards = cards_on(store, ttl_s=30, every_s=10, timer=timer)
    cards.update()
    cards.fetch(["a"], FAR)
    store.failing = {"clock"}
    timer.now_s = 1_000.0
    with pytest.raises(UnavailableError):
        cards.update()
    assert set(cards.view) == {"a"}


def test_what_changed_within_the_overlap_is_read_once_and_not_at_every_update() -> None:
    store = FakeStore()
    store.put(posting("a"))
    cards = cards_on(store, every_s=10)
    cards.update()
    cards.fetch(["a"], FAR)
    store.now += timedelta(seconds=100)
    store.put(posting("a", title="new", updated_at=NOW + timedelta(seconds=5)))
    store.asked.clear()
    for _ in range(5):
        cards.update()
    assert titles(cards) == {"a": "new"}
    assert store.asked.count("postings") == 1


def test_two_changes_within_one_tick_of_the_boards_clock_are_both_seen() -> None:
    store = FakeStore()
    store.put(posting("a", title="first", updated_at=NOW))
    cards = cards_on(store, every_s=10)
    cards.update()
    cards.fetch(["a"], FAR)
    store.put(posting("a", title="second", updated_at=NOW))
    cards.update()
    assert titles(cards) == {"a": "second"}


def test_a_posting_is_shown_again_when_it_has_been_read_again() -> None:
    store = FakeStore()
    store.put(posting("a", status=Status.CLOSED, updated_at=LONG_AGO))
    cards = cards_on(store)
    cards.update()
    cards.fetch(["a"], FAR)
    store.put(posting("a", title="open again"))
    store.failing = {"postings"}
    with pytest.raises(UnavailableError):
        cards.update()
    assert may_be_shown(cards) == set()
    store.failing = set()
    cards.update()
    assert (may_be_shown(cards), titles(cards)) == ({"a"}, {"a": "open again"})
