"""The API of results: counts and differences, for operators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.planner_service import OPERATOR, Planner
from tests.web.worked_results import put_results

if TYPE_CHECKING:
    from collections.abc import Iterator

POWER = {"base_share": "0.03"}


@pytest.fixture(scope="module")
def ask(planner_of_module: Planner) -> Any:
    put_results(planner_of_module.engine)

    def get(path: str, **query: str) -> Any:
        client = planner_of_module.app.test_client()
        return client.get(f"/v1/results{path}", headers={"Authorization": OPERATOR}, query_string=query)

    return get


def test_all_that_was_counted_is_listed(ask: Any) -> None:
    found = ask("").json
    assert {one["experiment"] for one in found["experiments"]} == {
        "aa-check",
        "learning-on",
        "broken-split",
        "just-begun",
    }
    assert [(one["campaign"], one["day"]) for one in found["campaigns"]] == [("weekly-digest", "2026-11-20")]


def test_an_experiment_says_what_may_be_concluded(ask: Any) -> None:
    running = ask("/experiments/learning-on").json
    (one,) = running["comparisons"]
    assert (one["conclusion"], one["applied"]["method"], running["at_planned_end"]) == (
        "better",
        "gavi",
        False,
    )
    assert running["sentences"]["ko"][0].startswith("B안에서 지원한 회원이 12% 많았습니다 (95% 신뢰구간 ")
    ended = ask("/experiments/aa-check").json
    assert (ended["comparisons"][0]["conclusion"], ended["at_planned_end"]) == ("no_difference", True)


def test_an_uneven_split_has_no_differences(ask: Any) -> None:
    found = ask("/experiments/broken-split").json
    assert (found["withheld"], found["comparisons"]) == (True, [])


def test_a_campaign_has_its_sends_from_a_day_on(ask: Any) -> None:
    found = ask("/campaigns/weekly-digest").json
    assert [(one["day"], one["still_grows"]) for one in found["sends"]] == [
        ("2026-11-20", True),
        ("2026-11-13", False),
        ("2026-11-06", False),
    ]
    assert found["by_position"][0]["name"] == "1"
    assert found["variants_not_one_to_one"] == ["4b9f2c1e-variant-one", "77aa01d2-variant-two"]
    assert found["held_back"][0]["difference"]["absolute"]["low"] > 0
    assert len(ask("/campaigns/weekly-digest", since="2026-11-14").json["sends"]) == 1


@pytest.mark.parametrize(
    "path", ["/experiments/none", "/campaigns/none", "/experiments/%00", "/campaigns/%00"]
)
def test_what_was_not_counted_is_not_there(ask: Any, path: str) -> None:
    assert ask(path).status_code == 404


def test_members_and_differences_beforehand(ask: Any) -> None:
    assert ask("/power", **POWER, lift="0.1").json["members"] == 106_421
    assert ask("/power", **POWER, members="200000").json["lift"] == pytest.approx(0.0725, abs=1e-4)
    assert ask("/power", **POWER, members="3").json["lift"] is None
    assert ask("/power", **POWER, lift="0.1", arms="3").json["members"] > 106_421


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "base_share"),
        ({"base_share": "3"}, "base_share"),
        ({"base_share": "nan"}, "base_share"),
        (POWER, "lift"),
        ({**POWER, "lift": "1", "members": "5"}, "lift"),
        ({**POWER, "lift": "x"}, "lift"),
        ({**POWER, "lift": "0.1", "arms": "2.5"}, "arms"),
        ({**POWER, "lift": "0.1", "arms": "11"}, "arms"),
    ],
)
def test_what_does_not_fit_is_named(ask: Any, query: dict[str, str], parameter: str) -> None:
    got = ask("/power", **query)
    assert (got.status_code, got.json["parameter"]) == (400, parameter)


def test_an_impossible_difference_is_a_sentence(ask: Any) -> None:
    got = ask("/power", base_share="0.6", lift="0.9")
    assert (got.status_code, "cannot become" in got.json["detail"]) == (400, True)


def test_a_day_that_is_none_is_named(ask: Any) -> None:
    got = ask("/campaigns/weekly-digest", since="yesterday")
    assert (got.status_code, got.json["parameter"]) == (400, "since")


def test_an_experiment_has_no_part_of_its_days(ask: Any) -> None:
    got = ask("/experiments/learning-on", since="2026-11-14")
    assert (got.status_code, got.json["parameter"]) == (400, "since")
    assert "counted whole" in got.json["detail"]


@pytest.fixture(scope="module")
def planner_of_module(server_url: str, template: str) -> Iterator[Planner]:
    name = _create(server_url, "cj_results", template)
    planner = Planner(_url_of(server_url, name), now=datetime(2026, 11, 22, 3, tzinfo=UTC))
    yield planner
    planner.engine.dispose()
    _drop(server_url, name)
