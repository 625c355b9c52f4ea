"""What the members of a block did, and at which companies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from app.board.model import ActivityKind
from app.recommend.sparse import entries_of_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.recommend.models.representations import Representations

_Value = TypeVar("_Value", np.bool_, np.int8)


@dataclass(frozen=True, slots=True)
class CompanyActivity:
    """The n pairs that the members of a block acted on, flat, in the order of the interactions.

    Attributes:
        members: How many members there are.
        companies: How many companies there are.
        row: (n,) int64, the member's place in the block, ascending.
        posting: (n,) int64.
        company: (n,) int64, the number of the posting's company.
        kind: (n,) int8, the strongest kind of activity with the posting.
    """

    members: int
    companies: int
    row: NDArray[np.int64]
    posting: NDArray[np.int64]
    company: NDArray[np.int64]
    kind: NDArray[np.int8]

    @classmethod
    def of(
        cls, positions: NDArray[np.int64], representations: Representations, company: NDArray[np.int64]
    ) -> CompanyActivity:
        """What the members at these positions did.

        Args:
            positions: (n_members,).
            representations: Hold the interactions.
            company: (n_postings,), the number of each posting's company.
        """
        row, at = entries_of_rows(representations.recent.indptr, positions)
        interactions = representations.interactions
        posting = interactions.posting[at].astype(np.int64)
        companies = int(company.max(initial=-1)) + 1
        return cls(len(positions), companies, row, posting, company[posting], interactions.kind[at])

    def strongest(self) -> NDArray[np.int8]:
        """The strongest kind of each member, (n_members,) int8; a view where there is none."""
        strongest = np.full(self.members, ActivityKind.VIEW, np.int8)
        np.maximum.at(strongest, self.row, self.kind)
        return strongest

    def strongest_at(self, row: NDArray[np.int64], company: NDArray[np.int64]) -> NDArray[np.int8]:
        """The strongest kind that each of some members did at a company, int8; 0 for nothing."""
        order = np.lexsort((self.kind, self.company, self.row))
        key = self._key(self.row, self.company)[order]
        last = np.flatnonzero(np.r_[key[1:] != key[:-1], True]) if len(key) else order
        return _values_at(self._key(row, company), key[last], self.kind[order][last])

    def has_asked_for(
        self, row: NDArray[np.int64], company: NDArray[np.int64], *, applies: int
    ) -> NDArray[np.bool_]:
        """Whether each of some members applied to a company at least `applies` times, bool, and so asked for it."""
        applied = self.kind == ActivityKind.APPLY
        key, often = np.unique(self._key(self.row[applied], self.company[applied]), return_counts=True)
        enough = often >= applies
        return _values_at(self._key(row, company), key[enough], enough[enough])

    def _key(self, row: NDArray[np.int64], company: NDArray[np.int64]) -> NDArray[np.int64]:
        return row * self.companies + company


def _values_at(keys: NDArray[np.int64], known: NDArray[np.int64], values: NDArray[_Value]) -> NDArray[_Value]:
    """The value of each key, 0 where it is not known; `known` ascends."""
    if not len(known):
        return np.zeros(keys.shape, values.dtype)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], values.dtype.type(0))
