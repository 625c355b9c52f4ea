"""Candidate generation: the postings worth scoring for a member, found in a few cheap ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommend.scoring.pairs import pairs_of
from app.recommend.sparse import scale_rows, top_entries_per_row
from app.recommend.topk import top_k_of_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from app.recommend.features.postings import Field
    from app.recommend.scoring.member_block import MemberBlock
    from app.recommend.scoring.pairs import Pairs

BY_FACTORS, BY_CONTENT, BY_SIMILAR_MEMBERS = 100, 200, 50  # postings found in each way
# Postings shown up to which a member's factors are multiplied with those of each. Of more, candidates are the neighbours
# of what the member acted on: a product with all would be most of what a list costs.
MOST_MULTIPLIED = 8_000
_ROUNDED = np.float32(1e-4)  # of the largest product: a hundred times what rounding moves one by
_LOOKED_UP_BY = 30  # attributes of a member that postings are looked up by, the weightiest


def generate_candidates(block: MemberBlock, *, by_similar_members: bool) -> Pairs:
    """The candidates of each member of a block, without those that the member is not to be shown again.

    Where few postings are shown, all of them are candidates.

    Args:
        block: The members.
        by_similar_members: Whether what members with similar profiles did is one of the ways.
    """
    shown = block.catalogue.shown
    if len(shown) <= BY_FACTORS + BY_CONTENT:
        return pairs_of([np.arange(len(shown))] * len(block.profiles), shown, seen=block.seen)
    ways = [_by_factors(block), top_entries(_by_content(block), BY_CONTENT)]
    if by_similar_members and block.similar_members_did is not None:
        ways.append(top_entries(block.similar_members_did, BY_SIMILAR_MEMBERS))
    return pairs_of([np.concatenate(found) for found in zip(*ways, strict=True)], shown, seen=block.seen)


def _by_factors(block: MemberBlock) -> list[NDArray[np.int64]]:
    """Candidates by the members' factors, by predicted ones, or by popularity where nothing is known."""
    if block.active and len(block.catalogue.shown) > MOST_MULTIPLIED:
        return top_entries(block.neighbour_scores, BY_FACTORS)
    factors = block.factors if block.active else block.predicted_factors
    if factors is not None:
        return largest_products(factors, block.representations.retrieval_factors, BY_FACTORS)
    popular = block.representations.popular[block.catalogue.shown]
    return [np.argsort(-popular, kind="stable")[:BY_FACTORS]] * len(block.profiles)


def _by_content(block: MemberBlock) -> sparse.csr_array:
    """Content scores of postings, (n, n_shown): found by what weighs most in the history and the profile together."""
    fields = block.catalogue.fields
    scaled = _side_by_side(block.stated, fields)
    if block.active:
        scaled = sparse.csr_array(scaled + _side_by_side(block.history, fields))
    scaled.sort_indices()  # the order of a sum's entries follows from the other rows, and that of equals from it
    weightiest = top_entries_per_row(scaled, -scaled.data, _LOOKED_UP_BY)
    return sparse.csr_array(weightiest @ block.representations.inverted_index)


def _side_by_side(profiles: Mapping[str, sparse.csr_array], fields: Mapping[str, Field]) -> sparse.csr_array:
    """All fields side by side, each in units of how much a posting at large matches it."""
    scaled = []
    for name, field in fields.items():
        profile = profiles[name]
        size = np.sqrt(np.asarray(profile.power(2) @ field.mean_square)).ravel()
        scaled.append(scale_rows(profile, 1 / np.maximum(size, 1e-3)))
    return sparse.csr_array(sparse.hstack(scaled, format="csr"))


def largest_products(
    members: NDArray[np.float32], postings: NDArray[np.float32], count: int
) -> list[NDArray[np.int64]]:
    """For each member the `count` postings with the largest products of factors; of equal ones the first.

    How the product of a whole block is rounded depends on where in it a member stands, so what comes near the last
    place is multiplied again by itself.

    Args:
        members: (n, n_factors) float32.
        postings: (n_shown, n_factors) float32.
        count: How many.
    """
    found = []
    for vector, rough in zip(members, members @ postings.T, strict=True):
        least = rough[top_k_of_row(rough, count)].min()
        near = np.flatnonzero(rough >= least - _ROUNDED * max(rough.max(), -rough.min()))
        exact = (postings[near] * vector).sum(axis=1)
        found.append(near[np.argsort(-exact, kind="stable")[:count]])
    return found


def top_entries(matrix: sparse.csr_array, count: int) -> list[NDArray[np.int64]]:
    """Columns of the `count` largest stored entries of each row, in no order."""
    found = []
    for start, end in zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True):
        columns = matrix.indices[start:end]
        if len(columns) > count:
            columns = columns[top_k_of_row(matrix.data[start:end], count)]
        found.append(columns.astype(np.int64))
    return found
