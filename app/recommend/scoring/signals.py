"""What speaks for which posting: the signals of each member of a chunk, for the postings worth scoring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.vocabulary import ANYWHERE
from app.recommend.features.catalogue import (
    career_fit,
    career_of,
    education_fit,
    education_of,
    salary_fit,
    salary_of,
    stated_preferences,
)
from app.recommend.features.misfit import hold_back, unfit
from app.recommend.scoring.candidates import (
    BY_CONTENT,
    BY_FACTORS,
    BY_SIMILAR_MEMBERS,
    MOST_MULTIPLIED,
    largest_products,
    top_entries,
)
from app.recommend.scoring.pairs import (
    factor_values,
    field_entries,
    pairs_of,
    sparse_values,
    squash,
)
from app.recommend.scoring.weights import Signal
from app.recommend.sparse import large_region, one_hot, scale_rows, top_entries_per_row, unit_rows
from app.recommend.topk import top_k

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.models.representations import Representations
    from app.recommend.scoring.pairs import FieldEntries, Pairs

    Ways = dict[Signal, Callable[[], NDArray[np.float32]]]  # how to work out each signal

_PEERS_KEPT = 200
_LOOKED_UP_BY = 30  # attributes of a member that postings are looked up by, the weightiest
_PEER_SHARPNESS = 3
_RECENT_OPENINGS = 10
_NEAR_S = 2.5 * 86_400
_FROM_PANEL = frozenset({Signal.PROFILE_FACTORS, Signal.SIMILAR_MEMBERS})
_HISTORY_FIELDS = {
    Signal.PLACE: "place",
    Signal.AREA: "area",
    Signal.CATEGORY: "category",
    Signal.COMPANY: "company",
    Signal.WORDS: "words",
}


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs, and each signal's value for them; a signal that says nothing in a chunk, or was not asked for, is missing.

    Attributes:
        pairs: Of the members and the postings worth scoring.
        values: By signal.
        active: Whether these members have done anything.
        unfit: Pairs that miss career or education plainly.
        far: Pairs out of the member's reach.
        in_field: Pairs in the member's field; all of a member of whom no field is known.
        wished: Pairs in a large region that the profile names, or anywhere in the country.
    """

    pairs: Pairs
    values: Mapping[Signal, NDArray[np.float32]]
    active: bool
    unfit: NDArray[np.bool_]
    far: NDArray[np.bool_]
    in_field: NDArray[np.bool_]
    wished: NDArray[np.bool_]

    def contributions(self, weights: Mapping[Signal, float]) -> dict[Signal, NDArray[np.float32]]:
        """Each signal's share of the pairs' scores."""
        return {
            signal: np.float32(weights[signal]) * value
            for signal, value in self.values.items()
            if weights.get(signal, 0.0) > 0
        }

    def in_order(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The pairs' scores with plain misfits held back."""
        return hold_back(scores, self.pairs.row, unfit=self.unfit, far=self.far, in_field=self.in_field)


def together(positions: NDArray[np.int64], representations: Representations) -> list[NDArray[np.int64]]:
    """Which of these members are scored together: those who did nothing, who did little, and who did much."""
    did = representations.recent.indptr[positions + 1] - representations.recent.indptr[positions]
    cold_start_below = did >= representations.cold_start_below
    return [np.flatnonzero(each) for each in (did == 0, (did > 0) & ~cold_start_below, cold_start_below)]


def signals(
    positions: NDArray[np.int64],
    people: Sequence[Member],
    representations: Representations,
    catalogue: Catalogue,
    *,
    asked: Collection[Signal] = tuple(Signal),
) -> Scored:
    """Find postings worth scoring for a few members and say what speaks for each.

    Args:
        positions: The members' positions in the history, of those that are scored `together`.
        people: Their profiles.
        representations: What was learned.
        catalogue: The catalogue.
        asked: Signals that count; others are not worked out.
    """
    return _Chunk(positions, people, representations, catalogue, asked).scored()


class _Chunk:
    def __init__(
        self,
        positions: NDArray[np.int64],
        people: Sequence[Member],
        representations: Representations,
        catalogue: Catalogue,
        asked: Collection[Signal],
    ) -> None:
        recent = representations.recent[positions]
        did_much = bool((np.diff(recent.indptr) >= representations.cold_start_below).all())
        asked = frozenset(asked) - (_FROM_PANEL if did_much else frozenset())
        self._asked = asked
        self._people = people
        self._evidence = representations
        self._catalogue = catalogue
        self._looked_up: dict[str, FieldEntries] = {}
        self._taste = representations.members[positions]
        self._recent = recent
        self._active = bool(len(self._recent.data))
        self._done = representations.seen[positions]
        panel = representations.panel if not self._active or asked & _FROM_PANEL else None
        self._alike = panel.similarity(people) if panel else None
        self._guessed = panel.predict_factors(self._alike) if panel and self._alike is not None else None
        self._past = {
            name: unit_rows(self._recent @ field.matrix) for name, field in catalogue.fields.items()
        }
        self._wanted = {name: self._stated_preferences(name) for name in catalogue.fields}

    def scored(self) -> Scored:
        peers = self._peers() if Signal.SIMILAR_MEMBERS in self._asked else None
        pairs = self._worth_scoring(peers)
        ways = self._from_profile(pairs, peers) | self._from_fields(pairs) | self._from_postings(pairs)
        ways |= self._from_factors(pairs)
        if self._active:
            ways |= self._from_history(pairs)
        values = {signal: value() for signal, value in ways.items() if signal in self._asked}
        return Scored(
            pairs,
            values,
            self._active,
            self._unfit(pairs),
            self._far(pairs),
            self._in_field(pairs),
            self._wished(pairs),
        )

    def _stated_preferences(self, name: str) -> sparse.csr_array:
        field = self._catalogue.fields[name]
        asked = [stated_preferences(name, member) for member in self._people]
        lengths = np.fromiter(map(len, asked), np.int64, len(asked))
        count = int(lengths.sum())
        column = np.fromiter(map(field.numbers.get, chain.from_iterable(asked), repeat(-1)), np.int64, count)
        share = np.fromiter(chain.from_iterable(each.values() for each in asked), np.float32, count)
        row, known = np.repeat(np.arange(len(asked)), lengths), column >= 0
        return unit_rows(
            sparse.csr_array(
                (share[known], (row[known], column[known])), shape=(len(asked), len(field.numbers))
            )
        )

    def _peers(self) -> sparse.csr_array | None:
        """What members with similar profiles did, the most similar counting most."""
        panel, similarity = self._evidence.panel, self._alike
        if panel is None or similarity is None:
            return None
        kept = top_k(similarity, _PEERS_KEPT)
        columns = np.concatenate([np.sort(each) for each in kept])
        ends = np.r_[0, np.cumsum([len(each) for each in kept])]
        values = similarity[np.repeat(np.arange(len(kept)), np.diff(ends)), columns] ** _PEER_SHARPNESS
        near = sparse.csr_array((values, columns, ends), shape=similarity.shape)
        return sparse.csr_array(near @ panel.done)

    def _worth_scoring(self, peers: sparse.csr_array | None) -> Pairs:
        """The postings shown that any way of finding them brings up, less those the member is done with."""
        shown = self._catalogue.shown
        if len(shown) <= BY_FACTORS + BY_CONTENT:
            return pairs_of([np.arange(len(shown))] * len(self._people), shown, done=self._done)
        ways = [self._by_taste(), top_entries(self._by_content(), BY_CONTENT)]
        if peers is not None:
            ways.append(top_entries(peers, BY_SIMILAR_MEMBERS))
        return pairs_of([np.concatenate(found) for found in zip(*ways, strict=True)], shown, done=self._done)

    def _by_taste(self) -> list[NDArray[np.int64]]:
        if self._active and len(self._catalogue.shown) > MOST_MULTIPLIED:
            return top_entries(self._kin, BY_FACTORS)
        finds = self._taste if self._active else self._guessed
        if finds is not None:
            return largest_products(finds, self._evidence.retrieval_factors, BY_FACTORS)
        popular = np.argsort(-self._evidence.popular[self._catalogue.shown], kind="stable")[:BY_FACTORS]
        return [popular] * len(self._people)

    @cached_property
    def _kin(self) -> sparse.csr_array:
        """How near the factors of what a member acted on are to each posting's, summed up."""
        plain = self._recent.copy()
        plain.data = np.ones_like(plain.data)
        return sparse.csr_array(plain @ self._evidence.item_neighbours)

    def _by_content(self) -> sparse.csr_array:
        """Content scores of the postings looked up by what weighs most in the history and the wishes together."""
        scaled = self._scaled(self._wanted)
        if self._active:
            scaled = sparse.csr_array(scaled + self._scaled(self._past))
        scaled.sort_indices()  # the order of a sum's entries follows from the other rows, and that of equals from it
        weightiest = top_entries_per_row(scaled, -scaled.data, _LOOKED_UP_BY)
        return sparse.csr_array(weightiest @ self._evidence.inverted_index)

    def _scaled(self, profiles: Mapping[str, sparse.csr_array]) -> sparse.csr_array:
        """All fields side by side, each in units of how much a posting at large matches it."""
        scaled = []
        for name, field in self._catalogue.fields.items():
            profile = profiles[name]
            size = np.sqrt(np.asarray(profile.power(2) @ field.mean_square)).ravel()
            scaled.append(scale_rows(profile, 1 / np.maximum(size, 1e-3)))
        return sparse.csr_array(sparse.hstack(scaled, format="csr"))

    def _from_history(self, pairs: Pairs) -> Ways:
        representations = self._evidence
        return {
            Signal.CONTENT_FACTORS: lambda: squash(
                factor_values([self._taste], representations.content, representations.content_moment, pairs)[
                    0
                ]
            ),
            Signal.ITEM_SIMILARITY: lambda: squash(sparse_values(self._kin, pairs)),
            Signal.OPENED_NEAR: lambda: self._opened_near(pairs),
        }

    def _from_factors(self, pairs: Pairs) -> Ways:
        """Products with the postings' factors: of those of the history, and of those guessed from the profile."""
        sides = {Signal.COLLABORATIVE: self._taste} if self._active else {}
        if self._guessed is not None:
            sides[Signal.PROFILE_FACTORS] = self._guessed
        sides = {signal: side for signal, side in sides.items() if signal in self._asked}
        representations = self._evidence
        values = cache(
            lambda: dict(
                zip(
                    sides,
                    factor_values(
                        list(sides.values()), representations.postings, representations.moment, pairs
                    ),
                    strict=True,
                )
            )
        )
        return {signal: partial(lambda signal: squash(values()[signal]), signal) for signal in sides}

    def _entries(self, name: str, pairs: Pairs) -> FieldEntries:
        """The attributes of each pair's posting in a field, looked up once."""
        if name not in self._looked_up:
            self._looked_up[name] = field_entries(self._catalogue.fields[name], pairs)
        return self._looked_up[name]

    def _unfit(self, pairs: Pairs) -> NDArray[np.bool_]:
        catalogue = self._catalogue
        return unfit(
            self._numbers(career_of)[pairs.row],
            self._numbers(education_of)[pairs.row],
            low=catalogue.career_min[pairs.posting],
            high=catalogue.career_max[pairs.posting],
            education=catalogue.education[pairs.posting],
        )

    def _far(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Pairs of a posting that lies somewhere and a member who lives somewhere, none of it near to the other."""
        catalogue = self._catalogue
        own = self._past["area"] + self._own_areas
        here = np.diff(own.indptr) > 0
        placed = np.diff(catalogue.fields["area"].matrix.indptr)[pairs.posting] > 0
        within = self._entries("area", pairs).dots(sparse.csr_array(own @ catalogue.near)) > 0
        far: NDArray[np.bool_] = here[pairs.row] & placed & ~within
        return far

    def _wished(self, pairs: Pairs) -> NDArray[np.bool_]:
        named = self._entries("area", pairs).dots(self._own_areas) > 0
        wished: NDArray[np.bool_] = named | (self._entries("area", pairs).dots(self._anywhere) > 0)
        return wished

    @cached_property
    def _anywhere(self) -> sparse.csr_array:
        """Members x large regions: what is within reach of everybody, for those who name a region."""
        numbers = self._catalogue.fields["area"].numbers
        return one_hot([ANYWHERE if member.regions else () for member in self._people], numbers)

    @cached_property
    def _own_areas(self) -> sparse.csr_array:
        numbers = self._catalogue.fields["area"].numbers
        """Members x large regions: those that the profile names."""
        areas = [{large_region(region) for region in member.regions} for member in self._people]
        return one_hot(areas, numbers)

    def _in_field(self, pairs: Pairs) -> NDArray[np.bool_]:
        own = sparse.csr_array(self._past["category"] + self._wanted["category"])
        none = np.diff(own.indptr) == 0
        in_field: NDArray[np.bool_] = none[pairs.row] | (self._entries("category", pairs).dots(own) > 0)
        return in_field

    def _from_fields(self, pairs: Pairs) -> Ways:
        """How well the postings meet what was looked at and what is wished, field by field."""

        def match(name: str, profile: sparse.csr_array) -> NDArray[np.float32]:
            return squash(self._entries(name, pairs).dots(profile))

        ways: Ways = {
            Signal.WANTED_CATEGORY: lambda: match("category", self._wanted["category"]),
            Signal.WANTED_REGION: lambda: (
                np.float32(0.5)
                * (match("place", self._wanted["place"]) + match("area", self._wanted["area"]))
            ),
            Signal.WANTED_WORDS: lambda: match("words", self._wanted["words"]),
        }
        if not self._active:
            return ways
        ways |= {signal: partial(match, name, self._past[name]) for signal, name in _HISTORY_FIELDS.items()}
        return ways | {
            Signal.NEARBY: lambda: match("place", unit_rows(self._past["place"] @ self._evidence.nearby))
        }

    def _from_profile(self, pairs: Pairs, peers: sparse.csr_array | None) -> Ways:
        ways: Ways = {
            Signal.CAREER: lambda: self._career(pairs),
            Signal.EDUCATION: lambda: self._education(pairs),
            Signal.SALARY: lambda: self._salary(pairs),
        }
        if peers is not None:
            ways[Signal.SIMILAR_MEMBERS] = lambda: squash(sparse_values(peers, pairs))
        return ways

    def _from_postings(self, pairs: Pairs) -> Ways:
        return {
            Signal.FRESH: lambda: self._catalogue.fresh[pairs.posting],
            Signal.POPULAR: lambda: self._evidence.popular[pairs.posting],
        }

    def _opened_near(self, pairs: Pairs) -> NDArray[np.float32]:
        """How near a posting's opening lies to the openings of the history's postings.

        A job that was posted several times opened at the first and at the last of them.
        """
        opened_s, first_s = self._catalogue.opened_s, self._catalogue.first_opened_s
        total = np.zeros(len(pairs.row), np.float32)
        for row in range(len(self._people)):
            own = slice(self._recent.indptr[row], self._recent.indptr[row + 1])
            weight, posting = self._recent.data[own], self._recent.indices[own]
            latest = np.argsort(-weight, kind="stable")[:_RECENT_OPENINGS]
            ours, theirs = pairs.posting[pairs.of(row)], posting[latest]
            apart = np.abs(opened_s[ours][:, None] - opened_s[theirs])
            again = np.flatnonzero(opened_s[ours] > first_s[ours])
            before = np.flatnonzero(opened_s[theirs] > first_s[theirs])
            if len(again):
                apart[again] = np.minimum(
                    apart[again], np.abs(first_s[ours[again]][:, None] - opened_s[theirs])
                )
            for at in before.tolist():
                earlier = np.minimum(
                    np.abs(opened_s[ours] - first_s[theirs[at]]), np.abs(first_s[ours] - first_s[theirs[at]])
                )
                apart[:, at] = np.minimum(apart[:, at], earlier)
            total[pairs.of(row)] = (
                (1 / (1 + apart / _NEAR_S)) @ weight[latest] / max(weight[latest].sum(), 1e-9)
            )
        return total

    def _career(self, pairs: Pairs) -> NDArray[np.float32]:
        catalogue, years = self._catalogue, self._numbers(career_of)[pairs.row]
        return career_fit(years, catalogue.career_min[pairs.posting], catalogue.career_max[pairs.posting])

    def _education(self, pairs: Pairs) -> NDArray[np.float32]:
        return education_fit(self._numbers(education_of)[pairs.row], self._catalogue.education[pairs.posting])

    def _salary(self, pairs: Pairs) -> NDArray[np.float32]:
        numbers = self._catalogue.unit_numbers
        units = np.array([numbers.get(member.salary_unit or "", -1) for member in self._people], np.int64)
        same_unit = self._catalogue.salary_unit[pairs.posting] == units[pairs.row]
        paid = np.where(same_unit, self._catalogue.salary[pairs.posting], np.float32(np.nan))
        return salary_fit(self._numbers(salary_of)[pairs.row], paid)

    def _numbers(self, of: Callable[[Member], float]) -> NDArray[np.float32]:
        return np.array([of(member) for member in self._people], np.float32)
