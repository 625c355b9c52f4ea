"""Shelves: popular lists by category and large region, for members without a list of their own."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from app.board.vocabulary import large_region
from app.recommend.ranked import RankedPosting
from app.recommend.reasons import Reason
from app.recommend.reranking.company_spread import spread
from app.recommend.reranking.explanation import NEWS_FRESH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting

SHELF = 50
_FRESH_WORTH = 0.3  # added for a posting opened just now; the most popular posting has popularity 1


def make_shelves(
    postings: Sequence[Posting],
    popular: NDArray[np.float32],
    fresh: NDArray[np.float32],
    *,
    per_company: int,
) -> dict[tuple[str, str], list[RankedPosting]]:
    """The 50 best postings of each (category, large region), with "" for all of either.

    Fresh postings are lifted, so that a new one is seen before anybody acted on it.

    Args:
        postings: The n postings that may be shown.
        popular: (n,) float32, damped popularity from 0 to 1.
        fresh: (n,) float32, 1 on the day of opening, falling with age.
        per_company: Postings of one company that come before the next ones of any other company.
    """
    worth = popular + np.float32(_FRESH_WORTH) * fresh
    order = np.argsort(-worth, kind="stable")
    members: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for position in order.tolist():
        for key in _shelves(postings[position]):
            members[key].append(position)
    return {
        key: [
            RankedPosting(postings[at].id, _reason(key, fresh[at], popular[at]), round(float(worth[at]), 6))
            for at in spread(
                positions[: 4 * SHELF],
                company_of=lambda at: postings[at].company_id,
                per_company=per_company,
                limit=SHELF,
            )
        ]
        for key, positions in sorted(members.items())
    } or {("", ""): []}


def _shelves(posting: Posting) -> set[tuple[str, str]]:
    areas = {large_region(region) for region in posting.regions} | {""}
    return {(category, area) for category in {*posting.categories, ""} for area in areas}


def _reason(key: tuple[str, str], fresh: float, popular: float) -> Reason:
    if _FRESH_WORTH * fresh > popular and fresh >= NEWS_FRESH:
        return Reason.NEW_IN_FIELD if key[0] else Reason.NEW
    if popular > 0:
        return Reason.POPULAR_IN_FIELD if key[0] else Reason.POPULAR
    return Reason.OPEN_NOW
