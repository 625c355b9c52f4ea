"""Ranking on the spot from a profile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.recommend.board import Education, Member, Posting, Status
from app.recommend.profile import ProfileRanker
from app.recommend.reasons import Reason
from app.recommend.weights import Signal, Weights

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
NewPosting = Callable[..., Posting]


def best(ranker: ProfileRanker, **profile: Any) -> str:
    return ranker.rank(Member(id="m", **profile), now=NOW)[0].posting_id


@pytest.fixture
def pool(new_posting: NewPosting) -> list[Posting]:
    return [new_posting(number) for number in range(40)]


def test_field_and_region_come_first(pool: list[Posting]) -> None:
    ranker = ProfileRanker(pool, {}, Weights())
    found = best(ranker, categories=("8",), regions=("106000/해운대구",))
    chosen = next(each for each in pool if each.id == found)
    assert (chosen.categories, chosen.regions) == (("8",), ("106000/해운대구",))


def test_a_neighbouring_region_beats_a_far_one(new_posting: NewPosting) -> None:
    near, far = new_posting(0, regions=("102000/성남시",)), new_posting(4, regions=("106000/해운대구",))
    others = [new_posting(number, regions=("104000/중구",)) for number in range(8, 20, 4)]
    ranker = ProfileRanker([near, far, *others], {}, Weights())
    assert best(ranker, regions=("101000/강남구",)) == near.id


@pytest.mark.parametrize(
    ("wished", "fitting", "other"),
    [
        ({"career_years": 1.0}, {"career_min_years": 0, "career_max_years": 2}, {"career_min_years": 8}),
        ({"education": Education.ASSOCIATE}, {"education": Education.NONE}, {"education": Education.DOCTOR}),
        (
            {"desired_salary": 50_000_000, "salary_unit": "KRW/year"},
            {"salary_max": 52_000_000, "salary_unit": "KRW/year"},
            {"salary_max": 30_000_000, "salary_unit": "KRW/year"},
        ),
        ({"skills": ("쿠버네티스",)}, {"title": "쿠버네티스 엔지니어"}, {"title": "물류 관리"}),
    ],
    ids=["career", "education", "salary", "skills"],
)
def test_what_fits_comes_before_what_does_not(
    wished: dict[str, Any], fitting: dict[str, Any], other: dict[str, Any], new_posting: NewPosting
) -> None:
    postings = [new_posting(4, **fitting), new_posting(0, opened_at=new_posting(4).opened_at, **other)]
    assert best(ProfileRanker(postings, {}, Weights()), **wished) == "p0004"


def test_pay_in_another_unit_says_nothing(new_posting: NewPosting) -> None:
    same_day = new_posting(0).opened_at
    postings = [
        new_posting(0, salary_max=1, salary_unit="KRW/hour"),
        new_posting(4, opened_at=same_day, salary_max=90_000_000, salary_unit="USD/year"),
    ]
    ranker = ProfileRanker(postings, {}, Weights())
    scores = [
        each.score for each in ranker.rank(Member(id="m", desired_salary=5, salary_unit="KRW/year"), now=NOW)
    ]
    assert scores[0] == scores[1]


def test_vetoed_postings_are_never_ranked_and_the_last_day_still_is(pool: list[Posting]) -> None:
    changed = [
        replace(pool[0], status=Status.CLOSED),
        replace(pool[1], status=Status.HIDDEN),
        replace(pool[2], deadline=date(2026, 11, 21)),
        replace(pool[3], deadline=date(2026, 11, 22)),
    ]
    ranked = ProfileRanker(changed, {}, Weights()).rank(Member(id="m", categories=("2",)), now=NOW)
    assert [each.posting_id for each in ranked] == ["p0003"]


def test_equal_scores_stand_in_the_order_of_their_ids_however_the_pool_was_given(
    new_posting: NewPosting,
) -> None:
    same = [new_posting(number, title="같은 제목", opened_at=NOW) for number in (8, 0, 4)]
    ranked = ProfileRanker(same, {}, Weights()).rank(Member(id="m"), now=NOW)
    assert [each.posting_id for each in ranked] == ["p0000", "p0004", "p0008"]


def test_the_reason_is_what_set_the_posting_apart(pool: list[Posting]) -> None:
    ranked = ProfileRanker(pool, {}, Weights()).rank(Member(id="m", categories=("8",)), now=NOW)
    assert ranked[0].reason == Reason.FITS_FIELD


def test_only_the_weights_for_a_profile_alone_are_used(pool: list[Posting]) -> None:
    popular = {"p0007": 1.0}
    weights = Weights(profile_only={Signal.POPULAR: 1.0}, with_history={})
    assert best(ProfileRanker(pool, popular, weights), categories=("2",)) == "p0007"


def test_an_empty_pool_gives_an_empty_list() -> None:
    assert ProfileRanker([], {}, Weights()).rank(Member(id="m"), now=NOW) == []


def test_keep_limits_the_list(pool: list[Posting]) -> None:
    assert len(ProfileRanker(pool, {}, Weights()).rank(Member(id="m"), now=NOW, keep=7)) == 7
