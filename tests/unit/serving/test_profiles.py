"""Members who came after the refresh are ranked alike by every worker, whatever it read when it started."""

from __future__ import annotations

from datetime import timedelta

from app.board.model import Member, Status
from app.serving.profiles import Profiles, pack, pool_of, unpack
from app.serving.store import Shelf
from tests.unit.serving.fakes import NOW, FakeStore, posting

MEMBER = Member(id="m", categories=("2",))
SHELVES = [Shelf("", "", [f"p{n}" for n in range(6)], [1] * 6), Shelf("2", "", ["p5", "p1"], [1, 1])]
POSTINGS = [posting(f"p{n}", f"c{n}", categories=("2",), opened_at=NOW - timedelta(days=n)) for n in range(7)]


def ranked(store: FakeStore, postings: list[object], run_id: int | None = 1) -> list[str]:
    ranker = Profiles(store).ranker(SHELVES, postings, run_id)  # type: ignore[arg-type] # postings
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
    assert unpack(pack(pool)) == pool


def test_a_pool_that_another_version_wrote_is_none() -> None:
    assert unpack(b"no") == unpack(pack([])) == []
