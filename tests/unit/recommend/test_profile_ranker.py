"""Ranking on the spot from a profile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.board.model import Education, Member, Posting, Status
from app.recommend.profile_ranker import ProfileRanker
from app.recommend.reasons import Reason
from app.recommend.scoring.weights import Signal, Weights

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
        each.score
        for each in ranker.rank(
            Member(id="m", categories=("2",), desired_salary=5, salary_unit="KRW/year"), now=NOW
        )
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
    ranked = ProfileRanker(same, {}, Weights()).rank(Member(id="m", categories=("2",)), now=NOW)
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
    member = Member(id="m", categories=("2",))
    assert len(ProfileRanker(pool, {}, Weights()).rank(member, now=NOW, keep=7)) == 7


USELESS: list[dict[str, Any]] = [
    {},
    {"updated_at": NOW},
    {"categories": ("no such code",), "skills": ("없는기술",)},
    {"regions": ("ZZ/nowhere",)},
    {"career_years": 3.0},  # no posting of the pool asks for any
    {"desired_salary": 0, "salary_unit": "KRW/year"},
    {"desired_salary": 40_000_000, "salary_unit": "KRW/year"},
    {"desired_salary": 40_000_000},
]


@pytest.mark.parametrize("profile", USELESS, ids=str)
def test_a_profile_that_says_nothing_on_this_board_is_not_ranked(
    profile: dict[str, Any], pool: list[Posting]
) -> None:
    assert ProfileRanker(pool, {"p0000": 1.0}, Weights()).rank(Member(id="m", **profile), now=NOW) == []


def test_reasons_speak_of_nothing_that_the_profile_leaves_open(pool: list[Posting]) -> None:
    paid = [
        replace(each, salary_max=9_000_000 * at, salary_unit="KRW/year", career_min_years=float(at))
        for at, each in enumerate(pool)
    ]
    told = {
        each.reason
        for each in ProfileRanker(paid, {}, Weights()).rank(
            Member(id="m", regions=("101000/강남구",)), now=NOW
        )
    }
    assert not told & {
        Reason.FITS_FIELD,
        Reason.FITS_CAREER,
        Reason.FITS_SALARY,
        Reason.FITS_SKILLS,
        Reason.FITS_EDUCATION,
    }
    assert Reason.FITS_REGION in told


def test_a_neighbouring_region_is_not_told_as_one_that_was_wished_for(new_posting: NewPosting) -> None:
    near = [new_posting(number, regions=("102000/성남시",)) for number in range(9)]
    far = [new_posting(number, regions=("106000/해운대구",)) for number in range(20, 40)]
    ranked = ProfileRanker([*near, *far], {}, Weights()).rank(
        Member(id="m", regions=("101000/강남구",)), now=NOW
    )
    assert {each.posting_id for each in ranked[:9]} == {each.id for each in near}
    assert Reason.FITS_REGION not in {each.reason for each in ranked}


def test_an_opening_dated_ahead_is_no_news_for_good(new_posting: NewPosting) -> None:
    ahead = new_posting(
        0, opened_at=datetime(2099, 1, 1, tzinfo=UTC), updated_at=datetime(2026, 8, 1, tzinfo=UTC)
    )
    others = [new_posting(number, opened_at=datetime(2026, 11, 10, tzinfo=UTC)) for number in (4, 8)]
    ranked = ProfileRanker([ahead, *others], {}, Weights()).rank(Member(id="m", categories=("2",)), now=NOW)
    assert [each.posting_id for each in ranked][-1] == ahead.id
