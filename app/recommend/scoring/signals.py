"""The signals of each candidate: what speaks for which posting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommend.features.misfit import hold_back, is_misfit
from app.recommend.features.profile_match import career_fit, education_fit, salary_fit
from app.recommend.features.profiles import career_of, education_of, salary_of
from app.recommend.scoring.candidates import generate_candidates
from app.recommend.scoring.member_block import MemberBlock
from app.recommend.scoring.pairs import factor_values, field_entries, pairs_of, sparse_values, squash
from app.recommend.scoring.weights import Signal
from app.recommend.sparse import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.models.representations import Representations
    from app.recommend.scoring.pairs import FieldEntries, Pairs

    Ways = dict[Signal, Callable[[], NDArray[np.float32]]]  # how each signal is worked out

_RECENT_OPENINGS = 10
_NEAR_S = 2.5 * 86_400
_FROM_REFERENCE_MEMBERS = frozenset({Signal.PROFILE_FACTORS, Signal.SIMILAR_MEMBERS})
_HISTORY_FIELDS = {
    Signal.PLACE: "place",
    Signal.AREA: "area",
    Signal.CATEGORY: "category",
    Signal.COMPANY: "company",
    Signal.WORDS: "words",
}


@dataclass(frozen=True, slots=True)
class BlockSignals:
    """The signals of a block's n_pairs candidates.

    Attributes:
        pairs: The candidates of each member.
        values: (n_pairs,) float32 by signal; a signal that says nothing of the block, or was not wanted, is missing.
        active: Whether these members have done anything.
        unfit: (n_pairs,) bool, pairs that miss career or education plainly.
        far: (n_pairs,) bool, pairs out of the member's reach.
        in_field: (n_pairs,) bool, pairs in the member's field; all of a member of whom no field is known.
        in_named_region: (n_pairs,) bool, pairs in a large region that the profile names, or anywhere in the country.
    """

    pairs: Pairs
    values: Mapping[Signal, NDArray[np.float32]]
    active: bool
    is_misfit: NDArray[np.bool_]
    far: NDArray[np.bool_]
    in_field: NDArray[np.bool_]
    in_named_region: NDArray[np.bool_]

    def contributions(self, weights: Mapping[Signal, float]) -> dict[Signal, NDArray[np.float32]]:
        """Each signal's share of the pairs' scores, (n_pairs,) float32."""
        return {
            signal: np.float32(weights[signal]) * value
            for signal, value in self.values.items()
            if weights.get(signal, 0.0) > 0
        }

    def hold_back(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The pairs' scores, (n_pairs,) float32, with plain misfits held back."""
        return hold_back(
            scores, self.pairs.row, is_misfit=self.is_misfit, far=self.far, in_field=self.in_field
        )


def compute_signals(
    positions: NDArray[np.int64],
    profiles: Sequence[Member],
    representations: Representations,
    catalogue: Catalogue,
    *,
    wanted: Collection[Signal] = tuple(Signal),
    postings: Sequence[NDArray[np.int64]] | None = None,
) -> BlockSignals:
    """Generate the candidates of a block of members, and work out their signals.

    Args:
        positions: (n,), the members' positions; of members that `split_by_activity` puts together.
        profiles: Their profiles.
        representations: What was fitted.
        catalogue: The catalogue.
        wanted: Signals that count; others are not worked out.
        postings: Candidates of each member, as places among those shown, if they are not to be generated.
    """
    block = MemberBlock.look_up(positions, profiles, representations, catalogue)
    wanted = frozenset(wanted) - (_FROM_REFERENCE_MEMBERS if block.did_much else frozenset())
    if postings is None:
        pairs = generate_candidates(block, by_similar_members=Signal.SIMILAR_MEMBERS in wanted)
    else:
        pairs = pairs_of(postings, catalogue.shown)
    return _PairSignals(block, pairs, wanted).compute()


