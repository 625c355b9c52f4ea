"""Popular lists in memory: read once a run, the nearest first; and profiles ranked alike by every worker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from app.board.model import Member, Status
from app.runtime.errors import UnavailableError
from app.serving.cards import Cards
from app.serving.shelves import Shelves, make_profile_ranker, pack_pool, pool_of, unpack_pool
from app.serving.store import Shelf
from tests.unit.serving.fakes import NOW, RUN, SECOND_RUN, FakeStore, posting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.board.model import Posting
    from app.recommend.ranked import RankedPosting


MINUTE = timedelta(minutes=1)
MEMBER = Member(id="m", categories=("2",))
SHELVES = [Shelf("", "", [f"p{n}" for n in range(6)], [1] * 6), Shelf("2", "", ["p5", "p1"], [1, 1])]
POSTINGS = [posting(f"p{n}", f"c{n}", categories=("2",), opened_at=NOW - timedelta(days=n)) for n in range(7)]


class Rank(NamedTuple):
    """A ranker that says what it was made of; it is not asked."""

    postings: list[str]
    run_id: int | None

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> Sequence[RankedPosting]:
        raise AssertionError((member, now, keep))


class Shelved:
    """Shelves over a store in memory."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.put(*(posting(f"p{n}") for n in range(4)))
        self.store.stood[1] = [
            Shelf("", "", ["p0", "p1"], [1, 1]),
            Shelf("2", "", ["p2", "p0"], [2, 2]),
            Shelf("2", "101000", ["p3"], [2]),
            Shelf("", "101000", ["p1"], [1]),
        ]
        self.store.stood[2] = [Shelf("", "", ["p3"], [1])]
        self.cards = Cards(self.store, size=10, ttl_s=10)
        self.shelves = Shelves(self.store, self.cards, self._make)

    def _make(self, _shelves: Sequence[Shelf], postings: Sequence[Posting], run_id: int | None) -> Rank:
        if "weights" in self.store.failing:
            raise UnavailableError("broken")
        return Rank([one.id for one in postings], run_id)

    def near(self, category: str = "", region: str = "", *, run_id: int = 1) -> list[tuple[str, int]]:
        return list(self.shelves.nearest(run_id, category, region))


def test_shelves_are_read_once_a_run_and_their_cards_pinned() -> None:
    shelved = Shelved()
    shelved.shelves.update(RUN)
    shelved.shelves.update(RUN)
    assert shelved.store.asked == ["shelves", "same_jobs", "hidden_since", "postings"]
    assert sorted(shelved.cards.view) == ["p0", "p1", "p2", "p3"]
    assert shelved.shelves.ranker(1) == Rank(["p0", "p1", "p2", "p3"], 1)
    shelved.shelves.update(SECOND_RUN)
    assert (shelved.near(run_id=2), sorted(shelved.cards.view)) == ([("p3", 1)], ["p3"])


def test_the_shelves_of_a_run_to_come_are_there_before_its_time() -> None:
    shelved = Shelved()
    shelved.shelves.update(RUN)
    shelved.shelves.update(RUN, [SECOND_RUN])
    assert (shelved.near(run_id=1), shelved.near(run_id=2)) == ([("p0", 1), ("p1", 1)], [("p3", 1)])
    assert [shelved.shelves.ranker(n) for n in (1, 2)] == [Rank(["p0", "p1", "p2", "p3"], 1), Rank(["p3"], 2)]
    assert shelved.shelves.all()[0].posting_ids == ["p0", "p1"]
    shelved.store.asked.clear()
    shelved.store.failing = {"shelves"}
    shelved.shelves.update(SECOND_RUN)
    assert [one.posting_ids for one in shelved.shelves.all()] == [["p3"]]


def test_a_run_that_comes_into_force_unannounced_has_the_shelves_of_the_one_before_until_they_are_read() -> (
    None
):
    shelved = Shelved()
    shelved.shelves.update(RUN)
    assert shelved.near(run_id=2) == [("p0", 1), ("p1", 1)]
    assert shelved.shelves.ranker(2) == Rank(["p0", "p1", "p2", "p3"], 1)
    shelved.shelves.update(SECOND_RUN)
    assert shelved.near(run_id=2) == [("p3", 1)]


def test_the_nearest_shelf_comes_first_and_no_posting_twice() -> None:
    shelved = Shelved()
    shelved.shelves.update(RUN)
    assert shelved.near("2", "101000") == [("p3", 2), ("p2", 2), ("p0", 2), ("p1", 1)]
    assert shelved.near("2", "999") == [("p2", 2), ("p0", 2), ("p1", 1)]
    assert shelved.near("9", "101000") == [("p1", 1), ("p0", 1)]
    assert shelved.near() == [("p0", 1), ("p1", 1)]


