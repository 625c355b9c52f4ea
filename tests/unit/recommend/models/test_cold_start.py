"""How alike profiles are, and what is guessed from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from app.board.model import Education, Member
from app.recommend.features.profiles import ProfileFeatureEncoder
from app.recommend.models.cold_start import ProfileKernel, ReferenceMembers, profile_similarity

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ONCE = np.ones(1_000, np.int64)  # everybody acted on one posting
ME: dict[str, Any] = {
    "categories": ("2",),
    "regions": ("101000/강남구",),
    "skills": ("Python",),
    "career_years": 3.0,
    "education": Education.BACHELOR,
    "desired_salary": 40_000_000,
    "salary_unit": "KRW/year",
    "updated_at": NOW,
}
OTHER: dict[str, Any] = {
    "categories": ("8",),
    "regions": ("106000/해운대구",),
    "skills": ("해외영업",),
    "career_years": 30.0,
    "education": Education.MASTER,
    "desired_salary": 400_000_000,
    "salary_unit": "KRW/month",
    "updated_at": NOW - timedelta(days=2_000),
}


def member(**said: Any) -> Member:
    return Member(id="m", **said)


def likeness(ours: Member, *theirs: Member) -> list[float]:
    """To each of the others, among enough members that every text is known."""
    columns = ProfileFeatureEncoder.fit([member(**ME), member(**OTHER)] * 3)
    found: list[float] = profile_similarity(columns.transform([ours]), columns.transform(theirs))[0].tolist()
    return found


@pytest.mark.parametrize(
    "respect", ["categories", "regions", "skills", "career_years", "education", "updated_at"]
)
def test_each_respect_that_profiles_agree_in_makes_them_more_alike(respect: str) -> None:
    nothing, one, everything = likeness(
        member(**ME), member(**OTHER), member(**(OTHER | {respect: ME[respect]})), member(**ME)
    )
    assert nothing < one < everything


def test_pay_is_compared_within_its_unit_alone() -> None:
    same, other = likeness(member(**ME), member(**ME), member(**(ME | {"salary_unit": "KRW/month"})))
    assert other < same


def test_what_a_profile_leaves_open_speaks_neither_for_nor_against_it() -> None:
    assert likeness(member(**ME), member()) == [1.0]


def test_career_and_time_count_less_the_further_apart_they_are() -> None:
    by_career = likeness(
        member(**ME), *(member(**(ME | {"career_years": years})) for years in (3.0, 4.0, 9.0))
    )
    days = (timedelta(days=count) for count in (0, 20, 200))
    by_time = likeness(member(**ME), *(member(**(ME | {"updated_at": NOW - each})) for each in days))
    assert by_career == sorted(by_career, reverse=True)
    assert by_time == sorted(by_time, reverse=True)


def test_a_members_factors_are_guessed_from_those_of_like_members_and_do_not_depend_on_who_else_is_asked() -> (
    None
):
    people = [member(**ME), member(**OTHER)] * 40
    columns = ProfileFeatureEncoder.fit(people)
    factors = np.array([[9.0, 0.0], [0.0, 0.1]] * 40, np.float32)
    nobody_did = sparse.csr_array(np.zeros((80, 3), np.float32))
    panel = ProfileKernel.compute(columns, people, ONCE[:80]).fit(factors, nobody_did)
    guessed = panel.predict_factors(panel.similarity([member(**ME), member(**OTHER)]))
    assert guessed.argmax(axis=1).tolist() == [0, 1]
    many = panel.predict_factors(panel.similarity([*people * 3, member(**ME)]))
    assert many[-1].tobytes() == guessed[0].tobytes()


@pytest.mark.parametrize("factors", [128, 256])
def test_what_is_guessed_is_the_same_to_the_last_bit_wherever_a_member_stands_among_those_asked_for(
    factors: int,
) -> None:
    random = np.random.default_rng(0)
    columns = ProfileFeatureEncoder.fit([member(**ME)])
    coefficients = random.normal(size=(701, factors)).astype(np.float32)
    nobody_did = sparse.csr_array(np.zeros((701, 3), np.float32))
    panel = ReferenceMembers(columns, columns.transform([]), coefficients, nobody_did)
    likeness = random.random((130, 701)).astype(np.float32)
    guessed = panel.predict_factors(likeness)
    assert guessed == pytest.approx(likeness @ coefficients, abs=1e-3)
    alone = [panel.predict_factors(likeness[at : at + 1])[0].tobytes() for at in range(130)]
    assert alone == [each.tobytes() for each in guessed]


def test_how_long_factors_are_is_not_taken_for_how_good_a_guide_they_are() -> None:
    people = [member(**ME), member(**OTHER)] * 40
    columns = ProfileFeatureEncoder.fit(people)
    nobody_did = sparse.csr_array(np.zeros((80, 3), np.float32))
    likeness = ProfileKernel.compute(columns, people, ONCE[:80])
    short, long = (
        likeness.fit(np.array([[size, 0], [0, 1]] * 40, np.float32), nobody_did) for size in (1.0, 100.0)
    )
    assert short.coefficients == pytest.approx(long.coefficients)


def test_who_did_less_is_the_better_guide() -> None:
    people = [member(**ME)] * 80
    columns = ProfileFeatureEncoder.fit(people)
    factors = np.array([[1.0, 0.0], [0.0, 1.0]] * 40, np.float32)
    nobody_did = sparse.csr_array(np.zeros((80, 3), np.float32))

    def guess(*acted: int) -> list[float]:
        panel = ProfileKernel.compute(columns, people, np.array(acted * 40)).fit(factors, nobody_did)
        one, other = panel.predict_factors(panel.similarity([member(**ME)]))[0].tolist()
        return [one, other]

    similar, (less, more) = guess(4, 4), guess(1, 16)
    assert similar[0] == pytest.approx(similar[1], rel=1e-3)
    assert less == pytest.approx(4 * more, rel=1e-2)


def test_what_the_first_profiles_teach_is_what_they_teach_without_the_others() -> None:
    people = [member(**(ME | {"career_years": float(years % 30)})) for years in range(600)]
    columns = ProfileFeatureEncoder.fit(people)
    factors = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    nobody_did = sparse.csr_array(np.zeros((400, 3), np.float32))
    of_all, of_some = (
        ProfileKernel.compute(columns, some, ONCE[: len(some)]) for some in (people, people[:400])
    )
    ours, theirs = (each.fit(factors, nobody_did) for each in (of_all, of_some))
    assert ours.coefficients == pytest.approx(theirs.coefficients, rel=1e-3, abs=1e-6)
