"""The ranker for members who came after the refresh, over the postings on the shelves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.recommend.profile import ProfileRanker
from app.recommend.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.recommend.board import Posting
    from app.serving.reads import Reads, Shelf

POOL = 5_000  # postings ranked for one member in a few milliseconds


class Profiles:
    """Makes the ranker of a run's shelves, the same everywhere."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def ranker(
        self, shelves: Sequence[Shelf], postings: Sequence[Posting], run_id: int | None
    ) -> ProfileRanker:
        """The ranker of what the shelves hold; raises `UnavailableError`.

        A posting is as popular as its best place on any shelf.
        """
        popularity: dict[str, float] = {}
        for shelf in shelves:
            for place, posting_id in enumerate(shelf.posting_ids):
                share = 1.0 - place / len(shelf.posting_ids)
                popularity[posting_id] = max(share, popularity.get(posting_id, 0.0))
        pool = sorted(postings, key=lambda posting: (-popularity.get(posting.id, 0.0), posting.id))[:POOL]
        return ProfileRanker(pool, popularity, self._weights(run_id))

    def _weights(self, run_id: int | None) -> Weights:
        stored = None if run_id is None else self._reads.weights(run_id)
        return Weights.from_json(stored) if stored else Weights()
