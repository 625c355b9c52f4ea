"""The ranker for members who came after the refresh, over the postings on the shelves."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

from app.board.model import Posting
from app.recommend.profile_ranker import ProfileRanker
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.serving.store import Shelf, Store

POOL = 5_000  # postings ranked for one member in a few milliseconds


def popularity_of(shelves: Sequence[Shelf]) -> dict[str, float]:
    """How popular postings are, 0 to 1: each as its best place on any shelf."""
    popularity: dict[str, float] = {}
    for shelf in shelves:
        for place, posting_id in enumerate(shelf.posting_ids):
            share = 1.0 - place / len(shelf.posting_ids)
            popularity[posting_id] = max(share, popularity.get(posting_id, 0.0))
    return popularity


def pool_of(shelves: Sequence[Shelf], postings: Iterable[Posting]) -> list[Posting]:
    """The most popular of the postings on shelves, those that profiles are ranked over."""
    popularity = popularity_of(shelves)
    on_shelves = [posting for posting in postings if posting.id in popularity]
    return sorted(on_shelves, key=lambda posting: (-popularity[posting.id], posting.id))[:POOL]


def pack(postings: Sequence[Posting]) -> bytes:
    """A pool as it is kept with its run."""
    return zlib.compress(msgspec.json.encode(postings))


def unpack(packed: bytes) -> list[Posting]:
    """A kept pool; none where another version of the program wrote what this one does not read."""
    try:
        return msgspec.json.decode(zlib.decompress(packed), type=list[Posting])
    except (zlib.error, msgspec.MsgspecError):
        return []


class Profiles:
    """Makes the ranker of a run's shelves, the same everywhere and whenever it is made."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def ranker(
        self, shelves: Sequence[Shelf], postings: Sequence[Posting], run_id: int | None
    ) -> ProfileRanker:
        """The ranker of a run's pool, else of the postings on its shelves as they are now; raises `UnavailableError`."""
        pool = self._store.shelf_pool(run_id) if run_id else ()
        return ProfileRanker(
            pool or pool_of(shelves, postings), popularity_of(shelves), self._weights(run_id)
        )

    def _weights(self, run_id: int | None) -> Weights:
        stored = None if run_id is None else self._store.weights(run_id)
        return Weights.from_json(stored) if stored else Weights()