def test_without_a_run_the_newest_postings_are_the_only_shelf_and_read_anew_each_time() -> None:
    shelved = Shelved()
    shelved.shelves.update(None)
    shelved.store.put(posting("p4", opened_at=NOW + MINUTE))
    shelved.shelves.update(None)
    assert shelved.near("2", "101000", run_id=0)[:2] == [("p4", 14), ("p0", 14)]
    shelved.shelves.update(None, [RUN])
    assert shelved.near("2", "101000", run_id=0)[:2] == [("p4", 14), ("p0", 14)]
    assert shelved.near("2", "101000", run_id=1)[:2] == [("p3", 2), ("p2", 2)]


@pytest.mark.parametrize("failing", ["shelves", "same_jobs", "hidden_since", "postings"])
def test_shelves_that_cannot_be_read_stay_as_they_were(failing: str) -> None:
    shelved = Shelved()
    shelved.shelves.update(RUN)
    shelved.store.failing = {failing}
    with pytest.raises(UnavailableError):
        shelved.shelves.update(SECOND_RUN)
    assert (shelved.near(run_id=1), shelved.near(run_id=2)) == ([("p0", 1), ("p1", 1)],) * 2
    shelved.store.failing = set()
    shelved.shelves.update(SECOND_RUN)
    assert shelved.near(run_id=2) == [("p3", 1)]


def test_a_ranker_that_could_not_be_made_is_made_at_the_next_update_and_the_shelves_are_there_meanwhile() -> (
    None
):
    shelved = Shelved()
    shelved.store.failing = {"weights"}
    with pytest.raises(UnavailableError):
        shelved.shelves.update(RUN)
    assert (shelved.near(), shelved.shelves.ranker(1)) == ([("p0", 1), ("p1", 1)], None)
    shelved.store.failing = set()
    shelved.shelves.update(RUN)
    assert shelved.shelves.ranker(1) == Rank(["p0", "p1", "p2", "p3"], 1)
    assert shelved.store.asked == ["shelves", "same_jobs", "hidden_since", "postings"]


def test_saved_shelves_stand_in_for_any_run_until_the_store_answers() -> None:
    shelved = Shelved()
    shelved.shelves.restore([Shelf("", "", ["p2"], [1])], [posting("p2")])
    assert (shelved.near(run_id=1), shelved.near(run_id=2)) == ([("p2", 1)],) * 2
    assert (shelved.shelves.ranker(1), shelved.shelves.fresh) == (Rank(["p2"], None), False)
    shelved.shelves.update(RUN)
    assert (shelved.near(), shelved.shelves.fresh) == ([("p0", 1), ("p1", 1)], True)


def ranked(store: FakeStore, postings: list[object], run_id: int | None = 1) -> list[str]:
    ranker = make_profile_ranker(store, SHELVES, postings, run_id)  # type: ignore[arg-type] # postings
    return [one.posting_id for one in ranker.rank(MEMBER, now=NOW)]


def test_it_is_ranked_as_of_the_run_by_a_worker_that_starts_when_postings_changed() -> None:
    store = FakeStore()
    store.pools[1] = pool_of(SHELVES, POSTINGS)
    closed = [posting("p0", "c0", categories=("2",), status=Status.CLOSED), *POSTINGS[2:]]
    found = ranked(store, list(POSTINGS))
    assert sorted(found) == [f"p{n}" for n in range(6)]
    assert ranked(store, list(closed)) == found


def test_a_run_of_a_version_that_kept_no_pool_is_ranked_by_what_stands_on_its_shelves_now() -> None:
    assert sorted(ranked(FakeStore(), list(POSTINGS[:3]))) == ["p0", "p1", "p2"]
    assert sorted(ranked(FakeStore(), list(POSTINGS[:3]), None)) == ["p0", "p1", "p2"]


def test_a_pool_holds_what_is_on_shelves_the_most_popular_first_and_is_read_as_it_was_written() -> None:
    pool = pool_of(SHELVES, POSTINGS)
    assert [one.id for one in pool] == ["p0", "p5", "p1", "p2", "p3", "p4"]
    assert unpack_pool(pack_pool(pool)) == pool


def test_a_pool_that_another_version_wrote_is_none() -> None:
    assert unpack_pool(b"no") == unpack_pool(pack_pool([])) == []
