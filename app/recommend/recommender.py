"""The recommender: it is fitted on the whole board once, and then ranks any members, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.features.catalogue import Catalogue, build_catalogue
from app.recommend.features.profile_match import meets_something
from app.recommend.interactions import build_interactions
from app.recommend.models.hyperparameters import Hyperparameters
from app.recommend.models.representations import Representations, fit_representations, start_als
from app.recommend.models.side_information import SideInformation, read_side_information
from app.recommend.parallel import SubProgress, parallel_map
from app.recommend.popular import make_shelves
from app.recommend.reranking.company_activity import CompanyActivity
from app.recommend.reranking.congestion import Prices, Ranked, price_table, prices
from app.recommend.reranking.lists import IN_FIELD, ListContext, best_first, make_lists
from app.recommend.scoring.member_block import split_by_activity
from app.recommend.scoring.scored_block import score_block
from app.recommend.scoring.signals import compute_signals
from app.recommend.scoring.weight_learning import HeldOut, hold_out, learn_weights
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import ActivityLog, Member, Posting
    from app.recommend.interactions import Interactions
    from app.recommend.options import Options
    from app.recommend.ranked import RankedPosting
    from app.recommend.scoring.discount import Shown
    from app.recommend.scoring.signals import BlockSignals
    from app.recommend.scoring.weights import Signal

_BLOCK = 128  # members scored together: bounds memory by 128 rows of the catalogue
_PRICED_DEPTH = 100  # postings of each list that congestion is priced on
_PRICED_SAMPLE = 3_000  # members whose lists the prices of congestion are worked out on
_PRICED_PART = 500  # of them at once
_SMALLEST_SEGMENT = 400  # of the sample; smaller ones are priced with everybody


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
    """Fit all that ranking needs, in three steps: read side information, learn the weights, fit the models.

    The last two overlap: on several cores the models are fitted in processes of their own while weights are learned.

    Args:
        postings: The whole catalogue, sorted by id; closed ones too, they carry activity.
        member_ids: All members, sorted.
        activity: What they did.
        members: Reads profiles by position; called in chunks, on a large board for a sample only.
        now: The moment of the refresh.
        options: The options of the refresh.
        known: Weights of an earlier run, which are then not learned again.
        progress: Called with the stage and the share of it that is done.
    """
    to_learn, to_fit = partial(progress, "learn"), partial(progress, "fit")
    inputs = _read_board(postings, member_ids, activity, members, now=now, seed=options.seed)
    weights, models = _learn_and_fit(inputs, known, to_learn, SubProgress(to_fit, 0.0, 0.3))
    representations = fit_representations(
        inputs.interactions,
        inputs.catalogue,
        inputs.side_information,
        models,
        cold_start_below=inputs.hyperparameters.cold_start_below,
        show_viewed=options.show_viewed,
    )
    to_fit(0.6)
    recommender = Recommender(
        postings=dict(enumerate(postings)),
        catalogue=inputs.catalogue,
        representations=representations,
        weights=weights,
        options=options,
        prices=price_table({}, len(postings)),
        withdrawn=np.zeros(len(postings), np.bool_),
        now=now,
    )
    priced = _price_congestion(recommender, len(member_ids), members, SubProgress(to_fit, 0.6, 1.0))
    to_fit(1.0)
    return replace(recommender, prices=priced)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FitInputs:
    """What a fit reads of the board.

    Attributes:
        catalogue: The postings as columns.
        interactions: What members did.
        held: What of it is hidden while weights are learned.
        hyperparameters: By the size of the board.
        side_information: What postings and profiles say.
        profiles: Reads profiles by position.
        seed: Of everything random.
    """

    catalogue: Catalogue
    interactions: Interactions
    held: HeldOut
    hyperparameters: Hyperparameters
    side_information: SideInformation
    profiles: Callable[[Sequence[int]], Sequence[Member]]
    seed: int

    def start_als(
        self,
        interactions: Interactions,
        *,
        start: Sequence[NDArray[np.float32]] | None = None,
        progress: Callable[[float], None],
    ) -> AbstractContextManager[Iterator[NDArray[np.float32]]]:
        """Start to fit the models on these interactions, from those of nearly the same ones where there are any."""
        return start_als(
            interactions,
            self.side_information,
            hyperparameters=self.hyperparameters,
            seed=self.seed,
            start=start,
            progress=progress,
        )


def _read_board(
    postings: Sequence[Posting],
    member_ids: Sequence[str],
    activity: ActivityLog,
    members: Callable[[Sequence[int]], Sequence[Member]],
    *,
    now: datetime,
    seed: int,
) -> _FitInputs:
    """First step: the catalogue, what members did, and what postings and profiles say."""
    catalogue = build_catalogue(postings, now)
    lead = catalogue.lead[activity.posting].astype(np.int32)
    interactions = build_interactions(
        # What was done with any of a job's postings was done with the one that stands for it.
        replace(activity, posting=lead, itself=lead == activity.posting),
        members=len(member_ids),
        postings=len(postings),
        now_s=int(now.timestamp()),
    )
    hyperparameters = Hyperparameters.for_size(len(member_ids), len(postings))
    held = hold_out(interactions, seed)
    side_information = read_side_information(
        interactions,
        postings,
        members,
        hyperparameters=hyperparameters,
        seed=seed,
        cold_members=held.cold_members,
    )
    return _FitInputs(
        catalogue=catalogue,
        interactions=interactions,
        held=held,
        hyperparameters=hyperparameters,
        side_information=side_information,
        profiles=members,
        seed=seed,
    )


def _learn_and_fit(
    inputs: _FitInputs,
    known: Weights | None,
    to_learn: Callable[[float], None],
    to_fit: Callable[[float], None],
) -> tuple[Weights, list[NDArray[np.float32]]]:
    """Second and third step, which overlap: the weights, and the factors of each model on all interactions."""
    start = None
    if known is None and inputs.held.is_enough:
        start = _fit_without_held_out(inputs, SubProgress(to_learn, 0.0, 0.5))
    with inputs.start_als(inputs.interactions, start=start, progress=to_fit) as models:
        weights = known or Weights()
        if start:
            weights = _learn_weights(inputs, start, SubProgress(to_learn, 0.5, 1.0))
            to_learn(1.0)
        return weights, list(models)


def _fit_without_held_out(inputs: _FitInputs, progress: Callable[[float], None]) -> list[NDArray[np.float32]]:
    """Second step, its first half: the models on which weights are learned, and from which the last ones start."""
    with inputs.start_als(inputs.interactions.without(inputs.held.hidden), progress=progress) as models:
        _ = inputs.side_information.kernel  # a single core computes it, meanwhile
        return list(models)


def _learn_weights(
    inputs: _FitInputs, models: Sequence[NDArray[np.float32]], progress: Callable[[float], None]
) -> Weights:
    """Second step, its other half: the weights of the signals, from what these models do not know."""
    return learn_weights(
        inputs.interactions,
        inputs.held,
        inputs.catalogue,
        inputs.side_information,
        models,
        inputs.profiles,
        cold_start_below=inputs.hyperparameters.cold_start_below,
        progress=progress,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommender:
    """Everything that was fitted; read-only, so that processes may share it.

    Attributes:
        postings: The postings that reasons may name, by position.
        catalogue: The n_postings postings as columns, and which of them are shown.
        representations: Factors and all else that was fitted on activity and side information.
        weights: Of the signals.
        options: The options of the refresh.
        prices: What is taken off scores so that no posting is in too many lists.
        withdrawn: (n_postings,) bool, postings that were shown when this was fitted and may not be any more: they stay
            candidates, so that the places of the others do not move, and are then taken out.
        now: The moment of the refresh that fitted this.
    """

    postings: Mapping[int, Posting]
    catalogue: Catalogue
    representations: Representations
    weights: Weights
    options: Options
    prices: Prices
    withdrawn: NDArray[np.bool_]
    now: datetime

    def rank(
        self, positions: Sequence[int], members: Sequence[Member], *, shown: Shown | None = None
    ) -> list[list[RankedPosting]]:
        """A list for each member, best first; empty where nothing is known of the member.

        Lists do not depend on which members are ranked together.

        Args:
            positions: The members' positions.
            members: Their profiles.
            shown: What they were shown in mails and ignored, by indices into `positions`.
        """
        ranked: list[list[RankedPosting]] = [[] for _ in positions]
        places = np.asarray(positions, np.int64)
        for rows, signals in self._signals(positions, members):
            pairs, profiles = signals.pairs, [members[at] for at in rows]
            off = self.prices.of(list(map(_segment, profiles)), pairs.posting, pairs.row)
            if shown is not None:
                off = off + shown.discount(pairs, np.array(rows, np.int64), self.weights.discount)
            lists = self._lists(signals, places[rows], off)
            for at, one in zip(rows, lists, strict=True):
                ranked[at] = one
        return ranked

    def shelves(self) -> dict[tuple[str, str], list[RankedPosting]]:
        """Popular lists by (category, large region), "" for all of either."""
        open_ = self.catalogue.shown[~self.withdrawn[self.catalogue.shown]]
        return make_shelves(
            [self.postings[at] for at in open_.tolist()],
            self.representations.popular[open_],
            self.catalogue.fresh[open_],
            per_company=self.options.per_company,
        )

    def rank_unpriced(self, positions: Sequence[int], members: Sequence[Member]) -> list[Ranked]:
        """Postings and scores of each member before any congestion is priced, best first."""
        ranked: list[Ranked] = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in positions]
        for rows, signals in self._signals(positions, members):
            scores = score_block(signals, self._weights(active=signals.active)).scores
            for at, row in zip(rows, best_first(scores, signals.pairs, _PRICED_DEPTH), strict=True):
                best = row[row >= 0]
                ranked[at] = (signals.pairs.posting[best], scores[best])
        return ranked

    def _signals(
        self, positions: Sequence[int], members: Sequence[Member]
    ) -> Iterator[tuple[list[int], BlockSignals]]:
        """The signals of each block of members who are scored together, with their indices into `positions`."""
        if not len(self.catalogue.shown):
            return
        places = np.asarray(positions, np.int64)
        nothing, little, much = split_by_activity(places, self.representations)
        matched = np.array(
            [meets_something(members[at], self.catalogue) for at in nothing.tolist()], np.bool_
        )
        for group, active in ((little, True), (much, True), (nothing[matched], False)):
            weights = self._weights(active=active)
            wanted = {signal for signal, weight in weights.items() if weight > 0} | IN_FIELD
            for start in range(0, len(group), _BLOCK):
                rows = group[start : start + _BLOCK].tolist()
                profiles = [members[row] for row in rows]
                yield (
                    rows,
                    compute_signals(
                        places[rows], profiles, self.representations, self.catalogue, wanted=wanted
                    ),
                )

    def _weights(self, *, active: bool) -> Mapping[Signal, float]:
        return self.weights.with_history if active else self.weights.profile_only

    def _lists(
        self, signals: BlockSignals, positions: NDArray[np.int64], off: NDArray[np.float32]
    ) -> list[list[RankedPosting]]:
        """A list for each member of a block, with so much taken off the scores of its pairs."""
        return make_lists(
            score_block(signals, self._weights(active=signals.active), prices=off),
            CompanyActivity.of(positions, self.representations, self.catalogue.company),
            ListContext(self.catalogue, self.postings, self.withdrawn, self.options),
        )


def _segment(member: Member) -> str:
    """The segment that congestion is priced in: a member's first category."""
    return member.categories[0] if member.categories else ""


