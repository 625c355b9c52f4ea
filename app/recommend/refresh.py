"""A refresh's heart: learn from the whole board once, then rank any members, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.because import main_reasons
from app.recommend.board import Kind, RankedPosting
from app.recommend.catalogue import Catalogue, catalogue
from app.recommend.congestion import Prices, Ranked, priced_scores, prices
from app.recommend.evidence import Effort, Evidence, learn
from app.recommend.history import history
from app.recommend.learning import learn_weights
from app.recommend.popular import shelves_of
from app.recommend.signals import Scored, signals
from app.recommend.spread import spread
from app.recommend.weights import Signal, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.recommend.board import ActivityLog, Member, Posting
    from app.recommend.reasons import Reason

_BLOCK = 128  # members scored together: bounds memory by 128 rows of the catalogue
_DEPTH = 3  # lists are cut from so many times their length, to have something to spread with
_PRICED_SAMPLE = 10_000  # members whose lists the prices of congestion are worked out on
_SMALLEST_SEGMENT = 1_000  # of the sample; smaller ones are priced with everybody


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
) -> Model:
    """Learn all that ranking needs.

    Args:
        postings: The whole catalogue, sorted by id; closed ones too, they carry activity.
        member_ids: All members, sorted.
        activity: What they did.
        members: Profiles by position; asked in chunks and for a sample only.
        now: The moment of the refresh.
        options: What the refresh is told.
        known: Weights of an earlier run, which are then not learned again.
        progress: Told the stage and the share of it that is done.
    """
    stock = catalogue(postings, now)
    past = history(activity, members=len(member_ids), postings=len(postings))
    effort = Effort.for_size(len(member_ids), len(postings))
    weights = known or learn_weights(
        past,
        stock,
        postings,
        members,
        effort=effort,
        seed=options.seed,
        progress=lambda share: progress("learn", share),
    )
    evidence = learn(
        past,
        stock,
        postings,
        members,
        effort=effort,
        seed=options.seed,
        show_viewed=options.show_viewed,
        progress=lambda share: progress("fit", share),
    )
    model = Model(postings=postings, stock=stock, evidence=evidence, weights=weights, options=options)
    found = _congestion_prices(model, len(member_ids), members)
    progress("fit", 1.0)
    return Model(
        postings=postings, stock=stock, evidence=evidence, weights=weights, options=options, prices=found
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Everything a refresh learned; read-only, so that processes may share it."""

    postings: Sequence[Posting]
    stock: Catalogue
    evidence: Evidence
    weights: Weights
    options: Options
    prices: Mapping[str, Prices] = field(default_factory=dict)

    def rank(self, positions: Sequence[int], members: Sequence[Member]) -> list[list[RankedPosting]]:
        """A list for each member, best first; empty where nothing is known of the member.

        Lists do not depend on which members are ranked together.
        """
        ranked: list[list[RankedPosting]] = [[] for _ in positions]
        for rows, scored in self._scored(positions, members):
            for row, at in enumerate(rows):
                ranked[at] = self._list(scored, row, members[at], int(positions[at]))
        return ranked

    def shelves(self) -> dict[tuple[str, str], list[RankedPosting]]:
        """Popular lists by (category, large region), "" for all of either."""
        return shelves_of(
            self.postings,
            self.stock.shown,
            self.evidence.popular,
            self.stock.fresh,
            per_company=self.options.per_company,
        )

    def unpriced(self, positions: Sequence[int], members: Sequence[Member]) -> list[Ranked]:
        """Postings and scores of each member before any congestion is priced, best first."""
        ranked: list[Ranked] = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in positions]
        for rows, scored in self._scored(positions, members):
            scores = _total(scored.contributions(self._weights(scored)))
            for row, at in enumerate(rows):
                part = scored.pairs.of(row)
                best = _best_first(scored.pairs.posting[part], scores[part], 2 * self.options.keep)
                ranked[at] = (scored.pairs.posting[part][best], scores[part][best])
        return ranked

    def _scored(
        self, positions: Sequence[int], members: Sequence[Member]
    ) -> Iterator[tuple[list[int], Scored]]:
        """Signals of blocks of members, those with activity and those with a profile alone apart."""
        if not len(self.stock.shown):
            return
        recent = self.evidence.recent
        places = np.asarray(positions, np.int64)
        active = np.diff(recent.indptr)[places] > 0
        said = np.array([_says_something(member) for member in members], bool)
        for group in (np.flatnonzero(active), np.flatnonzero(~active & said)):
            for start in range(0, len(group), _BLOCK):
                rows = group[start : start + _BLOCK].tolist()
                yield (
                    rows,
                    signals(places[rows], [members[row] for row in rows], self.evidence, self.stock),
                )

    def _weights(self, scored: Scored) -> Mapping[Signal, float]:
        return self.weights.with_history if Signal.TASTE in scored.values else self.weights.profile_only

    def _list(self, scored: Scored, row: int, member: Member, position: int) -> list[RankedPosting]:
        part = scored.pairs.of(row)
        postings = scored.pairs.posting[part]
        own = Scored(scored.pairs, {signal: value[part] for signal, value in scored.values.items()})
        contributions = own.contributions(self._weights(scored))
        scores = priced_scores(
            postings, _total(contributions, len(postings)), self.prices.get(self._segment(member), {})
        )
        best = _best_first(postings, scores, _DEPTH * self.options.keep)
        done = self._done(position)
        kept = spread(
            best.tolist(),
            company_of=lambda at: self.stock.companies[postings[at]],
            per_company=self.options.per_company,
            limit=self.options.keep,
            exempt=self._asked(done),
        )
        reasons = self._reasons(contributions, kept, postings, own.values, done)
        return [
            RankedPosting(self.stock.ids[postings[at]], reason, round(float(scores[at]), 6))
            for at, reason in zip(kept, reasons, strict=True)
        ]

    def _segment(self, member: Member) -> str:
        first = member.categories[0] if member.categories else ""
        return first if first in self.prices else ""

    def _done(self, position: int) -> list[tuple[int, Kind]]:
        past = self.evidence.history
        own = slice(*np.searchsorted(past.member, [position, position + 1]))
        return [
            (posting, Kind(kind))
            for posting, kind in zip(past.posting[own].tolist(), past.kind[own].tolist(), strict=True)
        ]

    def _asked(self, done: Sequence[tuple[int, Kind]]) -> set[str]:
        companies = [self.stock.companies[posting] for posting, kind in done if kind is Kind.APPLY]
        return {each for each in companies if companies.count(each) >= self.options.company_asked_applies}

    def _reasons(
        self,
        contributions: Mapping[Signal, NDArray[np.float32]],
        kept: Sequence[int],
        postings: NDArray[np.int64],
        values: Mapping[Signal, NDArray[np.float32]],
        done: Sequence[tuple[int, Kind]],
    ) -> list[Reason]:
        did = max((kind for _, kind in done), default=Kind.VIEW)
        at_companies: dict[str, Kind] = {}
        for posting, kind in done:
            company = self.stock.companies[posting]
            at_companies[company] = max(kind, at_companies.get(company, kind))
        in_field = np.zeros(len(kept), np.bool_)
        for signal in (Signal.CATEGORY, Signal.WANTED_CATEGORY):
            if signal in values:
                in_field |= values[signal][kept] > 0
        return main_reasons(
            contributions,
            np.asarray(kept, np.int64),
            did=did,
            at_company=[at_companies.get(self.stock.companies[postings[at]], did) for at in kept],
            in_field=in_field,
        )


