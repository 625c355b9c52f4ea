"""Which postings are one job, and what follows from it for lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.model import ActivityKind, Status
from app.recommend.features.same_job import leads, same_jobs
from tests.unit.recommend.conftest import NOW, log, posting

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.board.model import Posting

FIRST = posting(
    0, title="지게차 운전원 모집", company="(주)가온물류", company_id="k1", regions=("102000/김포시",)
)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"title": "[재등록] 지게차  운전원 모집"},
        {"title": "<재공고 2차> 지게차 운전원 모집!!"},
        {"title": "【급구】지게차 운전원, 모집"},
        {"title": "지게차 운전원 모집 (~12/24)"},
        {"title": "지게차운전원모집 (2026.12.24(목)까지)"},
        {"title": "재등록) 지게차 운전원 모집"},
        {"title": "지게차\u3000운전원\u200b 모집"},
        {"company": "주식회사 가온물류", "company_id": "another site's"},
        {"url": "https://board.example/other?utm_source=x", "deadline": date(2026, 12, 31)},
        {"opened_at": NOW, "status": Status.CLOSED, "skills": ("지게차",), "categories": ("7", "18")},
        {"regions": ()},
        {"salary_min": 30_000_000, "salary_max": 36_000_000, "salary_unit": "KRW/year"},
    ],
    ids=str,
)
def test_what_is_posted_again_lifted_or_cloned_is_one_job(change: dict[str, Any]) -> None:
    assert same_jobs([FIRST, replace(FIRST, id="again", **change)]) == [[0, 1]]


@pytest.mark.parametrize(
    "change",
    [
        {"regions": ("102000/부천시",)},
        {"company": "다온물류", "company_id": "k2"},
        {"title": "지게차 운전원 모집 2팀"},
        {"title": "지게차 정비원 모집"},
        {"employment_types": ("contract",), "salary_min": 1},
    ],
    ids=str,
)
def test_another_place_company_or_title_is_another_job(change: dict[str, Any]) -> None:
    one = replace(FIRST, employment_types=("regular",), salary_min=2)
    other = replace(one, id="other", **change)
    assert same_jobs([one, other]) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"title": "C 개발자"}, {"title": "C++ 개발자"}),
        ({"title": "2025년 하반기 공채"}, {"title": "2026년 상반기 공채"}),
        ({"career_min_years": 0.0, "career_max_years": 0.0}, {"career_min_years": 5.0}),
        ({"salary_min": 30, "salary_unit": "KRW/hour"}, {"salary_min": 40, "salary_unit": "KRW/hour"}),
        ({"company": "비공개", "company_id": "a"}, {"company": "비공개", "company_id": "b"}),
        ({"company": "", "company_id": "a"}, {"company": "", "company_id": "b"}),
    ],
)
def test_what_tells_jobs_apart_is_kept(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert same_jobs([replace(FIRST, **first), replace(FIRST, id="other", **second)]) == []


def test_who_leaves_open_where_it_is_joins_the_others_only_where_they_agree() -> None:
    here, nowhere, there = (
        replace(FIRST, id=id_, regions=regions)
        for id_, regions in (("a", ("102000/김포시",)), ("b", ()), ("c", ("106000/강서구",)))
    )
    assert same_jobs([here, nowhere]) == [[0, 1]]
    assert same_jobs([here, nowhere, there]) == []


def test_a_chain_with_one_title_at_many_branches_has_as_many_jobs() -> None:
    branches = [replace(FIRST, id=f"b{n}", regions=(f"102000/{n}시",)) for n in range(50)]
    assert same_jobs(branches) == []


def test_the_freshest_open_posting_stands_for_its_job_and_of_equal_ones_that_which_stays_longest() -> None:
    old = replace(FIRST, id="a", opened_at=NOW - timedelta(days=9))
    closed = replace(FIRST, id="b", opened_at=NOW, status=Status.CLOSED)
    soon = replace(FIRST, id="c", opened_at=NOW - timedelta(days=1), deadline=date(2026, 12, 1))
    later = replace(soon, id="d", deadline=date(2026, 12, 9))
    postings = [old, closed, soon, later]
    open_ = np.array([each.status is Status.OPEN for each in postings])
    opened_s = np.array([each.opened_at.timestamp() for each in postings])
    assert leads(postings, open_, opened_s).tolist() == [3, 3, 3, 3]
    assert leads(postings[:3], open_[:3], opened_s[:3]).tolist() == [2, 2, 2]


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_title_has_a_job_and_the_same_one_twice_is_one(titles: list[str]) -> None:
    postings = [replace(FIRST, id=f"{n}", title=title) for n, title in enumerate([*titles, *titles])]
    found = {at: group for group in same_jobs(postings) for at in group}
    assert all(found[at] == found[at + len(titles)] for at in range(len(titles)))


@pytest.fixture(scope="module")
def twinned(new_board: Callable[..., Any]) -> Any:
    """The small board with a second posting of the first ten jobs, on sale since yesterday."""
    board = new_board()
    twins = [
        replace(each, id=f"q{n}", title=f"[재등록] {each.title}", opened_at=NOW - timedelta(days=1))
        for n, each in enumerate(board.postings[:10])
    ]
    return replace(board, postings=[*board.postings, *twins])


def jobs_of(postings: list[Posting]) -> dict[str, int]:
    return {postings[at].id: number for number, group in enumerate(same_jobs(postings)) for at in group}


def test_a_list_and_a_shelf_hold_one_posting_of_a_job_and_none_of_one_applied_to(twinned: Any) -> None:
    model = twinned.fit()
    job = jobs_of(twinned.postings)
    assert len(job) == 20
    past = twinned.activity
    for at, ranked in enumerate(model.rank(range(60), twinned.members)):
        shown = [job.get(each.posting_id, each.posting_id) for each in ranked]
        assert len(shown) == len(set(shown))
        applied = past.posting[(past.member == at) & (past.kind == ActivityKind.APPLY)].tolist()
        assert not {job.get(twinned.postings[each].id, -1) for each in applied} & set(shown)
    for shelf in model.shelves().values():
        shown = [job.get(each.posting_id, each.posting_id) for each in shelf]
        assert len(shown) == len(set(shown))


def test_what_was_done_with_one_posting_of_a_job_speaks_for_the_one_that_is_shown(twinned: Any) -> None:
    model = twinned.fit()
    popular = dict(zip(model.catalogue.ids, model.representations.popular.tolist(), strict=True))
    assert all(popular[f"q{n}"] > 0 for n in range(10))
    assert not any(popular[each.id] for each in twinned.postings[:10])


def test_who_viewed_an_earlier_posting_of_a_job_may_be_shown_the_one_posted_again(
    new_board: Callable[..., Any],
) -> None:
    board = new_board()
    again = replace(board.postings[0], id="q0", opened_at=NOW - timedelta(hours=2))
    views = log(
        [
            (0, 0, ActivityKind.VIEW, NOW - timedelta(days=1)),
            (1, 1, ActivityKind.VIEW, NOW - timedelta(days=1)),
        ]
    )
    model = replace(board, postings=[*board.postings, again], activity=views).fit()
    assert "q0" in {each.posting_id for each in model.rank([0], board.members[:1])[0]}
