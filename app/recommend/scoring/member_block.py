"""What is known of a block of members who are scored together, looked up once for finding and for scoring postings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.vocabulary import ANYWHERE, large_region
from app.recommend.features.profile_match import stated_preferences
from app.recommend.sparse import one_hot, unit_rows
from app.recommend.topk import top_k

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.models.representations import Representations

_SIMILAR_MEMBERS_KEPT = 200
_SIMILARITY_POWER = 3  # the most similar members count most


def split_by_activity(
    positions: NDArray[np.int64], representations: Representations
) -> list[NDArray[np.int64]]:
    """The members who may be scored together: those without activity, with little, and with much.

    Args:
        positions: (n,), the members' positions.
        representations: Tell how much is much.

    Returns:
        Three arrays of indices into `positions`.
    """
    acted = representations.recent.indptr[positions + 1] - representations.recent.indptr[positions]
    much = acted >= representations.cold_start_below
    return [np.flatnonzero(each) for each in (acted == 0, (acted > 0) & ~much, much)]


@dataclass(frozen=True, kw_only=True)
class MemberBlock:
    """n members who are scored together: all of them with activity, or none.

    Attributes:
        profiles: Their profiles.
        representations: What was fitted.
        catalogue: The catalogue.
        factors: (n, n_factors) float32.
        recent: (n, n_postings) float32, what they did, falling with each step back.
        seen: (n, n_shown) float32, what they are not to be shown again.
        history: What they did, field by field: (n, n_attributes) float32, each row of length 1.
        stated: What their profiles ask for, likewise.
    """

    profiles: Sequence[Member]
    representations: Representations
    catalogue: Catalogue
    factors: NDArray[np.float32]
    recent: sparse.csr_array
    seen: sparse.csr_array
    history: Mapping[str, sparse.csr_array]
    stated: Mapping[str, sparse.csr_array]

    @classmethod
    def look_up(
        cls,
        positions: NDArray[np.int64],
        profiles: Sequence[Member],
        representations: Representations,
        catalogue: Catalogue,
    ) -> MemberBlock:
        """The members at these positions, who have these profiles."""
        recent = representations.recent[positions]
        return cls(
            profiles=profiles,
            representations=representations,
            catalogue=catalogue,
            factors=representations.member_factors[positions],
            recent=recent,
            seen=representations.seen[positions],
            history={name: unit_rows(recent @ field.matrix) for name, field in catalogue.fields.items()},
            stated={name: _stated(name, profiles, catalogue) for name in catalogue.fields},
        )

    @property
    def active(self) -> bool:
        """Whether these members have done anything."""
        return bool(len(self.recent.data))

    @property
    def did_much(self) -> bool:
        """Whether each of them did so much that predictions from their profile add nothing."""
        return bool((np.diff(self.recent.indptr) >= self.representations.cold_start_below).all())

    @cached_property
    def similarity(self) -> NDArray[np.float32] | None:
        """Their similarity to the reference members, (n, n_reference) float32, or None where there are none."""
        reference = self.representations.reference_members
        return None if reference is None else reference.similarity(self.profiles)

    @cached_property
    def predicted_factors(self) -> NDArray[np.float32] | None:
        """Their factors as predicted from their profiles, (n, n_factors) float32, or None."""
        reference = self.representations.reference_members
        if reference is None or self.similarity is None:
            return None
        return reference.predict_factors(self.similarity)

    @cached_property
    def similar_members_did(self) -> sparse.csr_array | None:
        """What reference members with similar profiles did, (n, n_shown) float32, or None where there are none."""
        reference, similarity = self.representations.reference_members, self.similarity
        if reference is None or similarity is None:
            return None
        kept = top_k(similarity, _SIMILAR_MEMBERS_KEPT)
        columns = np.concatenate([np.sort(each) for each in kept])
        ends = np.r_[0, np.cumsum([len(each) for each in kept])]
        values = similarity[np.repeat(np.arange(len(kept)), np.diff(ends)), columns] ** _SIMILARITY_POWER
        near = sparse.csr_array((values, columns, ends), shape=similarity.shape)
        return sparse.csr_array(near @ reference.interactions)

    @cached_property
    def neighbour_scores(self) -> sparse.csr_array:
        """The similarity of each posting to those they acted on, summed up: (n, n_shown) float32."""
        acted = self.recent.copy()
        acted.data = np.ones_like(acted.data)
        return sparse.csr_array(acted @ self.representations.item_neighbours)

    @cached_property
    def named_areas(self) -> sparse.csr_array:
        """The large regions that their profiles name, (n, n_areas) float32."""
        areas = [{large_region(region) for region in member.regions} for member in self.profiles]
        return one_hot(areas, self.catalogue.fields["area"].columns)

    @cached_property
    def anywhere(self) -> sparse.csr_array:
        """What is within reach of everybody, of members whose profile names a region: (n, n_areas) float32."""
        named = [ANYWHERE if member.regions else () for member in self.profiles]
        return one_hot(named, self.catalogue.fields["area"].columns)

    def numbers(self, of: Callable[[Member], float]) -> NDArray[np.float32]:
        """A number of each profile, (n,) float32."""
        return np.array([of(member) for member in self.profiles], np.float32)


def _stated(name: str, profiles: Sequence[Member], catalogue: Catalogue) -> sparse.csr_array:
    """What profiles ask for in a field, (n, n_attributes) float32, each row of length 1."""
    columns = catalogue.fields[name].columns
    stated = [stated_preferences(name, member) for member in profiles]
    lengths = np.fromiter(map(len, stated), np.int64, len(stated))
    count = int(lengths.sum())
    column = np.fromiter(map(columns.get, chain.from_iterable(stated), repeat(-1)), np.int64, count)
    share = np.fromiter(chain.from_iterable(each.values() for each in stated), np.float32, count)
    row, known = np.repeat(np.arange(len(stated)), lengths), column >= 0
    return unit_rows(
        sparse.csr_array((share[known], (row[known], column[known])), shape=(len(stated), len(columns)))
    )
