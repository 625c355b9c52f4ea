"""The weights of what mails taught, learned as the others are: from choices that the model is not told of."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind
from app.recommend.mailed.mails import last_clicked_mails
from app.recommend.parallel import parallel_map
from app.recommend.scoring.discount import DEFAULT_DISCOUNT, Ignored
from app.recommend.scoring.member_block import split_by_activity
from app.recommend.scoring.signals import compute_signals
from app.recommend.scoring.weight_learning import FEWEST_HELD_OUT, TrainingBlock, fit_weights
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.mailed.clicks import MailedMembers
    from app.recommend.mailed.mails import ClickedMail, Mail
    from app.recommend.recommender import Recommender

    Profiles = Callable[[Sequence[int]], Sequence[Member]]

CLICK_WEIGHTS = (0.0, 0.15, 0.3, 0.45, 0.6)  # that are tried: from nothing to as much as a scrap
MOST_CLICKERS, MOST_MAILED = 1_000, 3_000  # members to learn either from at most
_BLOCK = 128
_LEAST_SCORE = 0.25  # what a score must at least say of clicks: the discount is measured in scores


class _Placed(StrEnum):
    """What else moves a click in a mail: how well a posting suits, and how high it stands."""

    SCORE = "score"
    POSITION = "position"


def learn_from_mails(
    mailed: MailedMembers, mails: Sequence[Mail], profiles: Profiles, *, seed: int
) -> MailedMembers:
    """The same with learned weights of clicks and of what was ignored, where there are clicks enough to learn from.

    Args:
        mailed: What is known of the members.
        mails: Mails of some of them, sorted by member and time.
        profiles: Reads profiles by position.
        seed: Of the choice of members.
    """
    click, clickers = learn_click_weight(mailed, profiles, seed=seed)
    discount, clicked = learn_discount(mailed, mails, profiles)
    weights = mailed.recommender.weights
    learned = {**weights.learned_from, "click": clickers, "discount": clicked}
    weights = replace(weights, click=click, discount=discount, learned_from=learned)
    return replace(mailed, recommender=replace(mailed.recommender, weights=weights))


def learn_discount(
    mailed: MailedMembers, mails: Sequence[Mail], profiles: Profiles
) -> tuple[dict[Ignored, float], int]:
    """The weights of the signs that a posting was ignored, none below 0, and from how many mails they were learned.

    A conditional logit of which place of a mail was clicked. What stood high was seen by more, and what was shown again
    suited better, so both are in it: the position, and the score by what the member had done before the mail.
    """
    open_ = np.zeros(len(mailed.recommender.catalogue.ids), np.bool_)
    open_[mailed.recommender.catalogue.shown] = True
    choices = last_clicked_mails(mails, open_)[:MOST_MAILED]
    parts = [choices[start : start + _BLOCK] for start in range(0, len(choices), _BLOCK)]
    people = [profiles([each.member for each in part]) for part in parts]
    blocks = list(parallel_map(lambda at: _choice_block(mailed, parts[at], people[at]), len(parts)))
    start: dict[StrEnum, float] = {_Placed.SCORE: 1.0, _Placed.POSITION: 1.0}
    start |= {sign: DEFAULT_DISCOUNT[sign] for sign in Ignored}
    found, learned_from = fit_weights(blocks, start)
    if not learned_from:
        return dict(DEFAULT_DISCOUNT), 0
    scale = max(found[_Placed.SCORE], _LEAST_SCORE)
    return {sign: round(found[sign] / scale, 4) for sign in Ignored}, learned_from


def _choice_block(
    mailed: MailedMembers, choices: Sequence[ClickedMail], profiles: Sequence[Member]
) -> TrainingBlock:
    """The places of some mails: score, position and signs of each, and which was chosen."""
    members = np.array([each.member for each in choices], np.int64)
    before = np.array([each.sent_s for each in choices], np.int64)
    model = mailed.fold_in(members, profiles, before_s=before, click_weight=0)
    scores = _scores(model, [each.job for each in choices], profiles)
    rows = [
        np.stack([score, -np.log(each.position), *(-each.ignored[sign] for sign in Ignored)], axis=1)
        for each, score in zip(choices, scores, strict=True)
    ]
    starts = np.cumsum([0, *map(len, rows)])[:-1]
    chosen = starts + np.array([each.chosen for each in choices], np.int64)
    return TrainingBlock(np.concatenate(rows).astype(np.float32), starts, chosen)


def _scores(
    model: Recommender, jobs: Sequence[NDArray[np.int64]], profiles: Sequence[Member]
) -> list[NDArray[np.float32]]:
    """The scores of each member's jobs, in their order."""
    place = np.full(len(model.catalogue.ids), -1, np.int64)
    place[model.catalogue.shown] = np.arange(len(model.catalogue.shown))
    scores: list[NDArray[np.float32]] = [np.zeros(len(own), np.float32) for own in jobs]
    for group in split_by_activity(np.arange(len(jobs)), model.representations):
        if not len(group):
            continue
        signals = compute_signals(
            group,
            [profiles[at] for at in group.tolist()],
            model.representations,
            model.catalogue,
            postings=[place[jobs[at]] for at in group.tolist()],
        )
        weights = model.weights.with_history if signals.active else model.weights.profile_only
        found = np.sum(list(signals.contributions(weights).values()), axis=0)
        for row, at in enumerate(group.tolist()):
            own = signals.pairs.of(row)
            scores[at] = found[own][np.searchsorted(signals.pairs.posting[own], jobs[at])]
    return scores


