"""Weights of the signals, learned from activities that were held out of the evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from app.board.model import Kind
from app.recommend.models.representations import learn
from app.recommend.parallel import shared_out
from app.recommend.progress import Span
from app.recommend.scoring.signals import signals, together
from app.recommend.scoring.weights import PROFILE_ONLY_TO_LEARN_FROM, Signal, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.interactions import History
    from app.recommend.models.representations import Ground
    from app.recommend.scoring.pairs import Pairs
    from app.recommend.scoring.signals import Scored

FEWEST_HELD_OUT = 50  # fewer held-out activities teach nothing: the stated defaults stand
MOST_HELD_OUT, MOST_STRANGERS = 3_000, 1_500  # that teach
_STRANGERS_SHARE = 0.1  # of the active members, whose activity is hidden whole
_FEWEST_APPLIES = 200  # from so many on, applying is what is learned; below, any activity
_PULL = 5.0  # towards the defaults, in activities: with few of them the defaults show through
_KNOWN_AT_LEAST = 2  # pairs of a member that stay in the evidence when the last is hidden
HEAD = 100  # best postings of a list, by the weights to start from, that teach
_BLOCK = 128
# Held-out activities are of the past, freshness is of today: what it is worth cannot be seen in them.
_NOT_LEARNED = (Signal.FRESH,)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Pairs taken out of a history: of some members the last, of others ("strangers") all."""

    hidden: NDArray[np.bool_]
    last: NDArray[np.int64]
    of_strangers: NDArray[np.int64]
    strangers: NDArray[np.int32]

    @property
    def teaches(self) -> bool:
        """Whether there is enough of it to learn anything from."""
        return len(self.last) >= FEWEST_HELD_OUT


def hold_out(past: History, seed: int) -> HeldOut:
    """Choose what to hide: by chance whom, by time what. Indices are of the history's pairs."""
    random = np.random.default_rng(seed)
    active = np.unique(past.member)
    strangers = random.permutation(active)[: min(MOST_STRANGERS, int(len(active) * _STRANGERS_SHARE))]
    is_stranger = np.zeros(past.shape[0], np.bool_)
    is_stranger[strangers] = True
    applies = past.kind == Kind.APPLY
    wanted = applies if int(applies.sum()) >= _FEWEST_APPLIES else np.ones(len(applies), np.bool_)
    enough = np.bincount(past.member, minlength=past.shape[0])[past.member] >= _KNOWN_AT_LEAST + 1
    last = _last_of_each(past.member, np.flatnonzero(wanted & enough & ~is_stranger[past.member]))
    last = np.sort(random.permutation(last)[:MOST_HELD_OUT])
    of_strangers = np.flatnonzero(is_stranger[past.member])
    hidden = np.zeros(len(past.member), np.bool_)
    hidden[last] = True
    hidden[of_strangers] = True
    learned_of = np.sort(random.permutation(of_strangers[wanted[of_strangers]])[:MOST_STRANGERS])
    return HeldOut(hidden, last, learned_of, strangers)


