"""Ranks at send time for a member who has a profile and no list yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind
from app.board.veto import shown_until
from app.board.vocabulary import ANYWHERE, large_region, neighbours
from app.recommend.features.catalogue import build_catalogue, freshness
from app.recommend.features.misfit import hold_back, is_misfit
from app.recommend.features.profile_match import (
    career_fit,
    education_fit,
    meets_something,
    salary_fit,
    stated_preferences,
)
from app.recommend.features.profiles import career_of, education_of, salary_of
from app.recommend.ranked import RankedPosting
from app.recommend.reranking.explanation import main_reasons, true_reasons
from app.recommend.scoring.pairs import squash
from app.recommend.scoring.weights import Signal
from app.recommend.sparse import one_hot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import Member, Posting
    from app.recommend.scoring.weights import Weights


class ProfileRanker:
    """Ranks a pool of postings by what a profile asks for; it is built once a refresh, and ranks at send time.

    Args:
        postings: The pool, up to some 5,000 for an answer within 5 ms; vetoed ones are never ranked.
        popularity: Damped popularity by posting id, 0 to 1; a posting that is missing counts 0.
        weights: The run's; those for members with a profile alone are used.
    """

    def __init__(
        self, postings: Sequence[Posting], popularity: Mapping[str, float], weights: Weights
    ) -> None:
        postings = sorted(postings, key=lambda posting: posting.id)
        first_opened = min((posting.opened_at for posting in postings), default=None)
        self._catalogue = build_catalogue(postings, first_opened) if first_opened else None
        self._popular = np.array([popularity.get(posting.id, 0.0) for posting in postings], np.float32)
        self._shown_until = np.array([shown_until(posting) for posting in postings], np.int64)
        self._mean_square = {
            name: np.asarray(field.matrix.power(2).sum(axis=0)).ravel() / max(1, len(postings))
            for name, field in (self._catalogue.fields.items() if self._catalogue else ())
        }
        self._placed = np.array([bool(posting.regions) for posting in postings], np.bool_)
        self._weights = weights.profile_only

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> list[RankedPosting]:
        """The best postings for a member, best first; of equal scores the lower id first.

        The list is empty for a profile that says nothing which the postings could meet.
        """
        if self._catalogue is None or not meets_something(member, self._catalogue):
            return []
        values = self._values(member, now)
        contributions = {
            signal: np.float32(self._weights[signal]) * value
            for signal, value in values.items()
            if self._weights.get(signal, 0.0) > 0
        }
        scores = self._hold_back_misfits(
            np.sum([*contributions.values(), np.zeros(len(self._shown_until))], axis=0), member
        )
        may_be_shown = np.flatnonzero(self._shown_until > now.timestamp())
        best = may_be_shown[np.argsort(-scores[may_be_shown], kind="stable")[:keep]]
        no_activity = [ActivityKind.VIEW] * len(best)
        reasons = main_reasons(
            {signal: value[best] - value.mean() for signal, value in contributions.items()},
            true=true_reasons({signal: value[best] for signal, value in values.items()})
            | {Signal.WANTED_REGION: self._in_areas(self._named_areas(member) | ANYWHERE)[best]},
            did=no_activity,
            at_company=no_activity,
            in_field=(self._matches("category", member)[best] > 0).tolist(),
        )
        return [
            RankedPosting(self._catalogue.ids[at], reason, round(float(scores[at]), 6))
            for at, reason in zip(best.tolist(), reasons, strict=True)
        ]

    def _hold_back_misfits(self, scores: NDArray[np.floating], member: Member) -> NDArray[np.floating]:
        catalogue = self._catalogue
        if catalogue is None:
            return scores
        own = self._named_areas(member)
        here = not own.isdisjoint(catalogue.fields["area"].columns)
        near = set(ANYWHERE).union(*map(neighbours, own))
        field = self._matches("category", member) > 0
        return hold_back(
            scores.astype(np.float32),
            np.zeros(len(scores), np.int64),
            is_misfit=is_misfit(
                career_of(member),
                education_of(member),
                low=catalogue.career_min,
                high=catalogue.career_max,
                education=catalogue.education,
            ),
            far=here & self._placed & ~self._in_areas(near),
            in_field=field if field.any() else ~field,
        )

    @staticmethod
    def _named_areas(member: Member) -> set[str]:
        return {large_region(region) for region in member.regions}

    def _in_areas(self, areas: set[str]) -> NDArray[np.bool_]:
        """Which postings are in any of these large regions, (n_postings,) bool."""
        catalogue = self._catalogue
        if catalogue is None:
            return np.zeros(0, np.bool_)
        field = catalogue.fields["area"]
        asked = one_hot([areas], field.columns).toarray().ravel()
        return np.asarray(field.matrix @ asked > 0, np.bool_)

    def _values(self, member: Member, now: datetime) -> dict[Signal, NDArray[np.float32]]:
        catalogue = self._catalogue
        if catalogue is None:
            return {}
        unit = catalogue.unit_numbers.get(member.salary_unit or "", -1)
        paid = np.where(catalogue.salary_unit == unit, catalogue.salary, np.float32(np.nan))
        return {
            Signal.WANTED_CATEGORY: self._matches("category", member),
            Signal.WANTED_REGION: np.float32(0.5)
            * (self._matches("place", member) + self._matches("area", member)),
            Signal.WANTED_WORDS: self._matches("words", member),
            Signal.CAREER: career_fit(career_of(member), catalogue.career_min, catalogue.career_max),
            Signal.EDUCATION: education_fit(education_of(member), catalogue.education),
            Signal.SALARY: salary_fit(salary_of(member), paid),
            Signal.FRESH: freshness(catalogue.opened_s, now),
            Signal.POPULAR: self._popular,
        }

    def _matches(self, name: str, member: Member) -> NDArray[np.float32]:
        """How well each posting meets what the member asks for in a field, as a refresh measures it: (n_postings,) float32."""
        catalogue = self._catalogue
        if catalogue is None:
            return np.zeros(0, np.float32)
        field = catalogue.fields[name]
        asked = np.zeros(len(field.columns), np.float32)
        for what, share in stated_preferences(name, member).items():
            if what in field.columns:
                asked[field.columns[what]] = share
        size = np.sqrt(float(asked**2 @ self._mean_square[name]))
        if size == 0:
            return np.zeros(field.matrix.shape[0], np.float32)
        return squash((field.matrix @ asked) / size)
