"""Popular lists by category and large region, in memory: what is served when nothing better is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.recommend.reasons import Reason
from app.serving.reads import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.recommend.board import Posting
    from app.serving.cards import Cards
    from app.serving.reads import Reads, Run

    OnChange = Callable[[Sequence[Shelf], Sequence[Posting], int | None], None]

NEWEST = 200


class Shelves:
    """The shelves of one refresh run, or the newest postings where no run was published yet.

    `on_change` is told the shelves, every posting on them and the run whenever they changed. `fresh` says
    whether they came from the store, not from what was saved.
    """

    def __init__(
        self, reads: Reads, cards: Cards, on_change: OnChange = lambda _shelves, _postings, _run: None
    ) -> None:
        self._reads = reads
        self._cards = cards
        self._on_change = on_change
        self._by_place: dict[tuple[str, str], Shelf] = {}
        self._run_id: int | None = None
        self.loaded = False
        self.fresh = False

    def update(self, run: Run | None) -> None:
        """Bring the shelves to a run's; raises `UnavailableError`, keeping the shelves there were."""
        if self.fresh and run is not None and run.id == self._run_id:
            return
        if run is None:
            postings: Sequence[Posting] = self._reads.newest_postings(NEWEST)
            ids = [posting.id for posting in postings]
            shelves: Sequence[Shelf] = [Shelf("", "", ids, [Reason.NEW] * len(ids))]
        else:
            shelves = self._reads.shelves(run.id)
            postings = self._reads.postings(sorted({i for shelf in shelves for i in shelf.posting_ids}))
        self._take(shelves, postings)
        run_id = run.id if run else None
        if not self.fresh or run_id != self._run_id:
            self._on_change(shelves, postings, run_id)
        self._run_id = run_id
        self.fresh = True

    def restore(self, shelves: Sequence[Shelf], postings: Sequence[Posting]) -> None:
        """Go by these until the next update."""
        self._take(shelves, postings)
        self._on_change(shelves, postings, None)

    def _take(self, shelves: Sequence[Shelf], postings: Sequence[Posting]) -> None:
        self._cards.pin(postings)
        self._by_place = {(shelf.category, shelf.region): shelf for shelf in shelves}
        self.loaded = True

    def all(self) -> list[Shelf]:
        """Every shelf."""
        return list(self._by_place.values())

    def postings(self) -> list[Posting]:
        """Every posting on a shelf, as it is known now."""
        return self._cards.pinned()

    def near(self, category: str = "", region: str = "") -> Iterator[tuple[str, int]]:
        """Posting ids with their reasons, from the nearest shelf to the widest, without repeats."""
        seen: set[str] = set()
        for place in dict.fromkeys([(category, region), (category, ""), ("", region), ("", "")]):
            if (shelf := self._by_place.get(place)) is not None:
                for posting_id, reason in zip(shelf.posting_ids, shelf.reasons, strict=True):
                    if posting_id not in seen:
                        seen.add(posting_id)
                        yield posting_id, reason
