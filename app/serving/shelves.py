"""Popular lists by category and large region, in memory, and the ranker of profiles over the postings on them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from app.board.model import Posting
from app.recommend.features.same_job import same_jobs
from app.recommend.profile_ranker import ProfileRanker
from app.recommend.reasons import Reason
from app.recommend.scoring.weights import Weights
from app.serving.store import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from app.board.model import Member
    from app.recommend.ranked import RankedPosting
    from app.serving.cards import Cards
    from app.serving.store import Run, Store

NEWEST = 200
POOL = 5_000  # the most postings ranked for a profile, in a few milliseconds
_NO_RUN = 0


class RanksProfiles(Protocol):
    """Ranks open postings for a member by their profile alone."""

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> Sequence[RankedPosting]:
        """The best postings first, none for a profile that says nothing."""


# Makes a run's ranker from its shelves, the postings on them as they are now, and the run's number (None for no run).
MakeRanker: TypeAlias = "Callable[[Sequence[Shelf], Sequence[Posting], int | None], RanksProfiles | None]"


@dataclass(slots=True)
class RunShelves:
    """The shelves of a run, and its ranker of profiles.

    Attributes:
        by_place: Shelves by category and large region.
        same_job: For each posting of a job with several postings, all of them.
        ranker: None until it is made, or where it cannot be made.
        ranked: Whether the ranker was made, or found impossible.
    """

    by_place: dict[tuple[str, str], Shelf]
    same_job: dict[str, Sequence[str]] = field(default_factory=dict)
    ranker: RanksProfiles | None = None
    ranked: bool = False


class Shelves:
    """The shelves of each run that is or will be in force; before any publication, one shelf of the newest postings.

    A run's shelves are read before it takes effect, so an answer's list and its fill switch at the same instant
    everywhere. `fresh` says whether the shelves were read from the store, and not from a snapshot.

    Args:
        store: Reads runs and postings.
        cards: Keeps the postings on shelves pinned.
        make_ranker: Makes the ranker of a run's shelves (default: `make_profile_ranker` on the store).
    """

    def __init__(self, store: Store, cards: Cards, make_ranker: MakeRanker | None = None) -> None:
        self._store = store
        self._cards = cards
        self._make_ranker = make_ranker or partial(make_profile_ranker, store)
        self._by_run: dict[int, RunShelves] = {}
        self._current = RunShelves({})
        self.loaded = False
        self.fresh = False

    def update(self, run: Run | None, coming: Sequence[Run] = ()) -> None:
        """Read the shelves of the run in force and of coming ones; raises `UnavailableError`, and nothing changes."""
        kept = self._by_run if self.fresh else {}
        runs = {one.id: one for one in (run, *coming) if one}
        numbers = runs.keys()
        by_run = {n: kept[n] if n in kept else self._read(one) for n, one in runs.items()}
        newest: Sequence[Posting] = ()
        if run is None:
            newest = self._store.newest_postings(NEWEST)
            by_run[_NO_RUN] = _run_shelves([_newest_shelf(newest)], kept.get(_NO_RUN))
        if newest or by_run.keys() != kept.keys():
            ids = sorted(set().union(*(_ids(by_run[n]) for n in numbers)))
            self._replace(by_run, [*newest, *(self._store.postings(ids) if ids else ())])
            self.fresh = True
        self._current = by_run[run.id if run else _NO_RUN]
        self._rank()

    def _read(self, run: Run) -> RunShelves:
        shelves = _run_shelves(self._store.shelves(run.id))
        shelves.same_job = {
            posting_id: group for group in self._store.same_jobs(run.id) for posting_id in group
        }
        # Reasons of the run name no posting hidden before its cut-off; updates of cards add those hidden from now on.
        self._cards.hidden.update(self._store.hidden_since(run.cutoff_at))
        return shelves

    def restore(self, shelves: Sequence[Shelf], postings: Sequence[Posting]) -> None:
        """Use these shelves for every run until the next update."""
        self._replace({_NO_RUN: _run_shelves(shelves)}, postings)
        self._current = self._by_run[_NO_RUN]
        self._rank()

    def _replace(self, by_run: dict[int, RunShelves], postings: Sequence[Posting]) -> None:
        self._cards.pin({posting.id: posting for posting in postings}.values())
        self._by_run = by_run
        self.loaded = True

    def _rank(self) -> None:
        """Make missing rankers; one that fails is made at the next update."""
        unranked = [(number, shelves) for number, shelves in self._by_run.items() if not shelves.ranked]
        by_id = {posting.id: posting for posting in self._cards.pinned_postings()} if unranked else {}
        for number, shelves in unranked:
            postings = [by_id[posting_id] for posting_id in sorted(_ids(shelves)) if posting_id in by_id]
            shelves.ranker = self._make_ranker(list(shelves.by_place.values()), postings, number or None)
            shelves.ranked = True

    def all(self) -> list[Shelf]:
        """Every shelf of the run in force."""
        return list(self._current.by_place.values())

    def postings(self) -> list[Posting]:
        """Every posting on a shelf, as it is known now."""
        return self._cards.pinned_postings()

    def has_run(self, run_id: int) -> bool:
        """Whether a run's own shelves are in memory."""
        return run_id in self._by_run

    def ranker(self, run_id: int) -> RanksProfiles | None:
        """The ranker of profiles for a run."""
        return self._by_run.get(run_id, self._current).ranker

    def shared_jobs(self, run_id: int) -> Mapping[str, Sequence[str]]:
        """For each posting of a job with several postings, all of them, as the run found them."""
        return self._by_run.get(run_id, self._current).same_job

    def with_same_jobs(self, run_id: int, posting_ids: Collection[str]) -> Collection[str]:
        """These postings and all others that a run found to be of the same jobs."""
        shared = self.shared_jobs(run_id)
        more = [shared[posting_id] for posting_id in posting_ids if posting_id in shared]
        return frozenset(posting_ids).union(*more) if more else posting_ids

    def nearest(self, run_id: int, category: str = "", region: str = "") -> Iterator[tuple[str, int]]:
        """Posting ids with their reasons, from a run's nearest shelf to its widest, without repeats.

        A run whose shelves are not in memory yet uses those of the current run.
        """
        by_place = self._by_run.get(run_id, self._current).by_place
        seen: set[str] = set()
        for place in dict.fromkeys([(category, region), (category, ""), ("", region), ("", "")]):
            if (shelf := by_place.get(place)) is not None:
                for posting_id, reason in zip(shelf.posting_ids, shelf.reasons, strict=True):
                    if posting_id not in seen:
                        seen.add(posting_id)
                        yield posting_id, reason


