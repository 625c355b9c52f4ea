"""Offline evaluation: metrics over members with held-out activity, each with a 95 % bootstrap interval."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

TOP = 10
_DRAWS = 1_000
_LOW, _HIGH = 2.5, 97.5  # percentiles of a 95 % interval
_NORMAL = 1.96  # standard deviations on either side, likewise


@dataclass(frozen=True, slots=True)
class RankedList:
    """What one member would see.

    Attributes:
        postings: Ids, best first.
        source: Where the list comes from.
    """

    postings: Sequence[str]
    source: str


@dataclass(frozen=True, slots=True)
class MetricEstimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """A JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What lists are worth.

    Attributes:
        members: How many have held-out postings.
        pairs: How many postings were held out.
        metrics: By name, such as "recall@10".
        sources: The share of members by the source of their list.
    """

    members: int
    pairs: int
    metrics: Mapping[str, MetricEstimate]
    sources: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "members": self.members,
            "pairs": self.pairs,
            "sources": dict(self.sources),
            **{name: metric.to_json() for name, metric in self.metrics.items()},
        }


def evaluate(
    served: Mapping[str, RankedList],
    held_out: Mapping[str, Collection[str]],
    *,
    catalogue_size: int,
    ks: Sequence[int] = (5, 10, 20),
    seed: int = 0,
) -> Evaluation:
    """Measure the lists of the members with held-out postings.

    Recall@k is the share of a member's held-out postings among the first k; NDCG@k has gain 1 for each and
    the best order possible below it; MRR is over the whole list. Coverage@10 is the share of the catalogue that
    stands in any top 10, Gini that of the exposure of all its postings there (0 is even), and the most exposed
    posting's share is of the members. A member without a list counts 0.

    Args:
        served: What each member would see, after veto, spread and fill.
        held_out: Postings by member, none of which the lists were made from.
        catalogue_size: How many postings could be shown.
        ks: Depths of recall and NDCG.
        seed: Of the bootstrap, which draws members with replacement 1,000 times.
    """
    members = sorted(held_out)
    lists = [served[member].postings if member in served else () for member in members]
    wanted = [set(held_out[member]) for member in members]
    draws = _draws(len(members), seed)
    metrics = {
        name: _mean(values, draws) for name, values in _by_member(lists, wanted, ks).items()
    } | _of_exposure(lists, catalogue_size, draws)
    sources = Counter(served[member].source if member in served else "none" for member in members)
    return Evaluation(
        members=len(members),
        pairs=sum(map(len, wanted)),
        metrics=metrics,
        sources={source: count / len(members) for source, count in sorted(sources.items())},
    )


@dataclass(frozen=True, slots=True)
class RepeatShare:
    """How much of the first ten places the members were shown before in mails and ignored.

    Attributes:
        mailed: Of how many of the members any mail is known.
        places: How many places there are, of all members.
        ignored: The share of them that was shown before and not clicked since.
    """

    mailed: int
    places: int
    ignored: float

    def to_json(self) -> dict[str, float]:
        """A JSON object."""
        return {"mailed": self.mailed, "places": self.places, "ignored": self.ignored}


def repeat_share(
    served: Mapping[str, RankedList], ignored: Mapping[str, Collection[int]], job_of: Mapping[str, int]
) -> RepeatShare:
    """How much of what members are served was shown to them before and ignored.

    Args:
        served: What each member would see.
        ignored: Jobs that were shown to a member in mails and not clicked since, by member; nothing for one never mailed.
        job_of: The job of each posting, so that several postings of a job count as one.
    """
    places = repeats = 0
    for member, one in served.items():
        top = one.postings[:TOP]
        places += len(top)
        repeats += sum(job_of.get(posting) in ignored.get(member, ()) for posting in top)
    return RepeatShare(len(served.keys() & ignored.keys()), places, repeats / max(1, places))


def compare(
    ours: Mapping[str, RankedList],
    theirs: Mapping[str, RankedList],
    held_out: Mapping[str, Collection[str]],
    *,
    ks: Sequence[int] = (5, 10, 20),
    seed: int = 0,
) -> dict[str, MetricEstimate]:
    """Our metrics less theirs, member by member, each with its interval."""
    members = sorted(held_out)
    wanted = [set(held_out[member]) for member in members]
    first, second = (
        _by_member([lists[each].postings if each in lists else () for each in members], wanted, ks)
        for lists in (ours, theirs)
    )
    draws = _draws(len(members), seed)
    return {name: _mean(first[name] - second[name], draws) for name in first}


def _draws(members: int, seed: int) -> NDArray[np.int64]:
    """How often each member is drawn, (n_draws, n_members) int64."""
    if not members:
        raise ValueError("There is nothing to measure: no member has a held-out posting.")
    random = np.random.default_rng(seed)
    return random.multinomial(members, np.full(members, 1 / members), size=_DRAWS)


def _mean(values: NDArray[np.float64], draws: NDArray[np.int64]) -> MetricEstimate:
    return _measure(float(values.mean()), draws @ values / len(values))


def _measure(value: float, drawn: NDArray[np.float64]) -> MetricEstimate:
    low, high = np.percentile(drawn, [_LOW, _HIGH])
    return MetricEstimate(round(value, 6), round(float(low), 6), round(float(high), 6))


def _around(value: float, drawn: NDArray[np.float64]) -> MetricEstimate:
    """An interval of the draws' spread around the value.

    Percentiles will not do for exposure: a draw leaves out a third of the members and so shows fewer postings.
    """
    reach = _NORMAL * float(drawn.std())
    return MetricEstimate(round(value, 6), round(value - reach, 6), round(value + reach, 6))


def _by_member(
    lists: Sequence[Sequence[str]], wanted: Sequence[set[str]], ks: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    places = [
        [at for at, posting in enumerate(ranked) if posting in want]
        for ranked, want in zip(lists, wanted, strict=True)
    ]
    first = [1 / (at[0] + 1) if at else 0.0 for at in places]
    metrics = {"mrr": np.array(first)}
    for k in ks:
        hits = [sum(at < k for at in found) / len(want) for found, want in zip(places, wanted, strict=True)]
        metrics[f"recall@{k}"] = np.array(hits)
        metrics[f"ndcg@{k}"] = np.array(
            [_ndcg(found, len(want), k) for found, want in zip(places, wanted, strict=True)]
        )
    return metrics


def _ndcg(found: Sequence[int], wanted: int, k: int) -> float:
    best = sum(1 / np.log2(at + 2) for at in range(min(wanted, k)))
    return float(sum(1 / np.log2(at + 2) for at in found if at < k) / best)


def _of_exposure(
    lists: Sequence[Sequence[str]], catalogue_size: int, draws: NDArray[np.int64]
) -> dict[str, MetricEstimate]:
    ids = {posting: at for at, posting in enumerate(sorted({each for one in lists for each in one[:TOP]}))}
    row = np.repeat(np.arange(len(lists)), [len(one[:TOP]) for one in lists])
    column = np.array([ids[posting] for one in lists for posting in one[:TOP]], np.int64)
    size = max(catalogue_size, len(ids), 1)

    def exposures(times: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(column, weights=times[row], minlength=len(ids)).astype(np.float64)

    counted = exposures(np.ones(len(lists), np.int64))
    drawn = [exposures(times) for times in draws]
    return {
        name: _around(of(counted, size, len(lists)), np.array([of(each, size, len(lists)) for each in drawn]))
        for name, of in (("coverage@10", _coverage), ("gini@10", _gini), ("most_exposed@10", _most))
    }


def _coverage(exposure: NDArray[np.float64], catalogue_size: int, _members: int) -> float:
    return float((exposure > 0).sum() / catalogue_size)


def _gini(exposure: NDArray[np.float64], catalogue_size: int, _members: int) -> float:
    """Half the mean absolute difference over the mean, postings never shown included."""
    if exposure.sum() == 0:
        return 0.0
    rising = np.sort(exposure)
    place = np.arange(catalogue_size - len(rising) + 1, catalogue_size + 1)
    return float(
        2 * (place @ rising) / (catalogue_size * rising.sum()) - (catalogue_size + 1) / catalogue_size
    )


def _most(exposure: NDArray[np.float64], _catalogue: int, members: int) -> float:
    return float(exposure.max(initial=0.0) / members)
