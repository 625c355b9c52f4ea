"""Popular lists by category and large region, in memory: what is served when nothing better is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from app.recommend.features.same_job import same_jobs
from app.recommend.reasons import Reason
from app.serving.store import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from app.board.model import Member, Posting, RankedPosting
    from app.serving.cards import Cards
    from app.serving.store import Run, Store

NEWEST = 200
_NO_RUN = 0


class RanksProfiles(Protocol):
    """Ranks open postings for a member by their profile alone."""

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> Sequence[RankedPosting]:
        """The best postings first, none for a profile that says nothing."""


@dataclass(slots=True)
class _Stand:
    """The shelves of a run, and the ranker made of what is on them; None until it is, or where there is none.

    `same_job` has, for each posting of a job that has several, all of them.
    """

    by_place: dict[tuple[str, str], Shelf]
    same_job: dict[str, Sequence[str]] = field(default_factory=dict)
    ranker: RanksProfiles | None = None
    ranked: bool = False


class Shelves:
    """The shelves of each run that is or will be in force, or the newest postings where no run was published yet.

    A run's shelves are there before its time comes, so an answer's list and what fills it up switch in the same
    instant everywhere. `make_ranker` is given a run's shelves, every posting on them by id, and the run. `fresh`
    says whether the shelves came from the store, not from what was saved.
    """

    def __init__(
        self,
        store: Store,
        cards: Cards,
        make_ranker: Callable[
            [Sequence[Shelf], Sequence[Posting], int | None], RanksProfiles | None
        ] = lambda _shelves, _postings, _run_id: None,
    ) -> None:
        self._store = store
        self._cards = cards
        self._make_ranker = make_ranker
        self._stands: dict[int, _Stand] = {}
        self._current = _Stand({})
        self.loaded = False
        self.fresh = False

    def update(self, run: Run | None, coming: Sequence[Run] = ()) -> None:
        """Have the shelves of the run in force and of those to come; raises `UnavailableError`, keeping what there was."""
        kept = self._stands if self.fresh else {}
        runs = {one.id: one for one in (run, *coming) if one}
        numbers = runs.keys()
        stands = {n: kept[n] if n in kept else self._read(one) for n, one in runs.items()}
        newest: Sequence[Posting] = ()
        if run is None:
            newest = self._store.newest_postings(NEWEST)
            stands[_NO_RUN] = _stand([_of_newest(newest)], kept.get(_NO_RUN))
        if newest or stands.keys() != kept.keys():
            ids = sorted(set().union(*(_ids(stands[n]) for n in numbers)))
            self._take(stands, [*newest, *(self._store.postings(ids) if ids else ())])
            self.fresh = True
        self._current = stands[run.id if run else _NO_RUN]
        self._rank()

    def _read(self, run: Run) -> _Stand:
        stand = _stand(self._store.shelves(run.id))
        stand.same_job = {
            posting_id: group for group in self._store.same_jobs(run.id) for posting_id in group
        }
        # What was hidden before is in no reason of the run; the cards' updates tell of what is from now on.
        self._cards.hidden.update(self._store.hidden_since(run.cutoff_at))
        return stand

    def restore(self, shelves: Sequence[Shelf], postings: Sequence[Posting]) -> None:
        """Go by these for any run until the next update."""
        self._take({_NO_RUN: _stand(shelves)}, postings)
        self._current = self._stands[_NO_RUN]
        self._rank()

    def _take(self, stands: dict[int, _Stand], postings: Sequence[Posting]) -> None:
        self._cards.pin({posting.id: posting for posting in postings}.values())
        self._stands = stands
        self.loaded = True

    def _rank(self) -> None:
        """Make the rankers that are missing; one that cannot be made now is at the next update."""
        unranked = [(number, stand) for number, stand in self._stands.items() if not stand.ranked]
        by_id = {posting.id: posting for posting in self._cards.pinned()} if unranked else {}
        for number, stand in unranked:
            postings = [by_id[posting_id] for posting_id in sorted(_ids(stand)) if posting_id in by_id]
            stand.ranker = self._make_ranker(list(stand.by_place.values()), postings, number or None)
            stand.ranked = True

    def all(self) -> list[Shelf]:
        """Every shelf of the run in force."""
        return list(self._current.by_place.values())

    def postings(self) -> list[Posting]:
        """Every posting on a shelf, as it is known now."""
        return self._cards.pinned()

    def has(self, run_id: int) -> bool:
        """Whether a run's own shelves are here."""
        return run_id in self._stands

    def ranker(self, run_id: int) -> RanksProfiles | None:
        """What ranks profiles for a run."""
        return self._stands.get(run_id, self._current).ranker

    def shared_jobs(self, run_id: int) -> Mapping[str, Sequence[str]]:
        """By posting, all of its job's postings, of the jobs that a run found to have several."""
        return self._stands.get(run_id, self._current).same_job

    def with_same_jobs(self, run_id: int, posting_ids: Collection[str]) -> Collection[str]:
        """Postings, and beside each all others that a run found to be the same job."""
        shared = self.shared_jobs(run_id)
        more = [shared[posting_id] for posting_id in posting_ids if posting_id in shared]
        return frozenset(posting_ids).union(*more) if more else posting_ids

    def near(self, run_id: int, category: str = "", region: str = "") -> Iterator[tuple[str, int]]:
        """Posting ids with their reasons, from a run's nearest shelf to the widest, without repeats.

        A run whose shelves are not here, as one that came into force unannounced, is given those of the run before.
        """
        by_place = self._stands.get(run_id, self._current).by_place
        seen: set[str] = set()
        for place in dict.fromkeys([(category, region), (category, ""), ("", region), ("", "")]):
            if (shelf := by_place.get(place)) is not None:
                for posting_id, reason in zip(shelf.posting_ids, shelf.reasons, strict=True):
                    if posting_id not in seen:
                        seen.add(posting_id)
                        yield posting_id, reason


def _stand(shelves: Sequence[Shelf], before: _Stand | None = None) -> _Stand:
    by_place = {(shelf.category, shelf.region): shelf for shelf in shelves}
    return _Stand(by_place, before.same_job, before.ranker, before.ranked) if before else _Stand(by_place)


def _of_newest(postings: Sequence[Posting]) -> Shelf:
    """The newest postings, the first of each job."""
    again = {at for group in same_jobs(postings) for at in group[1:]}
    ids = [posting.id for at, posting in enumerate(postings) if at not in again]
    return Shelf("", "", ids, [Reason.NEW] * len(ids))


def _ids(stand: _Stand) -> set[str]:
    return {posting_id for shelf in stand.by_place.values() for posting_id in shelf.posting_ids}
