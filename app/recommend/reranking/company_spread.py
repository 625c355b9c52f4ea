"""Company diversity: at most a few postings of a company come before those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

T = TypeVar("T")


def spread(
    ranked: Iterable[T],
    *,
    company_of: Callable[[T], str],
    per_company: int,
    limit: int,
) -> list[T]:
    """The first `limit` of a ranking; postings over a company's share move behind the others."""
    kept: list[T] = []
    held: list[T] = []
    taken: dict[str, int] = {}
    for item in ranked:
        if len(kept) == limit:
            break
        company = company_of(item)
        count = taken[company] = taken.get(company, 0) + 1
        (kept if count <= per_company else held).append(item)
    return (kept + held)[:limit]


def spread_rows(
    company: NDArray[np.int64],
    *,
    there: NDArray[np.bool_],
    exempt: NDArray[np.bool_],
    per_company: int,
    limit: int,
) -> NDArray[np.int64]:
    """As `spread`, for many rankings at once.

    Args:
        company: (n_rankings, n_items) int64, the number of each item's company, best first.
        there: (n_rankings, n_items) bool, which items exist; the others take no place.
        exempt: (n_rankings, n_items) bool, items that are not held back: the member asked for their company.
        per_company: Items of one company that come before the next ones of any other company.
        limit: How many are kept of each ranking.

    Returns:
        (n_rankings, at most `limit`) int64, places of the items kept, best first; -1 where there are no more.
    """
    depth = max(1, company.shape[1])
    place = np.arange(company.shape[1])
    by_company = np.sort(np.where(there, company, -1) * depth + place, axis=1)
    at, group = by_company % depth, by_company // depth
    begins = np.ones(at.shape, np.bool_)
    begins[:, 1:] = group[:, 1:] != group[:, :-1]
    before = np.empty_like(at)  # how many of its company come before an item
    np.put_along_axis(before, at, place - np.maximum.accumulate(np.where(begins, place, 0), axis=1), axis=1)
    held = (before >= per_company) & ~exempt
    order = np.sort(np.where(there, held, 2) * depth + place, axis=1)[:, :limit]
    kept: NDArray[np.int64] = np.where(order < 2 * depth, order % depth, -1)
    return kept