def learn_click_weight(mailed: MailedMembers, profiles: Profiles, *, seed: int) -> tuple[float, int]:
    """What a click counts as activity: the weight by which what members did next stands highest, and of how many members.

    Another than the default is taken only where it is better by more than a standard error. That a posting was clicked
    says nothing here of the posting itself: what was done next must be another.
    """
    held = _next_activities(mailed, seed)
    if len(held[0]) < FEWEST_HELD_OUT:
        return Weights().click, 0
    people = profiles(held[0].tolist())
    ranks = list(
        parallel_map(
            lambda at: _reciprocal_ranks(mailed, held, people, CLICK_WEIGHTS[at]), len(CLICK_WEIGHTS)
        )
    )
    default = ranks[CLICK_WEIGHTS.index(Weights().click)]
    better = [float((rank - default).mean()) for rank in ranks]
    best = int(np.argmax(better))
    error = float((ranks[best] - default).std()) / len(default) ** 0.5
    return (CLICK_WEIGHTS[best] if better[best] > error else Weights().click), len(default)


def _next_activities(
    mailed: MailedMembers, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Members who did something with an open job after a click on another: members, jobs and seconds, by member."""
    log, clicks = mailed.activity, mailed.clicks
    open_ = np.zeros(len(mailed.recommender.catalogue.ids), np.bool_)
    open_[mailed.recommender.catalogue.shown] = True
    clickers, first = np.unique(clicks.member, return_index=True)
    clicked_s = np.full(
        int(max(log.member.max(initial=-1), clicks.member.max(initial=-1))) + 1, np.iinfo(np.int64).max
    )
    clicked_s[clickers] = clicks.at[first]
    width = np.int64(len(open_))
    clicked = np.isin(log.member * width + log.posting, clicks.member * width + clicks.posting)
    wanted = open_[log.posting] & (log.at > clicked_s[log.member]) & ~clicked
    applied = wanted & (log.kind == ActivityKind.APPLY)
    rows = np.flatnonzero(applied if int(applied.sum()) >= FEWEST_HELD_OUT else wanted)
    last = rows[np.r_[log.member[rows][1:] != log.member[rows][:-1], True]] if len(rows) else rows
    last = np.sort(np.random.default_rng(seed).permutation(last)[:MOST_CLICKERS])
    return log.member[last].astype(np.int64), log.posting[last].astype(np.int64), log.at[last]


def _reciprocal_ranks(
    mailed: MailedMembers,
    held: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    people: Sequence[Member],
    click_weight: float,
) -> NDArray[np.float64]:
    """One over the place of what each member did next, 0 where it is not among the first hundred: (n_members,) float64."""
    members, jobs, at = held
    model = mailed.fold_in(members, people, before_s=at, click_weight=click_weight)
    ranked = model.rank_unpriced(range(len(members)), people)
    places = [np.flatnonzero(own == job) for (own, _), job in zip(ranked, jobs.tolist(), strict=True)]
    return np.array([1 / (1 + place[0]) if len(place) else 0.0 for place in places])