def _says_something(member: Member) -> bool:
    return bool(
        member.categories
        or member.regions
        or member.skills
        or member.career_years is not None
        or member.education is not None
        or member.desired_salary
    )


def _total(contributions: Mapping[Signal, NDArray[np.float32]], count: int = 0) -> NDArray[np.float32]:
    total = np.zeros(count, np.float32)
    for value in contributions.values():
        total = total + value if len(total) else value.copy()
    return total


def _best_first(postings: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The best, equal scores in the order of their ids."""
    return np.lexsort((postings, -scores))[:count]


def _congestion_prices(
    model: Model, count: int, members: Callable[[Sequence[int]], Sequence[Member]]
) -> dict[str, Prices]:
    """Prices by segment, a member's first category; small segments are priced with everybody under ""."""
    sample = np.sort(np.random.default_rng(model.options.seed).permutation(count)[:_PRICED_SAMPLE])
    by_segment: dict[str, list[Ranked]] = {}
    for start in range(0, len(sample), 2_000):
        part = sample[start : start + 2_000].tolist()
        people = members(part)
        for member, ranked in zip(people, model.unpriced(part, people), strict=True):
            if len(ranked[0]):
                by_segment.setdefault(member.categories[0] if member.categories else "", []).append(ranked)
    everybody = [ranked for lists in by_segment.values() for ranked in lists]
    large = {name: lists for name, lists in by_segment.items() if len(lists) >= _SMALLEST_SEGMENT}
    return {
        name: prices(lists, share=model.options.congestion_share, postings=len(model.stock.shown))
        for name, lists in ({"": everybody} | large if everybody else {}).items()
    }
