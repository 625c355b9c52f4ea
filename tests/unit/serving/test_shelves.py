"""Popular lists in memory: read once a run, the nearest first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.serving.cards import Cards
from app.serving.reads import Shelf, UnavailableError
from app.serving.shelves import Shelves
from tests.unit.serving.fakes import NOW, RUN, SECOND_RUN, FakeReads, posting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.recommend.board import Posting


MINUTE = timedelta(minutes=1)


class Shelved:
    """Shelves over a store in memory, and what they told of their changes."""

    def __init__(self) -> None:
        self.reads = FakeReads()
        self.reads.put(*(posting(f"p{n}") for n in range(4)))
        self.reads.stood[1] = [
            Shelf("", "", ["p0", "p1"], [1, 1]),
            Shelf("2", "", ["p2", "p0"], [2, 2]),
            Shelf("2", "101000", ["p3"], [2]),
            Shelf("", "101000", ["p1"], [1]),
        ]
        self.told: list[tuple[list[str], int | None]] = []
        self.cards = Cards(self.reads, size=10, ttl_s=10)
        self.shelves = Shelves(self.reads, self.cards, self._tell)

    def _tell(self, _shelves: Sequence[Shelf], postings: Sequence[Posting], run_id: int | None) -> None:
        self.told.append((sorted(one.id for one in postings), run_id))

    def near(self, category: str = "", region: str = "") -> list[tuple[str, int]]:
        return list(self.shelves.near(category, region))


def test_shelves_are_read_once_a_run_and_their_cards_pinned() -> None:
    shelved = Shelved()
    shelved.shelves.update(RUN)
    shelved.shelves.update(RUN)
    assert shelved.reads.asked == ["shelves", "postings"]
    assert (sorted(shelved.cards.view), shelved.told) == (
        ["p0", "p1", "p2", "p3"],
        [(["p0", "p1", "p2", "p3"], 1)],
    )
    shelved.reads.stood[2] = [Shelf("", "", ["p3"], [1])]
    shelved.shelves.update(SECOND_RUN)
    assert (shelved.near(), sorted(shelved.cards.view)) == ([("p3", 1)], ["p3"])


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
    shelved.reads.put(posting("p4", opened_at=NOW + MINUTE))
    shelved.shelves.update(None)
    assert shelved.near("2", "101000")[:2] == [("p4", 14), ("p0", 14)]


@pytest.mark.parametrize("failing", ["shelves", "postings"])
def test_shelves_that_cannot_be_read_stay_as_they_were(failing: str) -> None:
    shelved = Shelved()
    shelved.shelves.update(RUN)
    shelved.reads.failing = {failing}
    with pytest.raises(UnavailableError):
        shelved.shelves.update(SECOND_RUN)
    assert shelved.near() == [("p0", 1), ("p1", 1)]
    shelved.reads.failing = set()
    shelved.shelves.update(SECOND_RUN)
    assert shelved.near() == []


def test_who_is_told_of_new_shelves_is_told_again_where_that_failed() -> None:
    shelved, told = Shelved(), []

    def tell(_shelves: Sequence[Shelf], _postings: Sequence[Posting], run_id: int | None) -> None:
        told.append(run_id)
        if len(told) == 1:
            raise UnavailableError("broken")

    shelves = Shelves(shelved.reads, shelved.cards, tell)
    with pytest.raises(UnavailableError):
        shelves.update(RUN)
    for _ in range(2):
        shelves.update(RUN)
    assert told == [1, 1]
