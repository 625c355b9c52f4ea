"""A campaign as JSON values is judged by the plan file's own reader, and written as a plan file that says the same."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.capacity.campaign import AllAtOnce, QuietHours, Range
from app.capacity.plan.file_text import as_plan_text
from app.capacity.plan.json_values import DefinitionError, read_definition, read_workspace
from app.capacity.plan.plan import parse_plan
from app.capacity.plan.table import PlanError
from app.capacity.plan.times import as_json_values, as_plan_values

DIGEST: dict[str, Any] = {
    "name": "weekly digest",
    "kind": "rate_limited",
    "audience": 1_200_000,
    "at": "2026-11-23T09:00",
    "limit_per_min": 50_000,
}
EVERY_FIELD: dict[str, Any] = {
    "name": '따옴표 " 와 \\ 그리고 🎉',
    "kind": "local_time_zones",
    "audience": {"low": 1, "likely": 2, "high": 3},
    "at": "2026-11-23T09:00:00",
    "launched_at": "2026-11-22T09:00:00",
    "limit_per_min": 500,
    "calls_per_recipient": {"low": 1, "likely": 2.5, "high": 3},
    "burst": 1e1,
    "retry": True,
    "abort_on_failure": False,
    "host": "jobs.example",
    "zones": {"Asia/Seoul": 95, "America/New_York": 4.5, "unknown": 0.5},
    "quiet_hours": {"begin": "21:00:00", "end": "08:00:00"},
    "finish_by": "2026-11-24T09:00:00",
    "priority": 1,
}


def test_times_are_read_from_text_and_written_back_in_one_form() -> None:
    campaign, kept = read_definition(DIGEST)
    assert (campaign.timing, campaign.audience) == (
        AllAtOnce(datetime.fromisoformat("2026-11-23T09:00")),
        Range.exactly(1_200_000),
    )
    assert kept == {**DIGEST, "at": "2026-11-23T09:00:00"}
    assert read_definition(kept) == (campaign, kept)


def test_a_field_that_is_null_counts_as_left_out() -> None:
    assert (
        read_definition({**DIGEST, "finish_by": None, "quiet_hours": None})[1] == read_definition(DIGEST)[1]
    )


def test_all_kinds_of_times_are_converted_and_nothing_else_is() -> None:
    values = {
        "at": "2026-11-23T09:00",
        "on": "2026-11-23",
        "fallback_at": "09:30",
        "quiet_hours": {"begin": "21:00", "end": "08:00"},
        "name": "2026-11-23",
        "host": "09:30",
    }
    timed = as_plan_values(values)
    assert timed == {
        "at": datetime.fromisoformat("2026-11-23T09:00"),
        "on": date(2026, 11, 23),
        "fallback_at": time(9, 30),
        "quiet_hours": {"begin": time(21), "end": time(8)},
        "name": "2026-11-23",
        "host": "09:30",
    }
    assert as_plan_values(as_json_values(timed)) == timed


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"audience": -1}, "audience", "Audience is -1; write a whole number from 0 to 100,000,000."),
        ({"at": "9 o'clock"}, "at", 'At is "9 o\'clock"; write a local date and time on a whole minute'),
        ({"at": "2026-02-30T09:00"}, "at", 'At is "2026-02-30T09:00"; write a local date'),
        ({"at": "2026-11-23T09:00+09:00"}, "at", "At is "),
        ({"at": 5}, "at", "At is 5; write a local date"),
        (
            {"finish_by": "2026-11-23T08:00"},
            "finish_by",
            'Finish_by is "2026-11-23 08:00:00"; write a time after',
        ),
        ({"quiet_hours": {"begin": "21:00"}}, "quiet_hours", "Quiet_hours: end is missing"),
        ({"audiense": 5}, "audiense", '"audiense" is not a field of this table; write audience instead.'),
        ({"name": ""}, "name", 'Name is ""; write a name'),
        ({"name": None}, "name", "Name is missing"),
        ({"name": {"a": 1}}, "name", 'Name is {"a": 1}; write a name in quotes.'),
        ({"kind": "both"}, "kind", 'Kind is "both"; write "at_once"'),
        ({"zones": {"Mars/Olympus": 1}}, "zones", 'Zones "Mars/Olympus" is not a time zone'),
    ],
)
def test_a_misfit_names_its_field_and_says_how_to_mend_it(
    change: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(DefinitionError) as refused:
        read_definition({**DIGEST, **change})
    assert refused.value.field == field
    assert str(refused.value).startswith(sentence)
    assert "campaigns[1]" not in str(refused.value)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_values_nested_too_deeply_are_refused() -> None:
    with pytest.raises(DefinitionError):
        read_definition({**DIGEST, "audience": nested(5_000)})
    with pytest.raises(DefinitionError):
        read_workspace({"time_zone": "Asia/Seoul", "judging": nested(5_000)})


def test_the_plan_file_written_of_every_field_reads_as_the_same_campaign() -> None:
    campaign, kept = read_definition(EVERY_FIELD)
    plan = parse_plan(as_plan_text({"time_zone": "Asia/Seoul", "workspace_limit_per_min": 100_000}, [kept]))
    assert plan.campaigns == (campaign,)
    assert campaign.quiet_hours == QuietHours(time(21), time(8))
    assert (plan.workspace.time_zone, plan.workspace.limit_per_min) == ("Asia/Seoul", 100_000)


# Whatever JSON may hold, hostile keys included.
_TEXTS = st.text(max_size=6)
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)

_TABLES = st.dictionaries(_TEXTS, _JSON, max_size=3)


@given(st.dictionaries(st.sampled_from(sorted(EVERY_FIELD)) | _TEXTS, _JSON, max_size=4))
@settings(max_examples=200)
def test_any_json_is_read_or_refused_and_what_is_read_survives_a_plan_file(change: dict[str, Any]) -> None:
    try:
        campaign, kept = read_definition({**EVERY_FIELD, **change})
    except DefinitionError:
        return
    assert parse_plan(as_plan_text({"time_zone": "Asia/Seoul"}, [kept])).campaigns == (campaign,)


@given(_TABLES, st.lists(_TABLES, max_size=2))
@settings(max_examples=200)
def test_no_json_writes_more_into_a_plan_file_than_its_own_values(
    top: dict[str, Any], campaigns: list[Any]
) -> None:
    """A text cannot end its quotes: what was written is what a TOML reader finds, or it is refused."""
    try:
        text = as_plan_text(top, campaigns)
        found = tomllib.loads(text)
    except (PlanError, ValueError):
        return
    written = [as_plan_values(one) for one in campaigns]
    assert found.pop("campaigns", []) in (written, top.get("campaigns", []))
    assert found == {name: value for name, value in as_plan_values(top).items() if name != "campaigns"}


def test_a_workspace_is_judged_by_the_plan_files_reader_too() -> None:
    fits = {
        "time_zone": "Asia/Seoul",
        "workspace_limit_per_min": 100_000,
        "judging": {"usable_share": 0.5, "offered_limits_per_min": [10, 500]},
        "assumptions": {"minute_shape": "block"},
    }
    assert read_workspace(fits) == fits


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({}, "time_zone", "Time_zone is missing"),
        ({"time_zone": "Korea"}, "time_zone", 'Time_zone is "Korea"; write an IANA zone'),
        ({"time_zone": "UTC", "judging": {"usable_share": 2}}, "judging", "Judging: usable_share is 2"),
        (
            {"time_zone": "UTC", "service": {"ceiling_rps": 9}},
            "service",
            '"service" is not a field of the workspace',
        ),
        ({"time_zone": "UTC", "assumptions": None, "seed": 1}, "seed", '"seed" is not a field'),
    ],
)
def test_a_workspace_that_does_not_fit_is_refused(values: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        read_workspace(values)
    assert (refused.value.field, str(refused.value)[: len(sentence)]) == (field, sentence)
