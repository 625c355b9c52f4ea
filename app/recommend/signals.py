"""What speaks for which posting: the signals of each member of a chunk, for the postings worth scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommend.catalogue import career_fit, education_fit, salary_fit, wishes
from app.recommend.fields import scaled_rows, unit_rows
from app.recommend.pairs import factor_dots, field_dots, pairs_of, sparse_values, squashed
from app.recommend.topmost import topmost
from app.recommend.weights import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from app.recommend.board import Member
    from app.recommend.catalogue import Catalogue
    from app.recommend.evidence import Evidence
    from app.recommend.pairs import Pairs

BY_TASTE, BY_CONTENT, BY_PEERS = 300, 300, 100  # postings worth scoring, found in each way
_PEERS_KEPT = 300
_PEER_SHARPNESS = 3
_RECENT_OPENINGS = 10
_NEAR_S = 2.5 * 86_400
_HISTORY_FIELDS = {
    Signal.PLACE: "place",
    Signal.AREA: "area",
    Signal.CATEGORY: "category",
    Signal.COMPANY: "company",
    Signal.WORDS: "words",
}


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs, and each signal's value for them; a signal that says nothing in a chunk is missing."""

    pairs: Pairs
    values: Mapping[Signal, NDArray[np.float32]]

    def contributions(self, weights: Mapping[Signal, float]) -> dict[Signal, NDArray[np.float32]]:
        """Each signal's share of the pairs' scores."""
        return {
            signal: np.float32(weights[signal]) * value
            for signal, value in self.values.items()
            if weights.get(signal, 0.0) > 0
        }


def signals(
    positions: NDArray[np.int64], people: Sequence[Member], evidence: Evidence, stock: Catalogue
) -> Scored:
    """Find postings worth scoring for a few members and say what speaks for each.

    Args:
        positions: The members' positions in the history, all with activity or all without.
        people: Their profiles.
        evidence: What was learned.
        stock: The catalogue.
    """
    return _Chunk(positions, people, evidence, stock).scored()


