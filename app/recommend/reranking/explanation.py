"""The reason given for a posting: what moved its score most, of what is true of it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from app.board.model import ActivityKind
from app.recommend.reasons import Reason
from app.recommend.scoring.weights import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_Number = TypeVar("_Number", bound=np.floating)
_SIMILAR = {
    ActivityKind.VIEW: Reason.SIMILAR_TO_VIEWED,
    ActivityKind.CLICK: Reason.SIMILAR_TO_VIEWED,  # who clicked a posting in a mail has seen it
    ActivityKind.SCRAP: Reason.SIMILAR_TO_SCRAPPED,
    ActivityKind.APPLY: Reason.SIMILAR_TO_APPLIED,
}
SIMILAR = tuple(dict.fromkeys(_SIMILAR.values()))  # reasons that rest on some posting
_COMPANY = {
    ActivityKind.VIEW: Reason.COMPANY_VIEWED,
    ActivityKind.CLICK: Reason.COMPANY_VIEWED,
    ActivityKind.SCRAP: Reason.COMPANY_SCRAPPED,
    ActivityKind.APPLY: Reason.COMPANY_APPLIED,
}
_SIMILARITY_SIGNALS = (
    Signal.COLLABORATIVE,
    Signal.ITEM_SIMILARITY,
    Signal.CONTENT_FACTORS,
    Signal.WORDS,
    Signal.OPENED_NEAR,
)
_PLAIN = {
    Signal.PLACE: Reason.REGION_OF_INTEREST,
    Signal.AREA: Reason.REGION_OF_INTEREST,
    Signal.NEARBY: Reason.REGION_OF_INTEREST,
    Signal.CATEGORY: Reason.FITS_FIELD,
    Signal.WANTED_CATEGORY: Reason.FITS_FIELD,
    Signal.WANTED_REGION: Reason.FITS_REGION,
    Signal.WANTED_WORDS: Reason.FITS_SKILLS,
    Signal.CAREER: Reason.FITS_CAREER,
    Signal.EDUCATION: Reason.FITS_EDUCATION,
    Signal.SALARY: Reason.FITS_SALARY,
    Signal.PROFILE_FACTORS: Reason.PEERS_APPLIED,
    Signal.SIMILAR_MEMBERS: Reason.PEERS_APPLIED,
}


def explain(signal: Signal, *, did: ActivityKind, at_company: ActivityKind, in_field: bool) -> Reason:
    """The reason that a signal stands for.

    Args:
        signal: The signal.
        did: The member's strongest activity.
        at_company: The member's strongest activity at the posting's company.
        in_field: Whether the posting is in the member's field.
    """
    if signal in _SIMILARITY_SIGNALS:
        return _SIMILAR[did]
    if signal is Signal.COMPANY:
        return _COMPANY[at_company]
    if signal is Signal.FRESH:
        return Reason.NEW_IN_FIELD if in_field else Reason.NEW
    if signal is Signal.POPULAR:
        return Reason.POPULAR_IN_FIELD if in_field else Reason.POPULAR
    return _PLAIN[signal]


# Signals that stand for the same reason move a score together, under the first of them.
_FITTING = frozenset({Signal.CAREER, Signal.EDUCATION, Signal.SALARY})
_MERGED_UNDER = (
    dict.fromkeys(_SIMILARITY_SIGNALS, Signal.COLLABORATIVE)
    | dict.fromkeys((Signal.PLACE, Signal.AREA, Signal.NEARBY), Signal.PLACE)
    | dict.fromkeys((Signal.CATEGORY, Signal.WANTED_CATEGORY), Signal.CATEGORY)
    | dict.fromkeys((Signal.PROFILE_FACTORS, Signal.SIMILAR_MEMBERS), Signal.PROFILE_FACTORS)
)


def merge_by_reason(
    shares: Mapping[Signal, NDArray[_Number]],
) -> dict[Signal, NDArray[_Number]]:
    """Shares of scores, (n_pairs,) by signal, with those of signals that stand for the same reason summed under the first."""
    merged: dict[Signal, NDArray[_Number]] = {}
    for signal, share in shares.items():
        first = _MERGED_UNDER.get(signal, signal)
        merged[first] = merged[first] + share if first in merged else share
    return merged


NEWS_FRESH = np.float32(0.25)  # a posting about two weeks old; an older one is not called new
_NEARLY = 0.75  # of the largest share: a signal that moved a score so much may be named instead
_AT_ALL = 0.1  # the same, once the largest was named `MOST_REPEATED` times: a reason repeated ten times says nothing
MOST_REPEATED = 3  # times that a list names one reason, or one posting, before others take its place
_VARIED = 20  # first places of a list whose reasons vary: what a mail shows
_NOT_TRUE = np.float32(-np.inf)
_FITS = np.float32(1)  # the value of a fit signal where the requirement is known and met


def true_reasons(values: Mapping[Signal, NDArray[np.float32]]) -> dict[Signal, NDArray[np.bool_]]:
    """Whether the reason that each signal stands for is true of the pairs, (n_pairs,) bool; missing where it always is.

    An unknown value also moves a score, compared with postings that do not fit, but it is no reason.

    Args:
        values: The signals' values, (n_pairs,) float32.
    """
    true: dict[Signal, NDArray[np.bool_]] = {}
    for signal, value in values.items():
        first = _MERGED_UNDER.get(signal, signal)
        if signal is Signal.NEARBY or first is Signal.COLLABORATIVE:
            continue
        least = _FITS if signal in _FITTING else NEWS_FRESH if signal is Signal.FRESH else None
        holds = value > 0 if least is None else value >= least
        true[first] = true[first] | holds if first in true else holds
    return true


def _all_reasons() -> NDArray[np.int8]:
    """`explain` as a table: signals x kinds x kinds x 2."""
    kinds = max(ActivityKind) + 1
    table = np.zeros((len(_PLACE), kinds, kinds, 2), np.int8)
    for signal, place in _PLACE.items():
        for did, there, inside in product(ActivityKind, ActivityKind, (False, True)):
            table[place, did, there, int(inside)] = explain(
                signal, did=did, at_company=there, in_field=inside
            )
    return table


_PLACE = {signal: place for place, signal in enumerate(Signal)}
_REASONS = _all_reasons()
_REASON = {int(reason): reason for reason in Reason}


def main_reasons(
    moved: Mapping[Signal, NDArray[np.floating]],
    *,
    true: Mapping[Signal, NDArray[np.bool_]],
    did: Sequence[ActivityKind] | NDArray[np.int8],
    at_company: Sequence[ActivityKind] | NDArray[np.int8],
    in_field: Sequence[bool] | NDArray[np.bool_],
    row: NDArray[np.int64] | None = None,
) -> list[Reason]:
    """For each of n pairs, the true reason whose signal moved its score most.

    Args:
        moved: (n,) by signal, its contribution less the mean over all of the member's pairs: a signal that is the same for
            every posting (a career that fits them all) moves no score.
        true: (n,) bool by signal, as `true_reasons` gives it.
        did: (n,), the strongest activity of each pair's member.
        at_company: (n,), the member's strongest activity at the pair's company, else anywhere.
        in_field: (n,), whether the posting is in the member's field.
        row: (n,), the member of each pair, ascending, best posting first; given where reasons vary within a list. The
            reason named least so far is then taken of those whose share is at least `_NEARLY` of the largest, or
            `_AT_ALL` of it once the largest was named `MOST_REPEATED` times.
    """
    shares = {
        signal: np.where(true[signal], share, _NOT_TRUE) if signal in true else share
        for signal, share in merge_by_reason(moved).items()
    }
    if not shares:
        return [Reason.OPEN_NOW] * len(did)
    place = np.array([_PLACE[signal] for signal in shares])
    stacked = np.stack(list(shares.values()))
    largest = np.argmax(stacked, axis=0) if row is None else _vary_reasons(stacked, row)
    reasons = _REASONS[place[largest], np.asarray(did), np.asarray(at_company), np.asarray(in_field, np.int8)]
    none = np.take_along_axis(stacked, largest[None], axis=0)[0] == _NOT_TRUE
    return list(map(_REASON.__getitem__, np.where(none, np.int8(Reason.OPEN_NOW), reasons).tolist()))


def _vary_reasons(stacked: NDArray[np.floating], row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which signal is named for each pair, (n_pairs,) int64, so that reasons vary within a list.

    Args:
        stacked: (n_signals, n_pairs), what each signal moved.
        row: (n_pairs,), the member of each pair.
    """
    chosen: NDArray[np.int64] = np.argmax(stacked, axis=0)
    largest = np.take_along_axis(stacked, chosen[None], axis=0)[0]
    times = np.zeros((int(row.max(initial=-1)) + 1, len(stacked)), np.int64)
    for step in pairs_by_place(row, most=_VARIED):
        often = times[row[step], chosen[step]] >= MOST_REPEATED
        least = np.where(often, _AT_ALL, _NEARLY) * largest[step]
        nearly = (stacked[:, step] > 0) & (stacked[:, step] >= least)
        rank = np.where(nearly.T, times[row[step]] * np.float32(1e3) - stacked[:, step].T, np.inf)
        some = np.isfinite(rank).any(axis=1)
        chosen[step[some]] = np.argmin(rank[some], axis=1)
        np.add.at(times, (row[step], chosen[step]), 1)
    return chosen


def pairs_by_place(row: NDArray[np.int64], *, most: int) -> list[NDArray[np.int64]]:
    """The first pair of every member, the second, and so on; `row` ascends."""
    place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    return [np.flatnonzero(place == step) for step in range(min(most, int(place.max(initial=-1)) + 1))]
