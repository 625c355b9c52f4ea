"""The planner's API on many campaigns: searched a page at a time, repeated, duplicated, and edited from one on."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from icalendar import Calendar

from tests.web.planner_service import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "name": "주간 추천",
    "kind": "rate_limited",
    "audience": 100_000,
    "at": "2026-11-23T09:00:00",
    "limit_per_min": 5_000,
}


@pytest.fixture
def planner(board_url: str) -> Iterator[Planner]:
    planner = Planner(board_url, now=NOW)
    yield planner
    planner.engine.dispose()


@pytest.fixture
def first(planner: Planner) -> Any:
    made = planner.ask("POST", "/campaigns", draft(repeat_weekly_until="2026-12-07"))
    assert made.status_code == 201
    return made.json


def draft(**changes: Any) -> dict[str, Any]:
    return {"key": "weekly-digest", "owner": "kim", "definition": {**DEFINITION, **changes}}


def test_a_definition_that_repeats_makes_a_series(planner: Planner, first: Any) -> None:
    assert first["series"] == first["id"]
    found = planner.ask("GET", "/campaigns").json
    assert [(one["name"], one["series"]) for one in found["campaigns"]] == [
        ("주간 추천", first["id"]),
        ("주간 추천 2026-11-30", first["id"]),
        ("주간 추천 2026-12-07", first["id"]),
    ]
    assert (found["total"], found["page"], found["pages"]) == (3, 1, 1)
    refused = planner.ask("POST", "/campaigns", draft(name="x", repeat_weekly_until="2026-11-23"))
    assert (refused.status_code, refused.json["parameter"]) == (400, "repeat_weekly_until")


def test_an_edit_and_a_removal_reach_those_that_follow_where_they_are_asked_to(
    planner: Planner, first: Any
) -> None:
    path = f"/campaigns/{first['id']}"
    assert planner.ask("PUT", path, draft(audience=1), version=1).json["version"] == 2
    planner.ask("PUT", f"{path}?following=true", draft(audience=2), version=2)
    audiences = [one["definition"]["audience"] for one in planner.ask("GET", "/campaigns").json["campaigns"]]
    assert audiences == [2, 2, 2]
    assert planner.ask("DELETE", f"{path}?following=maybe", version=3).status_code == 400
    planner.ask("DELETE", f"{path}?following=true", version=3)
    assert planner.ask("GET", "/campaigns").json["campaigns"] == []
    assert planner.ask("GET", "/campaigns?removed=true").json["total"] == 3


def test_a_duplicate_is_put_on_record_for_the_next_week(planner: Planner, first: Any) -> None:
    again = planner.ask("POST", f"/campaigns/{first['id']}/duplicate")
    assert (again.status_code, again.json["parameter"]) == (409, "name")  # that week has its send
    planner.ask("DELETE", "/campaigns/2?following=true", version=1)
    again = planner.ask("POST", f"/campaigns/{first['id']}/duplicate")
    assert again.status_code == 201
    assert again.headers["Location"] == f"/v1/capacity/campaigns/{again.json['id']}"
    assert again.json["definition"]["at"] == "2026-11-30T09:00:00"
    assert again.json["series"] is None
    assert planner.ask("POST", "/campaigns/99/duplicate").status_code == 404


def test_a_page_of_what_is_asked_for_is_shown(planner: Planner, first: Any) -> None:
    names = [
        one["name"]
        for one in planner.ask("GET", "/campaigns?q=11-30&when=coming&sort=-name&page=1").json["campaigns"]
    ]
    assert names == [f"{first['name']} 2026-11-30"]
    assert planner.ask("GET", "/campaigns?when=past").json["campaigns"] == []
    beyond = planner.ask("GET", "/campaigns?page=99").json
    assert (beyond["page"], beyond["pages"], beyond["total"]) == (1, 1, 3)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("when=soon", "when"),
        ("sort=id", "sort"),
        ("sort=name%20DESC", "sort"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1e3", "page"),
        (f"page={'9' * 4_000}", "page"),
        ("page=%D9%A3", "page"),
    ],
)
def test_what_cannot_be_asked_is_named(planner: Planner, query: str, named: str) -> None:
    refused = planner.ask("GET", f"/campaigns?{query}")
    assert (refused.status_code, refused.json["parameter"]) == (400, named)


def test_the_calendar_is_a_file_for_programs_and_for_calendars(planner: Planner, first: Any) -> None:
    table = planner.ask("GET", "/calendar.csv?from=2026-11-23&until=2026-11-30")
    assert table.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(table.data.decode(), newline="")))
    assert [(row["number"], row["name"], row["starts_at"], row["verdict"]) for row in rows] == [
        (str(first["id"]), "주간 추천", "2026-11-23 09:00", "RETEST"),
        (str(first["id"] + 1), "주간 추천 2026-11-30", "2026-11-30 09:00", "RETEST"),
    ]
    for lang, said in (("ko", "아직 부하 테스트 결과가 없어"), ("en", "Nobody can say yet")):
        calendar: Any = Calendar.from_ical(planner.ask("GET", f"/calendar.ics?lang={lang}").data)
        events = calendar.walk("VEVENT")
        assert len(events) == 3
        assert said in events[0]["DESCRIPTION"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("from=today", "from"),
        ("until=2026-02-30", "until"),
        ("from=0001-01-01", "from"),
        ("until=2099-12-31", "until"),
    ],
)
def test_a_day_of_no_calendar_is_named(planner: Planner, query: str, named: str) -> None:
    refused = planner.ask("GET", f"/calendar.csv?{query}")
    assert (refused.status_code, refused.json["parameter"]) == (400, named)
    assert planner.ask("GET", "/calendar.ics?lang=fr").json["parameter"] == "lang"
