"""A campaign that repeats weekly is so many campaigns, each with days and a name of its own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from app.capacity.plan.json_values import DefinitionError, read_repeated
from app.capacity.plan.repeats import begins_on, dated, follow, moved, next_week, repeated, undated
from app.capacity.plan.table import PlanError

DIGEST: dict[str, Any] = {
    "name": "주간 추천",
    "kind": "rate_limited",
    "audience": 1_200_000,
    "at": "2026-11-23T09:00:00",
    "finish_by": "2026-11-23T12:00:00",
    "limit_per_min": 50_000,
    "quiet_hours": {"begin": "21:00:00", "end": "08:00:00"},
}
wall = datetime.fromisoformat


def test_each_week_until_the_day_named_has_its_own_times_and_name() -> None:
    found = read_repeated({**DIGEST, "repeat_weekly_until": "2026-12-07"})
    assert [(one["name"], one["at"], one["finish_by"]) for one in found] == [
        ("주간 추천", "2026-11-23T09:00:00", "2026-11-23T12:00:00"),
        ("주간 추천 2026-11-30", "2026-11-30T09:00:00", "2026-11-30T12:00:00"),
        ("주간 추천 2026-12-07", "2026-12-07T09:00:00", "2026-12-07T12:00:00"),
    ]
    assert all(
        {**one, "name": "", "at": "", "finish_by": ""} == {**DIGEST, "name": "", "at": "", "finish_by": ""}
        for one in found
    )


def test_times_of_a_file_and_of_json_move_alike() -> None:
    timed = {"name": "x", "on": date(2026, 12, 28), "launched_at": wall("2026-12-27T10:00"), "audience": 5}
    by = wall("2026-01-08") - wall("2026-01-01")
    assert moved(timed, by) == {
        "name": "x",
        "on": date(2027, 1, 4),
        "launched_at": wall("2027-01-03T10:00"),
        "audience": 5,
    }
    assert moved({"on": "2026-12-28", "at": "no day", "ends_at": 7}, by) == {
        "on": "2027-01-04",
        "at": "no day",
        "ends_at": 7,
    }


@pytest.mark.parametrize(
    "until",
    ["2026-11-23", "2026-11-29", "2026-11-01", "2027-11-30", "soon", "", 7, True, [], {}, "9999-12-31"],
)
def test_an_end_that_repeats_nothing_or_for_over_a_year_is_refused_by_its_field(until: object) -> None:
    with pytest.raises(
        DefinitionError, match="one to 52 weeks after the start, such as 2026-12-21"
    ) as refused:
        read_repeated({**DIGEST, "repeat_weekly_until": until})
    assert refused.value.field == "repeat_weekly_until"
    with pytest.raises(PlanError, match=r"campaigns\[3\]"):
        repeated(3, {**DIGEST, "repeat_weekly_until": until})


def test_a_year_of_weeks_is_the_most() -> None:
    assert len(repeated(1, {**DIGEST, "repeat_weekly_until": "2027-11-22"})) == 53


@pytest.mark.parametrize("at", [None, "", "tomorrow", 5, ["2026-11-23"], "9999-12-31T09:00:00"])
def test_a_start_that_cannot_be_read_is_refused_as_without_repeating(at: object) -> None:
    with pytest.raises(DefinitionError):
        read_repeated({**DIGEST, "at": at, "repeat_weekly_until": "2026-12-07"})


def test_a_name_has_one_day_beside_it_and_never_grows_too_long() -> None:
    assert dated("digest 2026-11-23", date(2026, 11, 30)) == "digest 2026-11-30"
    assert undated("digest 2026-11-23") == "digest"
    assert undated("2026-11-23 digest") == "2026-11-23 digest"
    assert len(dated("x" * 100, date(2026, 11, 30))) == 100


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-20T10:00", "2026-11-30"),  # it is yet to come: the week after it
        ("2026-11-25T10:00", "2026-11-30"),  # it was this week
        ("2026-11-30T08:59", "2026-11-30"),
        ("2026-11-30T09:00", "2026-12-07"),
        ("2027-03-03T12:00", "2027-03-08"),  # months ago: next Monday
    ],
)
def test_a_duplicate_is_for_the_same_weekday_of_the_next_week_to_come(now: str, day: str) -> None:
    again = next_week(DIGEST, wall(now))
    assert again["at"] == f"{day}T09:00:00"
    assert again["finish_by"] == f"{day}T12:00:00"
    assert again["name"] == f"주간 추천 {day}"
    assert begins_on(again) == date.fromisoformat(day)


def test_an_edit_carried_on_changes_what_it_changed_and_leaves_the_rest() -> None:
    before = {**DIGEST, "name": "digest"}
    after = {
        **before,
        "name": "letter",
        "at": "2026-11-24T10:00:00",
        "finish_by": "2026-11-24T13:00:00",
        "limit_per_min": 25_000,
    }
    other = {
        **moved(DIGEST, wall("2026-12-07") - wall("2026-11-23")),
        "name": "digest 2026-12-07",
        "audience": 2_000_000,
        "priority": 1,
    }
    found = follow(before, after, other)
    assert found == {
        **other,
        "name": "letter 2026-12-08",
        "at": "2026-12-08T10:00:00",
        "finish_by": "2026-12-08T13:00:00",
        "limit_per_min": 25_000,
    }
    assert follow(before, {**before, "priority": 2}, {**other, "name": "special"})["name"] == "special"
    without = {name: value for name, value in before.items() if name != "finish_by"}
    assert "finish_by" not in follow(before, without, other)
