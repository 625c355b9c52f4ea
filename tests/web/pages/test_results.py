"""The pages of results: what they say, for whom, and what they do with odd addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import OPERATOR, Browserlike, Site, site_on
from tests.web.worked_results import put_results

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def counted(server_url: str, template: str) -> Iterator[Site]:
    name = _create(server_url, "cj_results", template)
    with site_on(_url_of(server_url, name)) as site:
        put_results(site.engine)
        yield site
    _drop(server_url, name)


@pytest.fixture(scope="module")
def korean(counted: Site) -> Browserlike:
    return counted.signed_in(language="ko")


def test_a_page_says_what_may_be_concluded(korean: Browserlike) -> None:
    shown = korean.get("/results/experiments/learning-on").text
    assert "B안에서 지원한 회원이 12% 많았습니다 (95% 신뢰구간 4.6~21%). 이제 B안으로 정해도 됩니다." in shown
    assert "매일 확인해도 됩니다" in shown
    assert "이 결과는 읽지 마세요" in korean.get("/results/experiments/broken-split").text
    assert "계획한 종료 시각이 지났습니다" in korean.get("/results/experiments/aa-check").text


def test_an_uneven_split_draws_no_difference(korean: Browserlike) -> None:
    assert "<figure>" not in korean.get("/results/experiments/broken-split").text
    assert "<figure>" in korean.get("/results/experiments/learning-on").text


def test_of_an_arm_with_a_few_members_no_more_is_told_than_how_many(
    counted: Site, korean: Browserlike
) -> None:
    shown = korean.get("/results/experiments/just-begun").text
    assert "회원이 10명보다 적은 안은 회원 수만 보여 줍니다." in shown
    assert (
        '<th scope="row">B <small>recommended</small></th><td>50%</td><td>9</td>' + "<td>–</td>" * 5 in shown
    )
    assert '<th scope="row">B</th>' + "<td>–</td>" * 4 in shown
    assert "회원이 10명보다" not in korean.get("/results/experiments/learning-on").text
    headers = {"Authorization": f"Bearer {counted.secrets[OPERATOR]}"}
    told = counted.app.test_client().get("/v1/results/experiments/just-begun", headers=headers).json
    assert told is not None
    first, second = told["arms"]
    assert (first["members"], first["clicked"]) == (12, 20)
    assert second["members"] == 9
    unsaid = ("clicked", "applied", "after_click", "applications", "applied_anyway", "events")
    assert {second[name] for name in unsaid} == {None}


def test_a_campaigns_page_warns_of_variants_that_do_not_name_themselves(korean: Browserlike) -> None:
    shown = korean.get("/results/campaigns/weekly-digest").text
    assert "하나씩 짝지어지지 않습니다" in shown
    assert "+12.5%" in shown  # the mailed beside those held back
    assert "지원한 공고와 비슷함" in shown


def test_the_list_has_every_experiment_and_campaign(korean: Browserlike) -> None:
    shown = korean.get("/results").text
    for path in ("experiments/learning-on", "experiments/aa-check", "campaigns/weekly-digest"):
        assert f"/results/{path}" in shown
    assert "11월 22일 (일) 03:40에 집계했습니다" in shown


def test_nothing_counted_is_said(site: Site) -> None:
    assert "Nothing has been counted yet." in site.signed_in().get("/results").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("base=3&lift=10", "회원 106,421명이면 3%에서 10%의 차이를"),
        ("base=3%25&members=200,000", "3%에서 7.2% 이상의 차이를"),
        ("base=3&members=2", "어떤 차이도 볼 수 없습니다"),
        ("base=&lift=10", "퍼센트로 적어 주세요"),
        ("base=3&lift=10&members=5", "하나만 적어 주세요"),
        ("base=3&lift=10&arms=9", "2개에서 8개까지"),
        ("base=60&lift=90", "있을 수 없습니다"),
        ("base=nan&lift=<b>", "퍼센트로 적어 주세요"),
        ("base=3&members=" + "9" * 20, "차이를"),
    ],
)
def test_members_beforehand(korean: Browserlike, query: str, said: str) -> None:
    answer = korean.get(f"/results?{query}")
    assert (answer.status_code, said in answer.text) == (200, True)
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    "path", ["/results/experiments/none", "/results/campaigns/none", "/results/campaigns/%00"]
)
def test_what_was_not_counted_is_not_found(korean: Browserlike, path: str) -> None:
    assert korean.get(path).status_code == 404


def test_who_is_not_signed_in_sees_nothing(counted: Site) -> None:
    assert counted.client().get("/results/experiments/learning-on").status_code == 303
