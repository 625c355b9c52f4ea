"""The share of plain misfits among the first places of lists."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.board.vocabulary import large_region
from app.recommend.features.misfit import is_misfit
from app.recommend.features.profiles import career_of, education_of
from app.recommend.sparse import one_hot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import ActivityLog, Member
    from app.recommend.features.catalogue import Catalogue

TOP = 10


@dataclass(frozen=True, slots=True)
class ShownList:
    """A member's list, and what they acted on before.

    Attributes:
        member: The member.
        postings: Positions of what they are shown, best first.
        acted: Positions of what they acted on.
    """

    member: Member
    postings: Sequence[int]
    acted: Sequence[int]


@dataclass(frozen=True, slots=True)
class MisfitShare:
    """Shares of the top-ten places of some members.

    Attributes:
        places: How many places there are.
        career: The career asked for is missed by more than two years, too short or too long.
        education: More education is asked for than the member has.
        reach: Out of reach, while a posting is left out that may be shown, is within reach, in the member's field, fits
            in the other respects and is none the member acted on.
        any: Any of the three.
    """

    places: int
    career: float
    education: float
    reach: float
    any: float

    def to_json(self) -> dict[str, float]:
        """A JSON object."""
        return {
            "places": self.places,
            "career": self.career,
            "education": self.education,
            "reach": self.reach,
            "any": self.any,
        }


def shown_lists(
    members: Iterable[Member],
    lists: Mapping[str, Sequence[str]],
    catalogue: Catalogue,
    log: ActivityLog,
    member_ids: Sequence[str],
) -> Iterator[ShownList]:
    """The lists of some members, with what they acted on.

    Args:
        members: The members.
        lists: Ids of the postings that each member is shown, by the member's id.
        catalogue: The catalogue.
        log: What all members did, by positions in `member_ids` and in the catalogue.
        member_ids: Ids of all members, sorted.
    """
    place = {posting_id: int(catalogue.lead[at]) for at, posting_id in enumerate(catalogue.ids)}
    for member in members:
        first = bisect_left(member_ids, member.id)
        start, end = np.searchsorted(log.member, [first, first + 1]).tolist()
        shown = [place[posting_id] for posting_id in lists.get(member.id, ()) if posting_id in place]
        yield ShownList(member, shown, catalogue.lead[log.posting[start:end]].tolist())


def misfit_share(shown: Iterable[ShownList], catalogue: Catalogue) -> MisfitShare:
    """Judge the first ten places of each member's list by the rules of `app.recommend.features.misfit`."""
    counts, places = np.zeros(4, np.int64), 0
    for one in shown:
        top = np.array(one.postings[:TOP], np.int64)
        if len(top):
            each = _misfits(one, top, catalogue)
            counts += [*each.sum(axis=1), each.any(axis=0).sum()]
            places += len(top)
    return MisfitShare(places, *(float(count) / max(1, places) for count in counts))


def _misfits(one: ShownList, top: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.bool_]:
    """Whether each place misses career, misses education, or is out of reach for no reason: (3, n_places) bool."""
    career, education = _misses(one.member, top, catalogue)
    far = _far(one, top, catalogue)
    # All that is open is looked through for those members alone who are shown something far: few.
    return np.stack([career, education, far & (far.any() and _leaves_out_suitable(one, top, catalogue))])


def _leaves_out_suitable(one: ShownList, top: NDArray[np.int64], catalogue: Catalogue) -> bool:
    """Whether something within reach, in the member's field and fit in the other respects is not among the places."""
    places = catalogue.shown
    career, education = _misses(one.member, places, catalogue)
    suitable = ~career & ~education & ~_far(one, places, catalogue) & _in_field(one, places, catalogue)
    return bool((suitable & ~np.isin(places, [*top.tolist(), *one.acted])).any())


def _misses(
    member: Member, places: NDArray[np.int64], catalogue: Catalogue
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each place misses career, and whether it misses education: (n_places,) bool each."""
    nan = np.full(len(places), np.nan, np.float32)
    low, high = catalogue.career_min[places], catalogue.career_max[places]
    career = is_misfit(career_of(member), np.nan, low=low, high=high, education=nan)
    education = is_misfit(
        np.nan, education_of(member), low=nan, high=nan, education=catalogue.education[places]
    )
    return career, education


def _far(one: ShownList, places: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.bool_]:
    area = catalogue.fields["area"]
    own = _columns({large_region(region) for region in one.member.regions}, "area", one.acted, catalogue)
    if not own.any():
        return np.zeros(len(places), np.bool_)
    placed = np.diff(area.matrix.indptr)[places] > 0
    return np.asarray(placed & ~(area.matrix[places] @ (own @ catalogue.near) > 0), np.bool_)


def _in_field(one: ShownList, places: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.bool_]:
    own = _columns(one.member.categories, "category", one.acted, catalogue)
    return np.asarray((catalogue.fields["category"].matrix[places] @ own > 0) | (not own.any()), np.bool_)


def _columns(
    named: Collection[str], name: str, acted: Sequence[int], catalogue: Catalogue
) -> NDArray[np.float32]:
    """How often each attribute of a field is named by the profile or had by postings acted on: (n_attributes,) float32."""
    field = catalogue.fields[name]
    found: NDArray[np.float32] = one_hot([set(named)], field.columns).toarray().ravel()
    if len(acted):
        found = found + np.asarray(field.matrix[np.asarray(acted)].sum(axis=0)).ravel()
    return found