class _PairSignals:
    """The signals of a block's candidates; attributes of postings are looked up once for all of them."""

    def __init__(self, block: MemberBlock, pairs: Pairs, wanted: frozenset[Signal]) -> None:
        self._block = block
        self._pairs = pairs
        self._wanted = wanted
        self._looked_up: dict[str, FieldEntries] = {}

    def compute(self) -> BlockSignals:
        # Their order is that in which contributions are summed.
        ways = self._from_profile() | self._from_fields() | self._from_postings() | self._from_factors()
        if self._block.active:
            ways |= self._from_history()
        return BlockSignals(
            self._pairs,
            {signal: value() for signal, value in ways.items() if signal in self._wanted},
            self._block.active,
            self._is_misfit(),
            self._far(),
            self._in_field(),
            self._in_named_region(),
        )

    def _from_profile(self) -> Ways:
        ways: Ways = {
            Signal.CAREER: self._career,
            Signal.EDUCATION: self._education,
            Signal.SALARY: self._salary,
        }
        if Signal.SIMILAR_MEMBERS in self._wanted and (did := self._block.similar_members_did) is not None:
            ways[Signal.SIMILAR_MEMBERS] = lambda: squash(sparse_values(did, self._pairs))
        return ways

    def _from_fields(self) -> Ways:
        """How well the postings meet what was looked at and what is asked for, field by field."""
        history, stated = self._block.history, self._block.stated
        ways: Ways = {
            Signal.WANTED_CATEGORY: lambda: self._match("category", stated["category"]),
            Signal.WANTED_REGION: lambda: (
                np.float32(0.5)
                * (self._match("place", stated["place"]) + self._match("area", stated["area"]))
            ),
            Signal.WANTED_WORDS: lambda: self._match("words", stated["words"]),
        }
        if not self._block.active:
            return ways
        ways |= {
            signal: partial(self._match, name, history[name]) for signal, name in _HISTORY_FIELDS.items()
        }
        nearby = self._block.representations.nearby_places
        return ways | {Signal.NEARBY: lambda: self._match("place", unit_rows(history["place"] @ nearby))}

    def _from_postings(self) -> Ways:
        posting = self._pairs.posting
        return {
            Signal.FRESH: lambda: self._block.catalogue.fresh[posting],
            Signal.POPULAR: lambda: self._block.representations.popular[posting],
        }

    def _from_factors(self) -> Ways:
        """Products with the postings' factors: of the members' own, and of those predicted from their profiles."""
        block, representations = self._block, self._block.representations
        sides = {Signal.COLLABORATIVE: block.factors} if block.active else {}
        if Signal.PROFILE_FACTORS in self._wanted and block.predicted_factors is not None:
            sides[Signal.PROFILE_FACTORS] = block.predicted_factors
        sides = {signal: side for signal, side in sides.items() if signal in self._wanted}

        @cache
        def products() -> dict[Signal, NDArray[np.float32]]:
            found = factor_values(
                list(sides.values()),
                representations.posting_factors,
                representations.posting_moment,
                self._pairs,
            )
            return dict(zip(sides, found, strict=True))

        return {signal: partial(lambda signal: squash(products()[signal]), signal) for signal in sides}

    def _from_history(self) -> Ways:
        block, representations = self._block, self._block.representations
        return {
            Signal.CONTENT_FACTORS: lambda: squash(
                factor_values(
                    [block.factors],
                    representations.content_factors,
                    representations.content_moment,
                    self._pairs,
                )[0]
            ),
            Signal.ITEM_SIMILARITY: lambda: squash(sparse_values(block.neighbour_scores, self._pairs)),
            Signal.OPENED_NEAR: self._opened_near,
        }

    def _entries(self, name: str) -> FieldEntries:
        """The attributes of each pair's posting in a field, looked up once."""
        if name not in self._looked_up:
            self._looked_up[name] = field_entries(self._block.catalogue.fields[name], self._pairs)
        return self._looked_up[name]

    def _match(self, name: str, profile: sparse.csr_array) -> NDArray[np.float32]:
        return squash(self._entries(name).dots(profile))

    def _is_misfit(self) -> NDArray[np.bool_]:
        catalogue, pairs = self._block.catalogue, self._pairs
        return is_misfit(
            self._block.numbers(career_of)[pairs.row],
            self._block.numbers(education_of)[pairs.row],
            low=catalogue.career_min[pairs.posting],
            high=catalogue.career_max[pairs.posting],
            education=catalogue.education[pairs.posting],
        )

    def _far(self) -> NDArray[np.bool_]:
        """Pairs of a posting that lies somewhere and a member who lives somewhere, none of it near to the other."""
        catalogue, pairs = self._block.catalogue, self._pairs
        own = self._block.history["area"] + self._block.named_areas
        here = np.diff(own.indptr) > 0
        placed = np.diff(catalogue.fields["area"].matrix.indptr)[pairs.posting] > 0
        within = self._entries("area").dots(sparse.csr_array(own @ catalogue.near)) > 0
        far: NDArray[np.bool_] = here[pairs.row] & placed & ~within
        return far

    def _in_field(self) -> NDArray[np.bool_]:
        own = sparse.csr_array(self._block.history["category"] + self._block.stated["category"])
        none = np.diff(own.indptr) == 0
        in_field: NDArray[np.bool_] = none[self._pairs.row] | (self._entries("category").dots(own) > 0)
        return in_field

    def _in_named_region(self) -> NDArray[np.bool_]:
        areas = self._entries("area")
        named: NDArray[np.bool_] = areas.dots(self._block.named_areas) > 0
        return named | (areas.dots(self._block.anywhere) > 0)

    def _career(self) -> NDArray[np.float32]:
        catalogue, posting = self._block.catalogue, self._pairs.posting
        years = self._block.numbers(career_of)[self._pairs.row]
        return career_fit(years, catalogue.career_min[posting], catalogue.career_max[posting])

    def _education(self) -> NDArray[np.float32]:
        reached = self._block.numbers(education_of)[self._pairs.row]
        return education_fit(reached, self._block.catalogue.education[self._pairs.posting])

    def _salary(self) -> NDArray[np.float32]:
        catalogue, pairs = self._block.catalogue, self._pairs
        numbers = catalogue.unit_numbers
        units = np.array(
            [numbers.get(member.salary_unit or "", -1) for member in self._block.profiles], np.int64
        )
        same_unit = catalogue.salary_unit[pairs.posting] == units[pairs.row]
        paid = np.where(same_unit, catalogue.salary[pairs.posting], np.float32(np.nan))
        return salary_fit(self._block.numbers(salary_of)[pairs.row], paid)

    def _opened_near(self) -> NDArray[np.float32]:
        """How near a posting's opening lies to the openings of the postings that the member acted on last.

        A job that was posted several times opened at the first and at the last of them.
        """
        recent, pairs = self._block.recent, self._pairs
        total = np.zeros(len(pairs.row), np.float32)
        for row in range(len(self._block.profiles)):
            own = slice(recent.indptr[row], recent.indptr[row + 1])
            weight, posting = recent.data[own], recent.indices[own]
            latest = np.argsort(-weight, kind="stable")[:_RECENT_OPENINGS]
            apart = _apart_s(pairs.posting[pairs.of(row)], posting[latest], self._block.catalogue)
            total[pairs.of(row)] = (
                (1 / (1 + apart / _NEAR_S)) @ weight[latest] / max(weight[latest].sum(), 1e-9)
            )
        return total


def _apart_s(
    ours: NDArray[np.int64], theirs: NDArray[np.integer], catalogue: Catalogue
) -> NDArray[np.float64]:
    """Seconds between the nearest openings of two jobs, (n_ours, n_theirs) float64."""
    opened_s, first_s = catalogue.opened_s, catalogue.first_opened_s
    apart: NDArray[np.float64] = np.abs(opened_s[ours][:, None] - opened_s[theirs])
    again = np.flatnonzero(opened_s[ours] > first_s[ours])
    if len(again):
        apart[again] = np.minimum(apart[again], np.abs(first_s[ours[again]][:, None] - opened_s[theirs]))
    for at in np.flatnonzero(opened_s[theirs] > first_s[theirs]).tolist():
        earlier = np.minimum(
            np.abs(opened_s[ours] - first_s[theirs[at]]), np.abs(first_s[ours] - first_s[theirs[at]])
        )
        apart[:, at] = np.minimum(apart[:, at], earlier)
    return apart