def _run_shelves(shelves: Sequence[Shelf], before: RunShelves | None = None) -> RunShelves:
    by_place = {(shelf.category, shelf.region): shelf for shelf in shelves}
    return (
        RunShelves(by_place, before.same_job, before.ranker, before.ranked)
        if before
        else RunShelves(by_place)
    )


def _newest_shelf(postings: Sequence[Posting]) -> Shelf:
    """A shelf of the newest postings, one of each job."""
    duplicates = {at for group in same_jobs(postings) for at in group[1:]}
    ids = [posting.id for at, posting in enumerate(postings) if at not in duplicates]
    return Shelf("", "", ids, [Reason.NEW] * len(ids))


def _ids(shelves: RunShelves) -> set[str]:
    return {posting_id for shelf in shelves.by_place.values() for posting_id in shelf.posting_ids}


def popularity_of(shelves: Sequence[Shelf]) -> dict[str, float]:
    """The popularity of postings, 0 to 1, from each one's best place on any shelf."""
    popularity: dict[str, float] = {}
    for shelf in shelves:
        for place, posting_id in enumerate(shelf.posting_ids):
            share = 1.0 - place / len(shelf.posting_ids)
            popularity[posting_id] = max(share, popularity.get(posting_id, 0.0))
    return popularity


def pool_of(shelves: Sequence[Shelf], postings: Iterable[Posting]) -> list[Posting]:
    """The most popular postings on shelves, over which profiles are ranked."""
    popularity = popularity_of(shelves)
    on_shelves = [posting for posting in postings if posting.id in popularity]
    return sorted(on_shelves, key=lambda posting: (-popularity[posting.id], posting.id))[:POOL]


def pack_pool(postings: Sequence[Posting]) -> bytes:
    """A pool as it is stored with its run."""
    return zlib.compress(msgspec.json.encode(postings))


def unpack_pool(packed: bytes) -> list[Posting]:
    """A stored pool; empty where another version of the program wrote it in a form that this one cannot read."""
    try:
        return msgspec.json.decode(zlib.decompress(packed), type=list[Posting])
    except (zlib.error, msgspec.MsgspecError):
        return []


def make_profile_ranker(
    store: Store, shelves: Sequence[Shelf], postings: Sequence[Posting], run_id: int | None
) -> ProfileRanker:
    """Make the ranker for members who joined after the refresh; it is the same on every worker and at any time.

    It ranks the run's stored pool or, without one, the postings on its shelves as they are now. Raises
    `UnavailableError`.
    """
    pool = store.shelf_pool(run_id) if run_id else ()
    stored = None if run_id is None else store.weights(run_id)
    weights = Weights.from_json(stored) if stored else Weights()
    return ProfileRanker(pool or pool_of(shelves, postings), popularity_of(shelves), weights)
