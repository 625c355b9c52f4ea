"""From scored pairs to lists: the best first, companies spread, each place with its reason.

Whole blocks of members at once, a row a member; no row looks at another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.ranked import Anchor, RankedPosting
from app.recommend.reranking.company_spread import spread_rows
from app.recommend.reranking.explanation import SIMILAR, main_reasons, merge_by_reason, true_reasons
from app.recommend.reranking.named_activity import (
    NAMED,
    choose_anchors,
    drop_same_names,
    latest_postings,
    may_be_named,
    posting_name,
)
from app.recommend.scoring.weights import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.options import Options
    from app.recommend.reasons import Reason
    from app.recommend.reranking.company_activity import CompanyActivity
    from app.recommend.scoring.pairs import Pairs
    from app.recommend.scoring.scored_block import ScoredBlock

IN_FIELD = frozenset(
    {Signal.CATEGORY, Signal.WANTED_CATEGORY}
)  # tell whether a posting is in a member's field
_DEPTH = 3  # lists are cut from so many times their length, to have something to spread with


def best_first(scores: NDArray[np.float32], pairs: Pairs, count: int) -> NDArray[np.int64]:
    """The best pairs of each member, (n_members, at most `count`) int64; -1 where there are no more.

    Of equal scores the first comes first, which has the lower id.

    Args:
        scores: (n_pairs,) float32.
        pairs: The pairs.
        count: How many of each member.
    """
    lengths = pairs.lengths()
    width = int(lengths.max(initial=0))
    inside = np.arange(width) < lengths[:, None]
    losses = np.full(inside.shape, np.inf, np.float32)
    losses[inside] = -scores
    order = np.argsort(losses, axis=1, kind="stable")[:, :count]
    best: NDArray[np.int64] = np.where(
        np.arange(order.shape[1]) < lengths[:, None], order + (pairs.ends - lengths)[:, None], -1
    )
    return best


@dataclass(frozen=True, slots=True)
class ListContext:
    """What all lists of a refresh are made from.

    Attributes:
        catalogue: The catalogue.
        postings: The postings that reasons may name, by position.
        withdrawn: (n_postings,) bool, postings that are taken out of lists.
        options: The length of lists, and how much of them a company may fill.
    """

    catalogue: Catalogue
    postings: Mapping[int, Posting]
    withdrawn: NDArray[np.bool_]
    options: Options


def make_lists(
    scored: ScoredBlock, activity: CompanyActivity, context: ListContext
) -> list[list[RankedPosting]]:
    """A list for each member of a block, best first.

    Args:
        scored: The candidates, with the prices of congestion taken off their scores.
        activity: What the members did.
        context: What lists are made from.
    """
    catalogue, options = context.catalogue, context.options
    best = best_first(scored.scores, scored.pairs, _DEPTH * options.keep)
    postings = scored.pairs.posting[best]
    companies = catalogue.company[postings]
    rows = np.broadcast_to(np.arange(len(best))[:, None], best.shape)
    exempt = activity.has_asked_for(rows, companies, applies=options.company_asked_applies)
    places = spread_rows(
        companies,
        there=(best >= 0) & ~context.withdrawn[postings],
        exempt=exempt,
        per_company=options.per_company,
        limit=options.keep,
    )
    kept = places >= 0
    chosen = (rows[:, : places.shape[1]][kept], places[kept])
    flat = best[chosen]
    reasons = _reasons(scored, flat, activity, companies[chosen])
    anchors = _anchors(reasons, rows[chosen[0], 0], postings[chosen], activity, context)
    ranked = list(
        map(
            RankedPosting,
            [catalogue.ids[posting] for posting in postings[chosen].tolist()],
            reasons,
            np.round(scored.scores[flat].astype(np.float64), 6).tolist(),
            exempt[chosen].tolist(),
            anchors,
        )
    )
    ends = np.cumsum(kept.sum(axis=1)).tolist()
    return [ranked[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _anchors(
    reasons: Sequence[Reason],
    row: NDArray[np.int64],
    postings: NDArray[np.int64],
    activity: CompanyActivity,
    context: ListContext,
) -> list[Anchor | None]:
    """The posting that the reason of each place names, in the first places of each list."""
    named: list[Anchor | None] = [None] * len(reasons)
    place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    at = np.flatnonzero((place < NAMED) & np.isin(np.array(reasons, np.int8), SIMILAR))
    if not len(at):
        return named
    may = np.zeros(len(context.catalogue.ids), np.bool_)
    may[
        [
            posting
            for posting in np.unique(activity.posting).tolist()
            if may_be_named(context.postings.get(posting))
        ]
    ] = True
    anchors = latest_postings(activity, may)
    names = {
        posting: posting_name(context.postings[posting])
        for posting in np.unique(anchors[anchors >= 0]).tolist()
    }
    which = choose_anchors(drop_same_names(anchors, names), row[at], postings[at], context.catalogue)
    for place_, member, number in zip(at.tolist(), row[at].tolist(), which.tolist(), strict=True):
        if number:
            posting = int(anchors[member, number - 1])
            named[place_] = Anchor(context.postings[posting].id, names[posting])
    return named


def _reasons(
    scored: ScoredBlock,
    flat: NDArray[np.int64],
    activity: CompanyActivity,
    companies: NDArray[np.int64],
) -> list[Reason]:
    """The reason of each pair that is kept: what moved its score most.

    Args:
        scored: The candidates.
        flat: (n,), the pairs that are kept.
        activity: What the members did.
        companies: (n,), the number of each pair's company.
    """
    pairs = scored.pairs
    rows = pairs.row[flat]
    moved = {
        signal: share[flat] - pairs.means(share)[rows]
        for signal, share in merge_by_reason(scored.contributions).items()
    }
    values = {signal: value[flat] for signal, value in scored.signals.values.items()}
    in_field = np.zeros(len(flat), np.bool_)
    for signal in IN_FIELD & values.keys():
        in_field |= values[signal] > 0
    did = activity.strongest()[rows]
    there = activity.strongest_at(rows, companies)
    true = true_reasons(values)
    if (
        Signal.COMPANY in true
    ):  # a company is told by what was done at it, and a rare name may be matched without that
        true[Signal.COMPANY] = true[Signal.COMPANY] & (there > 0)
    if Signal.WANTED_REGION in true:
        true[Signal.WANTED_REGION] = scored.signals.in_named_region[flat]
    return main_reasons(
        moved, true=true, did=did, at_company=np.where(there > 0, there, did), in_field=in_field, row=rows
    )
