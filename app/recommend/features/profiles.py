"""What members' profiles say, as numbers and as columns.

No protected attribute is read: of a profile count what its member looks for and can do (categories, regions, skills,
career, education, pay) and when it last changed, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p
from typing import TYPE_CHECKING

import numpy as np

from app.board.vocabulary import large_region
from app.recommend.features.tokens import tokenise_all
from app.recommend.sparse import idf, index_of, one_hot, scale_columns, unit_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from app.board.model import Member

_DAY_S = 86_400
_FEWEST_MEMBERS = 3  # what fewer members say gets no column
_MOST_TEXTS = 4_000  # columns of one respect
_MOST_CODES = 4_000  # columns of all respects together
RESPECTS = ("category", "skill", "region")


def career_of(member: Member) -> float:
    """Years of career, or nan."""
    return np.nan if member.career_years is None else member.career_years


def education_of(member: Member) -> float:
    """The highest education, or nan."""
    return np.nan if member.education is None else float(member.education)


def salary_of(member: Member) -> float:
    """The pay wanted, in units of `salary_unit`, or nan."""
    return float(member.desired_salary) if member.desired_salary and member.desired_salary > 0 else np.nan


def texts_of(member: Member) -> dict[str, set[str]]:
    """The codes and words of a profile, by respect."""
    return {
        "category": set(member.categories),
        "skill": {f"skill {skill.lower()}" for skill in member.skills} | tokenise_all(member.skills),
        "region": {*member.regions, *map(large_region, member.regions)},
    }


@dataclass(frozen=True, slots=True)
class TextColumns:
    """Encodes the texts of one respect.

    Attributes:
        columns: The column of each text.
        idf: (n_texts,) float32.
    """

    columns: Mapping[str, int]
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[set[str]]) -> TextColumns:
        """A column for each text that a few members share."""
        columns = index_of(texts, at_least=_FEWEST_MEMBERS, most=_MOST_TEXTS)
        return cls(columns, idf(one_hot(texts, columns)))

    def transform(self, texts: Sequence[set[str]]) -> sparse.csr_array:
        """Members x texts, (n_members, n_texts) float32, each row of length 1."""
        return unit_rows(scale_columns(one_hot(texts, self.columns), np.sqrt(self.idf)))


@dataclass(frozen=True, slots=True)
class ProfileFeatures:
    """The profiles of n members as they are compared; unknown numbers are nan.

    Attributes:
        texts: By respect, (n, n_texts) float32.
        career: (n,) float32, ln(1 + years).
        education: (n,) float32, the highest education.
        pay: (n,) float32, ln of the pay wanted.
        unit: (n,) int64, a number for the unit of the pay.
        changed: (n,) float32, when the profile last changed, in days since 1970: members who look at the same time see
            the same postings.
    """

    texts: Mapping[str, sparse.csr_array]
    career: NDArray[np.float32]
    education: NDArray[np.float32]
    pay: NDArray[np.float32]
    unit: NDArray[np.int64]
    changed: NDArray[np.float32]

    def select(self, rows: NDArray[np.int64]) -> ProfileFeatures:
        """The features of some of the members."""
        texts = {name: matrix[rows] for name, matrix in self.texts.items()}
        return ProfileFeatures(
            texts,
            self.career[rows],
            self.education[rows],
            self.pay[rows],
            self.unit[rows],
            self.changed[rows],
        )


@dataclass(frozen=True, slots=True)
class ProfileFeatureEncoder:
    """Encodes profiles as they are compared.

    Attributes:
        texts: The columns of each respect.
        units: The number of each unit of pay.
    """

    texts: Mapping[str, TextColumns]
    units: Mapping[str, int]

    @classmethod
    def fit(cls, members: Sequence[Member]) -> ProfileFeatureEncoder:
        """An encoder of what a few of these members share."""
        texts = [texts_of(member) for member in members]
        units = sorted({member.salary_unit or "" for member in members})
        return cls(
            {name: TextColumns.fit([each[name] for each in texts]) for name in RESPECTS},
            {unit: at for at, unit in enumerate(units)},
        )

    def transform(self, members: Sequence[Member]) -> ProfileFeatures:
        """The features of these members."""
        texts = [texts_of(member) for member in members]
        return ProfileFeatures(
            {name: columns.transform([each[name] for each in texts]) for name, columns in self.texts.items()},
            np.array([_log_career(member) for member in members], np.float32),
            np.array([education_of(member) for member in members], np.float32),
            np.array([log(salary_of(member)) for member in members], np.float32),
            np.array([self.units.get(member.salary_unit or "", -1) for member in members], np.int64),
            np.array([_changed(member) for member in members], np.float32),
        )


def _log_career(member: Member) -> float:
    return np.nan if member.career_years is None else log1p(max(0.0, member.career_years))


def _changed(member: Member) -> float:
    return np.nan if member.updated_at is None else member.updated_at.timestamp() / _DAY_S


def codes_of(member: Member) -> set[str]:
    """All that a profile says, as texts such as "region 101000".

    Career and pay are in steps of half and of a third of a power of e.
    """
    codes = {f"{respect} {text}" for respect, texts in texts_of(member).items() for text in texts}
    if member.career_years is not None:
        codes.add(f"career {round(2 * log1p(max(0.0, member.career_years)))}")
    if member.education is not None:
        codes.add(f"education {int(member.education)}")
    if member.desired_salary and member.desired_salary > 0:
        codes.add(f"pay {round(3 * log(member.desired_salary))} {member.salary_unit or ''}")
    return codes


@dataclass(frozen=True, slots=True)
class ProfileOneHotEncoder:
    """Encodes profiles as one-hot columns, which are factorised beside the postings.

    Attributes:
        columns: The column of each code that a few members share, of the most frequent; others are left out.
    """

    columns: Mapping[str, int]

    @classmethod
    def fit(cls, members: Sequence[Member]) -> ProfileOneHotEncoder:
        """An encoder of the codes of these members."""
        return cls(index_of(map(codes_of, members), at_least=_FEWEST_MEMBERS, most=_MOST_CODES))

    def transform(self, members: Sequence[Member]) -> sparse.csr_array:
        """Members x codes, (n_members, n_codes) float32, 1 where a profile says so."""
        if not self.columns:
            return one_hot([()] * len(members), self.columns)
        return one_hot([codes_of(member) for member in members], self.columns)
