"""Profiles and postings as rows of traits, from which tastes can be guessed before there is any activity.

No protected attribute is a trait: the values here are built from what a member looks for and can do
(categories, regions, skills, career, education, pay), and nothing else is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse

from app.recommend.fields import large, number, one_hot, rarity, scaled_columns, unit_rows
from app.recommend.words import words, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from app.recommend.board import Member, Posting

MOST_TRAITS = 4_000  # the solve for their effect is dense: 64 MB and about a second
_FEWEST_ROWS = 3
_CAREER_KNOTS = [log1p(years) for years in (0, 0.5, 1, 2, 3, 5, 8, 12, 18, 30)]
_PAY_STEP = 0.18  # knots of pay, in powers of e
_CROSSED = 100  # so many of the most frequent texts are also seen together with the career


def member_texts(member: Member) -> set[str]:
    """What a profile says in codes and words."""
    traits = {f"category {category}" for category in member.categories}
    traits |= {f"skill {skill.lower()}" for skill in member.skills}
    traits |= {f"word {word}" for word in words_of(member.skills)}
    for region in member.regions:
        traits |= {f"region {region}", f"region {large(region)}"}
    if member.education is not None:
        traits.add(f"education {int(member.education)}")
    return traits


def posting_texts(posting: Posting) -> set[str]:
    """What a posting says in codes and words."""
    traits = {f"category {category}" for category in posting.categories}
    traits.add("categories " + " ".join(sorted(posting.categories)))
    traits |= {f"word {word}" for word in words(posting.title) | words_of(posting.skills)}
    for region in posting.regions:
        traits |= {f"region {region}", f"region {large(region)}"}
    traits |= {f"employment {each}" for each in posting.employment_types}
    traits.add(f"company {posting.company_id}")
    if posting.education is not None:
        traits.add(f"education {int(posting.education)}")
    if posting.career_min_years is not None:
        traits.add(f"career {round(2 * log1p(posting.career_min_years))}")
    return traits


def _soft(value: float, knots: Sequence[float], name: str) -> dict[str, float]:
    """A number as shares of its two nearest knots, so that near values get near traits."""
    value = min(max(value, knots[0]), knots[-1])
    upper = int(np.searchsorted(knots, value))
    if upper == 0:
        return {f"{name} 0": 1.0}
    share = (value - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
    return {f"{name} {upper - 1}": 1 - share, f"{name} {upper}": share}


def _career(member: Member) -> dict[str, float]:
    if member.career_years is None:
        return {}
    first = {"career none": 1.0} if member.career_years == 0 else {}
    return first | _soft(log1p(member.career_years), _CAREER_KNOTS, "career")


def _pay(member: Member) -> dict[str, float]:
    if not member.desired_salary or member.desired_salary <= 0:
        return {}
    at = log(member.desired_salary) / _PAY_STEP
    low = int(at)
    return {f"pay {member.salary_unit} {low}": low + 1 - at, f"pay {member.salary_unit} {low + 1}": at - low}


@dataclass(frozen=True, slots=True)
class MemberTraits:
    """The columns of members' traits, learned from a sample of profiles."""

    texts: Mapping[str, int]
    rarity: NDArray[np.float32]
    numbers: Mapping[str, int]
    crossed: Mapping[str, int]

    @property
    def width(self) -> int:
        """How many traits there are."""
        return len(self.texts) + len(self.numbers)

    def rows(self, members: Sequence[Member]) -> sparse.csr_array:
        """Members x traits."""
        texts = [member_texts(member) for member in members]
        shares = [
            _all_shares(member, text, self.crossed) for member, text in zip(members, texts, strict=True)
        ]
        return self.of_texts(texts, shares)

    def of_texts(self, texts: Sequence[set[str]], shares: Sequence[Mapping[str, float]]) -> sparse.csr_array:
        """Members x traits, from their texts and the shares of their numbers."""
        plain = unit_rows(scaled_columns(one_hot(texts, self.texts), np.sqrt(self.rarity)))
        return sparse.csr_array(sparse.hstack([plain, _valued(shares, self.numbers)], format="csr"))


def _all_shares(member: Member, texts: set[str], crossed: Mapping[str, int]) -> dict[str, float]:
    """Career and pay, and the career together with each frequent text: a junior's MD is not a senior's."""
    career = _career(member)
    joint = sorted(texts & crossed.keys())
    scale = len(joint) ** -0.5 if joint else 0.0
    both = {f"{text} & {name}": scale * share for text in joint for name, share in career.items()}
    return career | _pay(member) | both


def _valued(rows: Sequence[Mapping[str, float]], numbers: Mapping[str, int]) -> sparse.csr_array:
    entries = [
        (row, numbers[name], share)
        for row, shares in enumerate(rows)
        for name, share in shares.items()
        if name in numbers and share > 0
    ]
    row, column, value = zip(*entries, strict=True) if entries else ((), (), ())
    return sparse.csr_array(
        (np.array(value, np.float32), (np.array(row, np.int64), np.array(column, np.int64))),
        shape=(len(rows), len(numbers)),
    )


def learn_member_traits(members: Sequence[Member]) -> tuple[MemberTraits, sparse.csr_array]:
    """The traits that a few members of the sample share, and the sample's own rows."""
    texts = [member_texts(member) for member in members]
    plain = number(texts, at_least=_FEWEST_ROWS, most=MOST_TRAITS // 2)
    frequent = number(texts, at_least=10 * _FEWEST_ROWS, most=_CROSSED)
    crossed = {name: at for name, at in frequent.items() if not name.startswith("education")}
    shares = [_all_shares(member, text, crossed) for member, text in zip(members, texts, strict=True)]
    numbers = number(shares, at_least=_FEWEST_ROWS, most=MOST_TRAITS // 2)
    traits = MemberTraits(plain, rarity(one_hot(texts, plain)), numbers, crossed)
    return traits, traits.of_texts(texts, shares)


def posting_traits(postings: Sequence[Posting]) -> sparse.csr_array:
    """Postings x traits; one that too few postings share is left out."""
    texts = [posting_texts(posting) for posting in postings]
    ones = one_hot(texts, number(texts, at_least=_FEWEST_ROWS, most=MOST_TRAITS))
    return unit_rows(scaled_columns(ones, np.sqrt(rarity(ones))))


@dataclass(frozen=True, slots=True)
class Guess:
    """A linear map from traits to factors: factors = traits @ effects."""

    effects: NDArray[np.float32]

    def of(self, traits: sparse.csr_array) -> NDArray[np.float32]:
        """Factors of each row of traits."""
        guessed: NDArray[np.float32] = traits @ self.effects
        return guessed


def learn_guess(traits: sparse.csr_array, factors: NDArray[np.float32], *, penalty: float) -> Guess:
    """Ridge regression of factors on traits, a row each."""
    gram = (traits.T @ traits).toarray()
    gram[np.diag_indices_from(gram)] += np.float32(penalty)
    effects = linalg.solve(gram, traits.T @ factors, assume_a="pos", overwrite_a=True, check_finite=False)
    return Guess(effects.astype(np.float32))
