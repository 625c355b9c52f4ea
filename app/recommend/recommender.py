"""A refresh's heart: learn from the whole board once, then rank any members, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.features.catalogue import Catalogue, build_catalogue, meets_something
from app.recommend.interactions import build_interactions
from app.recommend.models.hyperparameters import Hyperparameters
from app.recommend.models.representations import (
    Representations,
    fit_representations,
    read_side_information,
    start_als,
)
from app.recommend.parallel import parallel_map
from app.recommend.popular import shelves_of
from app.recommend.progress import SubProgress
from app.recommend.reranking.company_activity import CompanyActivity
from app.recommend.reranking.congestion import Prices, Ranked, price_table, prices
from app.recommend.reranking.lists import IN_FIELD, best_first, make_lists
from app.recommend.scoring.signals import signals, together
from app.recommend.scoring.weight_learning import hold_out, learn_weights
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import ActivityLog, Member, Posting, RankedPosting
    from app.recommend.scoring.signals import Scored
    from app.recommend.scoring.weights import Signal

_BLOCK = 128  # members scored together: bounds memory by 128 rows of the catalogue
_PRICED_DEPTH = 100  # postings of each list that congestion is priced on
_PRICED_SAMPLE = 3_000  # members whose lists the prices of congestion are worked out on
_PRICED_PART = 500  # of them at once
_SMALLEST_SEGMENT = 400  # of the sample; smaller ones are priced with everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a refresh is told.

    Attributes:
        keep: Length of a list.
        seed: The same board and seed give the same lists.
        per_company: Postings of one company before any other company's next.
        company_asked_applies: A company applied to so often was asked for, and may fill more.
        congestion_share: Of a segment's members, how many may have the same posting in their top 10.
        show_viewed: Whether postings viewed or scrapped before may be shown again; those applied to never are.
    """

    keep: int = 50
    seed: int = 0
    per_company: int = 2
    company_asked_applies: int = 3
    congestion_share: float = 0.05
    show_viewed: bool = False