class _Chunk:
    def __init__(
        self, positions: NDArray[np.int64], people: Sequence[Member], evidence: Evidence, stock: Catalogue
    ) -> None:
        self._people = people
        self._evidence = evidence
        self._stock = stock
        self._taste = evidence.members[positions]
        self._recent = evidence.recent[positions]
        self._active = bool(len(self._recent.data))
        self._done = evidence.done_with[positions]
        self._traits = evidence.traits.rows(people) if evidence.traits else None
        self._guessed = (
            evidence.guess.of(self._traits) if evidence.guess and self._traits is not None else None
        )
        self._past = {name: unit_rows(self._recent @ field.matrix) for name, field in stock.fields.items()}
        self._wanted = {name: self._wishes(name) for name in stock.fields}

    def scored(self) -> Scored:
        peers = self._peers()
        pairs = self._worth_scoring(peers)
        values = self._of_profile(pairs, peers) | self._of_postings(pairs)
        if self._active:
            values |= self._of_history(pairs)
        return Scored(pairs, values)

    def _wishes(self, name: str) -> sparse.csr_array:
        field = self._stock.fields[name]
        rows = [wishes(name, member) for member in self._people]
        entries = [
            (row, field.numbers[what], share)
            for row, wishes in enumerate(rows)
            for what, share in sorted(wishes.items())
            if what in field.numbers
        ]
        row, column, share = zip(*entries, strict=True) if entries else ((), (), ())
        return unit_rows(
            sparse.csr_array(
                (np.array(share, np.float32), (np.array(row, np.int64), np.array(column, np.int64))),
                shape=(len(rows), len(field.numbers)),
            )
        )

    def _peers(self) -> sparse.csr_array | None:
        """What members with similar profiles did, the most similar counting most."""
        evidence = self._evidence
        if self._traits is None or evidence.panel_traits is None or evidence.panel_done is None:
            return None
        alike = (self._traits @ evidence.panel_traits.T).toarray()
        kept = topmost(alike, _PEERS_KEPT)
        columns = np.concatenate([np.sort(each) for each in kept])
        ends = np.r_[0, np.cumsum([len(each) for each in kept])]
        values = alike[np.repeat(np.arange(len(kept)), np.diff(ends)), columns] ** _PEER_SHARPNESS
        near = sparse.csr_array((values, columns, ends), shape=alike.shape)
        return sparse.csr_array(near @ evidence.panel_done)

    def _worth_scoring(self, peers: sparse.csr_array | None) -> Pairs:
        if len(self._stock.shown) <= BY_TASTE + BY_CONTENT:
            everything = np.arange(len(self._stock.shown))
            columns = [everything] * len(self._people)
        else:
            found = [(matrix, BY_CONTENT) for matrix in self._by_content()]
            found += [(peers, BY_PEERS)] if peers is not None else []
            columns = [
                np.unique(np.concatenate([near, *(_best(matrix, row, count) for matrix, count in found)]))
                for row, near in enumerate(self._by_factors())
            ]
        return pairs_of([self._unseen(row, each) for row, each in enumerate(columns)], self._stock.shown)

    def _unseen(self, row: int, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        seen = self._done.indices[self._done.indptr[row] : self._done.indptr[row + 1]]
        return np.setdiff1d(columns, seen, assume_unique=True)

    def _by_factors(self) -> list[NDArray[np.int64]]:
        reach = self._evidence.reach
        if self._active:
            return topmost(self._taste @ reach.T, BY_TASTE)
        if self._guessed is not None:
            return topmost(self._guessed @ reach.T, BY_TASTE)
        popular = np.argsort(-self._evidence.popular[self._stock.shown], kind="stable")[:BY_TASTE]
        return [popular] * len(self._people)

    def _by_content(self) -> list[sparse.csr_array]:
        """Content scores against all postings shown, from the history and from the wishes."""
        wanted = self._looked_up(self._wanted)
        return [self._looked_up(self._past), wanted] if self._active else [wanted]

    def _looked_up(self, profiles: Mapping[str, sparse.csr_array]) -> sparse.csr_array:
        scaled = []
        for name, field in self._stock.fields.items():
            profile = profiles[name]
            size = np.sqrt(np.asarray(profile.power(2) @ field.mean_square)).ravel()
            scaled.append(scaled_rows(profile, 1 / np.maximum(size, 1e-3)))
        return sparse.csr_array(sparse.hstack(scaled, format="csr") @ self._evidence.lookup)

    def _of_history(self, pairs: Pairs) -> dict[Signal, NDArray[np.float32]]:
        evidence = self._evidence
        values = {
            Signal.TASTE: self._factor_values(self._taste, evidence.postings, evidence.moment, pairs),
            Signal.CONTENT_TASTE: self._factor_values(
                self._taste, evidence.content, evidence.content_moment, pairs
            ),
            Signal.KIN: squashed(sparse_values(sparse.csr_array(self._plain() @ evidence.kin), pairs)),
            Signal.NEARBY: self._field_values(
                "place", unit_rows(sparse.csr_array(self._past["place"] @ evidence.nearby)), pairs
            ),
            Signal.OPENED_NEAR: self._opened_near(pairs),
        }
        return values | {
            signal: self._field_values(name, self._past[name], pairs)
            for signal, name in _HISTORY_FIELDS.items()
        }

    def _plain(self) -> sparse.csr_array:
        plain = self._recent.copy()
        plain.data = np.ones_like(plain.data)
        return plain

    def _of_profile(self, pairs: Pairs, peers: sparse.csr_array | None) -> dict[Signal, NDArray[np.float32]]:
        place = self._field_values("place", self._wanted["place"], pairs)
        area = self._field_values("area", self._wanted["area"], pairs)
        values: dict[Signal, NDArray[np.float32]] = {
            Signal.WANTED_CATEGORY: self._field_values("category", self._wanted["category"], pairs),
            Signal.WANTED_REGION: np.float32(0.5) * (place + area),
            Signal.WANTED_WORDS: self._field_values("words", self._wanted["words"], pairs),
            Signal.CAREER: self._each(pairs, self._career),
            Signal.EDUCATION: self._each(pairs, self._education),
            Signal.SALARY: self._each(pairs, self._salary),
        }
        if self._guessed is not None:
            values[Signal.PROFILE_TASTE] = self._factor_values(
                self._guessed, self._evidence.postings, self._evidence.moment, pairs
            )
        if peers is not None:
            values[Signal.PEERS] = squashed(sparse_values(peers, pairs))
        return values

    def _of_postings(self, pairs: Pairs) -> dict[Signal, NDArray[np.float32]]:
        return {
            Signal.FRESH: self._stock.fresh[pairs.posting],
            Signal.POPULAR: self._evidence.popular[pairs.posting],
        }

    def _factor_values(
        self,
        members: NDArray[np.float32],
        postings: NDArray[np.float32],
        moment: NDArray[np.float32],
        pairs: Pairs,
    ) -> NDArray[np.float32]:
        """Products of factors over their root mean square over all postings shown."""
        size = np.sqrt(np.maximum(((members @ moment) * members).sum(axis=1), 1e-18))
        return squashed(factor_dots(members, postings, pairs) / size[pairs.row])

    def _field_values(self, name: str, profile: sparse.csr_array, pairs: Pairs) -> NDArray[np.float32]:
        return squashed(field_dots(profile, self._stock.fields[name], pairs))

    def _opened_near(self, pairs: Pairs) -> NDArray[np.float32]:
        """How near a posting's opening lies to the openings of the history's postings."""
        total = np.zeros(len(pairs.row), np.float32)
        for row in range(len(self._people)):
            own = slice(self._recent.indptr[row], self._recent.indptr[row + 1])
            weight, posting = self._recent.data[own], self._recent.indices[own]
            latest = np.argsort(-weight, kind="stable")[:_RECENT_OPENINGS]
            opened = self._stock.opened_s[pairs.posting[pairs.of(row)]]
            apart = np.abs(opened[:, None] - self._stock.opened_s[posting[latest]])
            total[pairs.of(row)] = (
                (1 / (1 + apart / _NEAR_S)) @ weight[latest] / max(weight[latest].sum(), 1e-9)
            )
        return total

    def _each(
        self, pairs: Pairs, fit: Callable[[Member, NDArray[np.int64]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        parts = [fit(member, pairs.posting[pairs.of(row)]) for row, member in enumerate(self._people)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _career(self, member: Member, postings: NDArray[np.int64]) -> NDArray[np.float32]:
        return career_fit(
            member.career_years, self._stock.career_min[postings], self._stock.career_max[postings]
        )

    def _education(self, member: Member, postings: NDArray[np.int64]) -> NDArray[np.float32]:
        return education_fit(member.education, self._stock.education[postings])

    def _salary(self, member: Member, postings: NDArray[np.int64]) -> NDArray[np.float32]:
        same_unit = self._stock.salary_unit[postings] == (member.salary_unit or "")
        paid = np.where(same_unit, self._stock.salary[postings], np.nan)
        return salary_fit(member.desired_salary, paid.astype(np.float32))


def _best(matrix: sparse.csr_array, row: int, count: int) -> NDArray[np.int64]:
    own = slice(matrix.indptr[row], matrix.indptr[row + 1])
    columns = matrix.indices[own]
    if len(columns) <= count:
        return columns.astype(np.int64)
    best: NDArray[np.int64] = columns[np.argpartition(-matrix.data[own], count)[:count]].astype(np.int64)
    return best