def _last_of_each(member: NDArray[np.int32], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    of = member[pairs]
    return pairs[np.r_[of[1:] != of[:-1], True]] if len(pairs) else pairs


def learn_weights(
    past: History,
    held: HeldOut,
    stock: Catalogue,
    said: Ground,
    models: Sequence[NDArray[np.float32]],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    *,
    much: int,
    progress: Callable[[float], None],
) -> Weights:
    """Learn both sets of weights from held-out activities; closed postings take part, they were open then.

    Args:
        past: The whole history.
        held: What of it was held out.
        stock: The catalogue.
        said: What postings and profiles say.
        models: Made of the history less what was held out.
        profiles: By position.
        much: Postings a member acted on from which on the panel is not asked about them.
        progress: Told the share that is done.
    """
    everything = replace(stock, shown=stock.jobs)
    defaults = Weights()
    asked = np.unique(past.member[np.r_[held.last, held.of_strangers]])
    evidence = learn(past.without(held.hidden), everything, said, models, much=much, asked=asked)

    def learned(
        pairs: NDArray[np.int64], start: Mapping[Signal, float], told: Callable[[float], None]
    ) -> tuple[dict[Signal, float], int]:
        parts = [
            pairs[group[begin : begin + _BLOCK]]
            for group in together(past.member[pairs].astype(np.int64), evidence)
            for begin in range(0, len(group), _BLOCK)
        ]
        people = [profiles(past.member[part].tolist()) for part in parts]

        def lesson(number: int) -> Lesson:
            part = parts[number]
            scored = signals(past.member[part].astype(np.int64), people[number], evidence, everything)
            return lesson_of(scored, past.posting[part], start)

        return fit_weights(list(shared_out(lesson, len(parts), progress=told)), start)

    with_history, last = learned(held.last, defaults.with_history, Span(progress, 0.3, 0.8))
    profile_only, strangers = learned(held.of_strangers, PROFILE_ONLY_TO_LEARN_FROM, Span(progress, 0.8, 1.0))
    return Weights(
        with_history=with_history,
        profile_only=profile_only if strangers else defaults.profile_only,
        learned_from={"with_history": last, "profile_only": strangers},
    )


@dataclass(frozen=True, slots=True)
class Lesson:
    """Signals of pairs (pairs x signals), where each member's pairs begin, and which pair was held out."""

    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    chosen: NDArray[np.int64]


def lesson_of(scored: Scored, postings: NDArray[np.int32], start: Mapping[Signal, float]) -> Lesson:
    """The head of each member's list, by the weights to start from, where the held-out posting is in it.

    What counts is the order there; pairs further down are easy to tell apart and would drown the others.
    """
    pairs = scored.pairs
    absent = np.zeros(len(pairs.row), np.float32)
    values = np.stack([scored.values.get(name, absent) for name in start], axis=1)
    in_head = _places(pairs, values @ np.array(list(start.values()), np.float32)) < HEAD
    is_chosen = in_head & (pairs.posting == postings[pairs.row])
    useful = np.zeros(len(pairs.ends), np.bool_)
    useful[pairs.row[is_chosen]] = True
    keep = in_head & useful[pairs.row]
    row = pairs.row[keep]
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.zeros(0, np.int64)
    return Lesson(values[keep], starts, np.flatnonzero(is_chosen[keep]))


def _places(pairs: Pairs, scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Each pair's place in its member's list, from 0."""
    first = pairs.ends - np.bincount(pairs.row, minlength=len(pairs.ends))
    places = np.empty(len(scores), np.int64)
    places[np.lexsort((-scores, pairs.row))] = np.arange(len(scores)) - first[pairs.row]
    return places


def fit_weights(lessons: Sequence[Lesson], start: Mapping[Signal, float]) -> tuple[dict[Signal, float], int]:
    """Weights, none below 0, that make the held-out postings likeliest, and how many taught them.

    A conditional logit (McFadden 1974): each member chose one posting among those scored. The penalty pulls
    towards `start`. Weights below 0 are not allowed: they would buy likelihood by guessing which postings have
    an activity hidden, and a reason given from them would be a riddle.
    """
    taught = sum(len(lesson.chosen) for lesson in lessons)
    if taught < FEWEST_HELD_OUT:
        return dict(start), 0
    names = list(start)
    prior = np.array([start[name] for name in names])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = _PULL * float(((weights - prior) ** 2).sum())
        slope = 2 * _PULL * (weights - prior)
        for lesson in lessons:
            if len(lesson.starts):
                part, part_slope = _choice_loss(lesson, weights.astype(np.float32))
                total, slope = total + part, slope + part_slope
        return total / taught, slope / taught

    fixed = [name in _NOT_LEARNED for name in names]
    bounds = [(prior[at], prior[at]) if fixed[at] else (0.0, None) for at in range(len(names))]
    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds)
    return {name: round(float(weight), 4) for name, weight in zip(names, found.x, strict=True)}, taught


def _choice_loss(lesson: Lesson, weights: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
    lengths = np.diff(np.r_[lesson.starts, len(lesson.values)])
    scores = lesson.values @ weights
    scores -= np.repeat(np.maximum.reduceat(scores, lesson.starts), lengths)
    likely = np.exp(scores)
    total = np.add.reduceat(likely, lesson.starts)
    share = likely / np.repeat(total, lengths)
    lost = float((np.log(total) - scores[lesson.chosen]).sum())
    slope = share @ lesson.values - lesson.values[lesson.chosen].sum(axis=0)
    return lost, slope.astype(np.float64)
