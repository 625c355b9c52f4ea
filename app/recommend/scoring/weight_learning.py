"""Weights of the signals, learned from activities that were held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from app.board.model import ActivityKind
from app.recommend.models.representations import fit_representations
from app.recommend.parallel import SubProgress, parallel_map
from app.recommend.scoring.member_block import split_by_activity
from app.recommend.scoring.signals import compute_signals
from app.recommend.scoring.weights import PROFILE_ONLY_TO_LEARN_FROM, Signal, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.interactions import Interactions
    from app.recommend.models.representations import Representations
    from app.recommend.models.side_information import SideInformation
    from app.recommend.scoring.pairs import Pairs
    from app.recommend.scoring.signals import BlockSignals

FEWEST_HELD_OUT = 50  # with fewer held-out activities the default weights stand
MOST_HELD_OUT, MOST_COLD_MEMBERS = 3_000, 1_500  # pairs to learn from at most
_COLD_SHARE = 0.1  # of the active members; all their activity is hidden
_FEWEST_APPLIES = (
    200  # from so many on, weights are learned from applications alone; below, from any activity
)
_PENALTY = 5.0  # strength of the L2 penalty towards the default weights; with few activities it dominates
_KNOWN_AT_LEAST = 2  # pairs of a member that stay when the last is hidden
HEAD = 100  # first postings of each list, by the start weights, from which weights are learned
_BLOCK = 128
# Held-out activities are in the past, and freshness is measured today, so its weight cannot be learned from them.
_FIXED = (Signal.FRESH,)
_Name = TypeVar("_Name", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The hidden pairs among n interactions: the last one of some members, and all of the cold members.

    Attributes:
        hidden: (n,) bool.
        last: Indices of the last pairs of some members, int64.
        of_cold_members: Indices of pairs of cold members, of those that teach, int64.
        cold_members: Positions of the members whose activity is hidden completely, int32.
    """

    hidden: NDArray[np.bool_]
    last: NDArray[np.int64]
    of_cold_members: NDArray[np.int64]
    cold_members: NDArray[np.int32]

    @property
    def is_enough(self) -> bool:
        """Whether there is enough of it to learn anything from."""
        return len(self.last) >= FEWEST_HELD_OUT


def hold_out(interactions: Interactions, seed: int) -> HeldOut:
    """Choose what to hide: whose activity by chance, which of it by time."""
    random = np.random.default_rng(seed)
    active = np.unique(interactions.member)
    cold_members = random.permutation(active)[: min(MOST_COLD_MEMBERS, int(len(active) * _COLD_SHARE))]
    is_cold = np.zeros(interactions.shape[0], np.bool_)
    is_cold[cold_members] = True
    applies = interactions.kind == ActivityKind.APPLY
    wanted = applies if int(applies.sum()) >= _FEWEST_APPLIES else np.ones(len(applies), np.bool_)
    enough = (
        np.bincount(interactions.member, minlength=interactions.shape[0])[interactions.member]
        >= _KNOWN_AT_LEAST + 1
    )
    last = _last_of_each(interactions.member, np.flatnonzero(wanted & enough & ~is_cold[interactions.member]))
    last = np.sort(random.permutation(last)[:MOST_HELD_OUT])
    of_cold_members = np.flatnonzero(is_cold[interactions.member])
    hidden = np.zeros(len(interactions.member), np.bool_)
    hidden[last] = True
    hidden[of_cold_members] = True
    learned_of = np.sort(random.permutation(of_cold_members[wanted[of_cold_members]])[:MOST_COLD_MEMBERS])
    return HeldOut(hidden, last, learned_of, cold_members)


