"""No company fills a list: at most a few postings of each before any company's next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

T = TypeVar("T")


def spread(
    ranked: Iterable[T],
    *,
    company_of: Callable[[T], str],
    per_company: int,
    limit: int,
    exempt: Collection[str] = (),
) -> list[T]:
    """The first `limit`, where what is over a company's share moves behind the rest and is not lost.

    Companies in `exempt` are not held back: the member asked for them.
    """
    kept: list[T] = []
    held: list[T] = []
    taken: dict[str, int] = {}
    for item in ranked:
        if len(kept) == limit:
            break
        company = company_of(item)
        count = taken[company] = taken.get(company, 0) + 1
        (kept if count <= per_company or company in exempt else held).append(item)
    return (kept + held)[:limit]