def _price_congestion(
    recommender: Recommender,
    count: int,
    members: Callable[[Sequence[int]], Sequence[Member]],
    progress: Callable[[float], None],
) -> Prices:
    """Prices by segment, from the lists of a sample of members; small segments are priced with everybody under ""."""
    sample = np.sort(np.random.default_rng(recommender.options.seed).permutation(count)[:_PRICED_SAMPLE])
    parts = [sample[start : start + _PRICED_PART].tolist() for start in range(0, len(sample), _PRICED_PART)]
    profiles = [members(part) for part in parts]
    by_segment: dict[str, list[Ranked]] = {}
    ranked_parts = parallel_map(
        lambda part: recommender.rank_unpriced(parts[part], profiles[part]), len(parts), progress=progress
    )
    for member, ranked in zip(chain(*profiles), chain.from_iterable(ranked_parts), strict=True):
        if len(ranked[0]):
            by_segment.setdefault(_segment(member), []).append(ranked)
    everybody = [ranked for lists in by_segment.values() for ranked in lists]
    large = {name: lists for name, lists in by_segment.items() if len(lists) >= _SMALLEST_SEGMENT}
    share, shown = recommender.options.congestion_share, len(recommender.catalogue.shown)
    found = {
        name: prices(lists, share=share, postings=shown)
        for name, lists in ({"": everybody} | large if everybody else {}).items()
    }
    return price_table(found, len(recommender.catalogue.ids))