def _last_of_each(member: NDArray[np.int32], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    of = member[pairs]
    return pairs[np.r_[of[1:] != of[:-1], True]] if len(pairs) else pairs


def learn_weights(
    interactions: Interactions,
    held: HeldOut,
    catalogue: Catalogue,
    side_information: SideInformation,
    models: Sequence[NDArray[np.float32]],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    *,
    cold_start_below: int,
    progress: Callable[[float], None],
) -> Weights:
    """Learn both sets of weights from held-out activities; closed postings take part, they were open then.

    Args:
        interactions: All of them.
        held: What of them is hidden.
        catalogue: The catalogue.
        side_information: What postings and profiles say.
        models: Fitted on the interactions without what is hidden.
        profiles: Reads profiles by position.
        cold_start_below: Predictions from profiles are asked for of members who acted on fewer postings than this.
        progress: Called with the share that is done.
    """
    everything = replace(catalogue, shown=catalogue.jobs)
    defaults = Weights()
    representations = fit_representations(
        interactions.without(held.hidden),
        everything,
        side_information,
        models,
        cold_start_below=cold_start_below,
        only=np.unique(interactions.member[np.r_[held.last, held.of_cold_members]]),
    )

    training_blocks = partial(_training_blocks, interactions, representations, everything, profiles)
    start = defaults.with_history
    with_history, last = fit_weights(
        training_blocks(held.last, start, SubProgress(progress, 0.3, 0.8)), start
    )
    start = PROFILE_ONLY_TO_LEARN_FROM
    profile_only, cold_members = fit_weights(
        training_blocks(held.of_cold_members, start, SubProgress(progress, 0.8, 1.0)), start
    )
    return Weights(
        with_history=with_history,
        profile_only=profile_only if cold_members else defaults.profile_only,
        learned_from={"with_history": last, "profile_only": cold_members},
    )


def _training_blocks(
    interactions: Interactions,
    representations: Representations,
    catalogue: Catalogue,
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    pairs: NDArray[np.int64],
    start: Mapping[Signal, float],
    progress: Callable[[float], None],
) -> list[TrainingBlock]:
    """The training blocks of held-out pairs, computed on all cores.

    Args:
        interactions: All of them.
        representations: Fitted on the interactions without what is hidden.
        catalogue: The catalogue, closed postings shown too.
        profiles: Reads profiles by position.
        pairs: Indices of the held-out pairs among the interactions.
        start: The weights to start from.
        progress: Called with the share that is done.
    """
    parts = [
        pairs[group[begin : begin + _BLOCK]]
        for group in split_by_activity(interactions.member[pairs].astype(np.int64), representations)
        for begin in range(0, len(group), _BLOCK)
    ]
    members = [profiles(interactions.member[part].tolist()) for part in parts]

    def block(number: int) -> TrainingBlock:
        part = parts[number]
        signals = compute_signals(
            interactions.member[part].astype(np.int64), members[number], representations, catalogue
        )
        return training_block(signals, interactions.posting[part], start)

    return list(parallel_map(block, len(parts), progress=progress))


@dataclass(frozen=True, slots=True)
class TrainingBlock:
    """n candidate pairs of some members; each member chose one of their pairs.

    Attributes:
        values: (n, n_signals) float32.
        starts: (n_members,) int64, where each member's pairs begin.
        chosen: (n_members,) int64, the pair that was held out.
    """

    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    chosen: NDArray[np.int64]


def training_block(
    signals: BlockSignals, postings: NDArray[np.int32], start: Mapping[Signal, float]
) -> TrainingBlock:
    """The head of each member's list, by the weights to start from, where the held-out posting is in it.

    What counts is the order there; pairs further down are easy to tell apart and would drown the others.
    """
    pairs = signals.pairs
    absent = np.zeros(len(pairs.row), np.float32)
    values = np.stack([signals.values.get(name, absent) for name in start], axis=1)
    in_head = _places(pairs, values @ np.array(list(start.values()), np.float32)) < HEAD
    is_chosen = in_head & (pairs.posting == postings[pairs.row])
    useful = np.zeros(len(pairs.ends), np.bool_)
    useful[pairs.row[is_chosen]] = True
    keep = in_head & useful[pairs.row]
    row = pairs.row[keep]
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.zeros(0, np.int64)
    return TrainingBlock(values[keep], starts, np.flatnonzero(is_chosen[keep]))


def _places(pairs: Pairs, scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Each pair's place in its member's list, from 0."""
    first = pairs.ends - np.bincount(pairs.row, minlength=len(pairs.ends))
    places = np.empty(len(scores), np.int64)
    places[np.lexsort((-scores, pairs.row))] = np.arange(len(scores)) - first[pairs.row]
    return places


def fit_weights(
    blocks: Sequence[TrainingBlock], start: Mapping[_Name, float]
) -> tuple[dict[_Name, float], int]:
    """Weights, none below 0, that make the held-out postings likeliest, and how many there were.

    A conditional logit (McFadden 1974): each member chose one posting among those scored. The penalty pulls
    towards `start`. Weights below 0 are not allowed: they would buy likelihood by guessing which postings have
    an activity hidden, and no reason could be given from them.
    """
    examples = sum(len(block.chosen) for block in blocks)
    if examples < FEWEST_HELD_OUT:
        return dict(start), 0
    from scipy.optimize import minimize  # noqa: PLC0415 - half a second, which most refreshes have no need of

    names = list(start)
    prior = np.array([start[name] for name in names])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = _PENALTY * float(((weights - prior) ** 2).sum())
        slope = 2 * _PENALTY * (weights - prior)
        for block in blocks:
            if len(block.starts):
                part, part_slope = _choice_loss(block, weights.astype(np.float32))
                total, slope = total + part, slope + part_slope
        return total / examples, slope / examples

    fixed = [name in _FIXED for name in names]
    bounds = [(prior[at], prior[at]) if fixed[at] else (0.0, None) for at in range(len(names))]
    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds)
    return {name: round(float(weight), 4) for name, weight in zip(names, found.x, strict=True)}, examples


def _choice_loss(block: TrainingBlock, weights: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
    lengths = np.diff(np.r_[block.starts, len(block.values)])
    scores = block.values @ weights
    scores -= np.repeat(np.maximum.reduceat(scores, block.starts), lengths)
    likely = np.exp(scores)
    total = np.add.reduceat(likely, block.starts)
    share = likely / np.repeat(total, lengths)
    lost = float((np.log(total) - scores[block.chosen]).sum())
    slope = share @ block.values - block.values[block.chosen].sum(axis=0)
    return lost, slope.astype(np.float64)