def fit(
    postings: Sequence[Posting],
    member_ids: Sequence[str],
    activity: ActivityLog,
    members: Callable[[Sequence[int]], Sequence[Member]],
    *,
    now: datetime,
    options: Options,
    known: Weights | None = None,
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> Recommender:
    """Learn all that ranking needs.

    Args:
        postings: The whole catalogue, sorted by id; closed ones too, they carry activity.
        member_ids: All members, sorted.
        activity: What they did.
        members: Profiles by position; asked in chunks, on a large board for a sample only.
        now: The moment of the refresh.
        options: What the refresh is told.
        known: Weights of an earlier run, which are then not learned again.
        progress: Told the stage and the share of it that is done.
    """
    catalogue = build_catalogue(postings, now)
    lead = catalogue.lead[activity.posting].astype(np.int32)
    interactions = build_interactions(
        replace(activity, posting=lead, itself=lead == activity.posting),
        members=len(member_ids),
        postings=len(postings),
        now_s=int(now.timestamp()),
    )
    hyperparameters = Hyperparameters.for_size(len(member_ids), len(postings))
    held = hold_out(interactions, options.seed)
    side_information = read_side_information(
        interactions,
        postings,
        members,
        hyperparameters=hyperparameters,
        seed=options.seed,
        cold_members=held.cold_members,
    )
    weights, start = known or Weights(), None
    to_learn, to_fit = partial(progress, "learn"), partial(progress, "fit")
    factors = partial(
        start_als, side_information=side_information, hyperparameters=hyperparameters, seed=options.seed
    )
    if known is None and held.teaches:
        with factors(interactions.without(held.hidden), progress=SubProgress(to_learn, 0.0, 0.5)) as started:
            _ = side_information.kernel  # one core's work, done meanwhile
            start = list(started)
    with factors(interactions, start=start, progress=SubProgress(to_fit, 0.0, 0.3)) as started:
        if start:
            told = SubProgress(to_learn, 0.5, 1.0)
            weights = learn_weights(
                interactions,
                held,
                catalogue,
                side_information,
                start,
                members,
                cold_start_below=hyperparameters.cold_start_below,
                progress=told,
            )
            to_learn(1.0)
        models = list(started)
    representations = fit_representations(
        interactions,
        catalogue,
        side_information,
        models,
        cold_start_below=hyperparameters.cold_start_below,
        show_viewed=options.show_viewed,
    )
    to_fit(0.6)
    model = Recommender(
        postings=dict(enumerate(postings)),
        catalogue=catalogue,
        representations=representations,
        weights=weights,
        options=options,
        prices=price_table({}, len(postings)),
        gone=np.zeros(len(postings), np.bool_),
        now=now,
    )
    found = _congestion_prices(model, len(member_ids), members, SubProgress(to_fit, 0.6, 1.0))
    to_fit(1.0)
    return replace(model, prices=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommender:
    """Everything a refresh learned; read-only, so that processes may share it.

    Attributes:
        postings: By position.
        catalogue, representations, weights, options, prices: As their names say.
        gone: Postings that were shown when this was learned and may not be any more: they stay among what lists are
            cut from, so that the places of the others do not move, and are then taken out.
        now: The moment of the refresh that learned this.
    """

    postings: Mapping[int, Posting]
    catalogue: Catalogue
    representations: Representations
    weights: Weights
    options: Options
    prices: Prices
    gone: NDArray[np.bool_]
    now: datetime

    def rank(self, positions: Sequence[int], members: Sequence[Member]) -> list[list[RankedPosting]]:
        """A list for each member, best first; empty where nothing is known of the member.

        Lists do not depend on which members are ranked together.
        """
        ranked: list[list[RankedPosting]] = [[] for _ in positions]
        places = np.asarray(positions, np.int64)
        for rows, scored in self._scored(positions, members):
            lists = self._lists(scored, places[rows], [members[at] for at in rows])
            for at, one in zip(rows, lists, strict=True):
                ranked[at] = one
        return ranked

    def shelves(self) -> dict[tuple[str, str], list[RankedPosting]]:
        """Popular lists by (category, large region), "" for all of either."""
        open_ = self.catalogue.shown[~self.gone[self.catalogue.shown]]
        return shelves_of(
            [self.postings[at] for at in open_.tolist()],
            self.representations.popular[open_],
            self.catalogue.fresh[open_],
            per_company=self.options.per_company,
        )

    def unpriced(self, positions: Sequence[int], members: Sequence[Member]) -> list[Ranked]:
        """Postings and scores of each member before any congestion is priced, best first."""
        ranked: list[Ranked] = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in positions]
        for rows, scored in self._scored(positions, members):
            scores = scored.in_order(
                _total(scored.contributions(self._weights(scored)), len(scored.pairs.row))
            )
            for at, row in zip(rows, best_first(scores, scored.pairs, _PRICED_DEPTH), strict=True):
                best = row[row >= 0]
                ranked[at] = (scored.pairs.posting[best], scores[best])
        return ranked

    def _scored(
        self, positions: Sequence[int], members: Sequence[Member]
    ) -> Iterator[tuple[list[int], Scored]]:
        """Signals of blocks of members who are scored together."""
        if not len(self.catalogue.shown):
            return
        places = np.asarray(positions, np.int64)
        nothing, little, cold_start_below = together(places, self.representations)
        side_information = np.array(
            [meets_something(members[at], self.catalogue) for at in nothing.tolist()], np.bool_
        )
        for group, weights in (
            (little, self.weights.with_history),
            (cold_start_below, self.weights.with_history),
            (nothing[side_information], self.weights.profile_only),
        ):
            asked = {signal for signal, weight in weights.items() if weight > 0} | IN_FIELD
            for start in range(0, len(group), _BLOCK):
                rows = group[start : start + _BLOCK].tolist()
                people = [members[row] for row in rows]
                yield rows, signals(places[rows], people, self.representations, self.catalogue, asked=asked)

    def _weights(self, scored: Scored) -> Mapping[Signal, float]:
        return self.weights.with_history if scored.active else self.weights.profile_only

    def _lists(
        self, scored: Scored, positions: NDArray[np.int64], members: Sequence[Member]
    ) -> list[list[RankedPosting]]:
        """A list for each member of a block."""
        pairs = scored.pairs
        contributions = scored.contributions(self._weights(scored))
        segments = [member.categories[0] if member.categories else "" for member in members]
        scores = _total(contributions, len(pairs.row)) - self.prices.of(segments, pairs.posting, pairs.row)
        return make_lists(
            scored,
            contributions,
            scored.in_order(scores),
            CompanyActivity.of(positions, self.representations, self.catalogue.company),
            self.catalogue,
            self.postings,
            gone=self.gone,
            keep=self.options.keep,
            per_company=self.options.per_company,
            company_asked_applies=self.options.company_asked_applies,
        )


def _total(contributions: Mapping[Signal, NDArray[np.float32]], count: int) -> NDArray[np.float32]:
    total = np.zeros(count, np.float32)
    for value in contributions.values():
        total += value
    return total


def _congestion_prices(
    model: Recommender,
    count: int,
    members: Callable[[Sequence[int]], Sequence[Member]],
    progress: Callable[[float], None],
) -> Prices:
    """Prices by segment, a member's first category; small segments are priced with everybody under ""."""
    sample = np.sort(np.random.default_rng(model.options.seed).permutation(count)[:_PRICED_SAMPLE])
    parts = [sample[start : start + _PRICED_PART].tolist() for start in range(0, len(sample), _PRICED_PART)]
    people = [members(part) for part in parts]
    by_segment: dict[str, list[Ranked]] = {}
    ranked_parts = parallel_map(
        lambda part: model.unpriced(parts[part], people[part]), len(parts), progress=progress
    )
    for member, ranked in zip(chain(*people), chain.from_iterable(ranked_parts), strict=True):
        if len(ranked[0]):
            by_segment.setdefault(member.categories[0] if member.categories else "", []).append(ranked)
    everybody = [ranked for lists in by_segment.values() for ranked in lists]
    large = {name: lists for name, lists in by_segment.items() if len(lists) >= _SMALLEST_SEGMENT}
    found = {
        name: prices(lists, share=model.options.congestion_share, postings=len(model.catalogue.shown))
        for name, lists in ({"": everybody} | large if everybody else {}).items()
    }
    return price_table(found, len(model.catalogue.ids))
