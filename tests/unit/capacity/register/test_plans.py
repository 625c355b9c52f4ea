"""What is on record becomes a plan; what was counted finds the campaign it belongs to and fills what was left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.capacity.calibration import Calibration, ForecastErrors, MeasuredSend
from app.capacity.campaign import Range
from app.capacity.plan.json_values import DefinitionError, read_plan_values
from app.capacity.plan.plan import parse_plan
from app.capacity.plan.table import PlanError
from app.capacity.register.campaigns import Draft, RegisteredCampaign, WorkspaceSettings, read_draft
from app.capacity.register.plans import (
    Calibrated,
    calibrations,
    in_turn,
    meets,
    plan_of,
    sends_of,
    span,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEOUL = "Asia/Seoul"
WORKSPACE = WorkspaceSettings(
    definition={"time_zone": SEOUL, "workspace_limit_per_min": 100_000},
    version=1,
    updated_at=NOW,
    updated_by="kim",
)


def on_record(number: int = 1, key: str = "weekly", **definition: Any) -> RegisteredCampaign:
    fields = {
        "name": f"digest {number}",
        "kind": "rate_limited",
        "audience": 600_000,
        "at": "2026-11-23T09:00:00",
        "limit_per_min": 10_000,
    }
    return RegisteredCampaign(
        id=number,
        key=key,
        owner="kim",
        braze_campaign_id=None,
        definition=fields | definition,
        version=1,
        created_at=NOW,
        created_by="kim",
        updated_at=NOW,
        updated_by="kim",
    )


def counted(name: str, at: datetime, *, calls: int = 2_000, members: int = 1_000) -> MeasuredSend:
    return MeasuredSend(
        key="weekly",
        send=name,
        first_at=at,
        last_at=at + timedelta(minutes=10),
        calls=calls,
        degraded=0,
        peak_rps=100,
        peak_at=at,
        members=Range.exactly(members),
        calls_per_recipient=Range.exactly(calls / members),
        burst=None,
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Drafts.
def test_a_draft_is_read_and_its_definition_kept_in_one_form() -> None:
    values = {"key": "weekly-digest", "owner": "김마케터", "definition": on_record().definition}
    assert read_draft(values) == Draft(
        key="weekly-digest", owner="김마케터", definition=on_record().definition
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "Weekly"}, "key"),
        ({"key": None}, "key"),
        ({"key": "a" * 65}, "key"),
        ({"owner": " "}, "owner"),
        ({"owner": "a\nb"}, "owner"),
        ({"owner": "a" * 101}, "owner"),
        ({"braze_campaign_id": "<script>"}, "braze_campaign_id"),
        ({"braze_campaign_id": 5}, "braze_campaign_id"),
        ({"definition": []}, "definition"),
        ({"definition": {"name": "x", "kind": "at_once", "audience": "many"}}, "at"),
        ({"version": 3}, None),
    ],
)
def test_a_draft_that_does_not_fit_names_its_field(change: dict[str, Any], field: str | None) -> None:
    values = {"key": "weekly", "owner": "kim", "definition": on_record().definition}
    with pytest.raises(DefinitionError) as refused:
        read_draft(values | change)
    assert refused.value.field == field


# Plans.
def test_the_plan_of_campaigns_is_the_plan_file_that_it_is_shown_as() -> None:
    found = plan_of(WORKSPACE, [on_record(1), on_record(2, audience={"low": 1, "likely": 2, "high": 3})])
    assert found is not None
    assert parse_plan(found.text) == found.plan
    assert [one.name for one in found.plan.campaigns] == ["digest 1", "digest 2"]
    assert (found.plan.workspace.time_zone, found.plan.workspace.limit_per_min) == (SEOUL, 100_000)
    assert found.calibrated == ()


def test_a_plan_has_the_campaigns_that_may_send_in_its_window() -> None:
    """09:00 to 10:00 in Seoul, at 10,000 a minute: 00:00 to 01:00 UTC."""

    def is_in(begin: str, until: str) -> bool:
        return meets(on_record(), SEOUL, (utc(begin), utc(until)))

    assert is_in("2026-11-23T00:00", "2026-11-23T00:01")
    assert is_in("2026-11-23T00:59", "2026-11-23T02:00")
    assert not is_in("2026-11-23T01:02", "2026-11-23T02:00")
    assert not is_in("2026-11-22T00:00", "2026-11-23T00:00")


def test_a_send_by_local_time_is_in_the_windows_of_the_first_and_the_last_zone() -> None:
    begins, ends = span(on_record(kind="local_time_zones", zones={SEOUL: 1}).campaign(), SEOUL)
    assert begins <= utc("2026-11-22T19:00")  # 09:00 at UTC+14
    assert ends >= utc("2026-11-23T20:00")  # 09:00 at UTC-11


def test_a_send_held_by_quiet_hours_is_in_the_window_of_their_end() -> None:
    quiet = on_record(quiet_hours={"begin": "08:00:00", "end": "20:00:00"}, audience=10)
    assert meets(quiet, SEOUL, (utc("2026-11-23T11:00"), utc("2026-11-23T11:01")))


def test_more_campaigns_than_a_plan_file_takes_are_planned_together() -> None:
    found = plan_of(WORKSPACE, [on_record(number) for number in range(101)])
    assert found is not None
    assert len(found.plan.campaigns) == 101


def test_who_was_put_on_record_or_changed_first_goes_first() -> None:
    changed = replace(on_record(1), updated_at=NOW + timedelta(hours=1))
    assert [one.id for one in in_turn([on_record(3), changed, on_record(2)])] == [2, 3, 1]


CALIBRATION = Calibration(
    calls_per_recipient=Range(1.9, 2.0, 2.1),
    burst=Range(1.5, 1.8, 2.2),
    send="d-1",
    measured_at=NOW,
    errors=ForecastErrors(calls=0.1, recipients=0.0, calls_per_recipient=0.1, burst=None),
)


def test_the_last_measured_send_stands_in_for_what_nobody_wrote_and_the_plan_says_so() -> None:
    written = on_record(2, burst=3)
    found = plan_of(WORKSPACE, [on_record(1), written], calibrations={"weekly": CALIBRATION})
    assert found is not None
    first, second = found.plan.campaigns
    assert (first.calls_per_recipient, first.burst) == (Range(1.9, 2.0, 2.1), Range(1.5, 1.8, 2.2))
    assert (second.calls_per_recipient, second.burst) == (Range(1.9, 2.0, 2.1), Range.exactly(3))
    said = {
        (one.campaign, one.field): (one.value, one.send, one.measured_at, one.error)
        for one in found.calibrated
    }
    assert said == {
        ("digest 1", "calls_per_recipient"): (Range(1.9, 2.0, 2.1), "d-1", NOW, 0.1),
        ("digest 1", "burst"): (Range(1.5, 1.8, 2.2), "d-1", NOW, None),
        ("digest 2", "calls_per_recipient"): (Range(1.9, 2.0, 2.1), "d-1", NOW, 0.1),
    }
    assert all(isinstance(one, Calibrated) for one in found.calibrated)


def test_another_keys_sends_say_nothing_of_this_campaign() -> None:
    found = plan_of(WORKSPACE, [on_record(key="other")], calibrations={"weekly": CALIBRATION})
    assert found is not None
    assert found.calibrated == ()
    assert found.plan.campaigns[0].calls_per_recipient == Range(1, 2, 3)


def test_a_plan_given_as_json_values_is_the_plan_files() -> None:
    values = {**WORKSPACE.definition, "seed": 7, "campaigns": [on_record().definition]}
    found = read_plan_values(values)
    planned = plan_of(WORKSPACE, [on_record()])
    assert planned is not None
    assert found == replace(planned.plan, seed=7, judging=found.judging)
    assert planned.plan.judging == replace(found.judging, goes_first="listed")


@pytest.mark.parametrize("campaigns", [None, {}, [1], "x", []])
def test_a_plan_without_campaigns_is_refused(campaigns: Any) -> None:
    with pytest.raises(PlanError, match="campaigns"):
        read_plan_values({"time_zone": SEOUL, "campaigns": campaigns})


# Whose send it was.
MONDAY, THURSDAY = on_record(1), on_record(2, at="2026-11-26T09:00:00")


@pytest.mark.parametrize(
    ("first_call", "whose"),
    [
        ("2026-11-22T23:30:00", 1),  # clocks differ
        ("2026-11-23T00:00:03", 1),
        ("2026-11-23T00:59:00", 1),
        ("2026-11-22T05:00:00", None),  # a test the day before
        ("2026-11-25T23:00:00", 2),
        ("2026-11-26T00:00:01", 2),
        ("2026-11-30T00:00:00", 2),
    ],
)
def test_a_send_is_of_the_campaign_of_its_key_that_was_planned_nearest(
    first_call: str, whose: int | None
) -> None:
    sends = [counted("d", utc(first_call))]
    found = {
        one.id: sends_of(one, [MONDAY, THURSDAY, on_record(3, "other")], sends, SEOUL)
        for one in (MONDAY, THURSDAY)
    }
    assert found == {1: sends if whose == 1 else [], 2: sends if whose == 2 else []}


@pytest.mark.parametrize(
    ("members", "audience", "counts"), [(99, 600_000, 0), (100, 600_000, 1), (5, 10, 1), (4, 10, 0)]
)
def test_a_handful_of_members_is_somebody_trying_the_template(
    members: int, audience: int, counts: int
) -> None:
    one = on_record(audience=audience)
    sends = [counted("d", utc("2026-11-23T00:00"), calls=5_000, members=members)]
    assert len(sends_of(one, [one], sends, SEOUL)) == counts


def test_what_braze_says_it_sent_makes_a_send_of_it_whenever_it_was() -> None:
    sends = [replace(counted("d", utc("2026-11-16T00:00"), members=20), sent=300)]
    assert sends_of(MONDAY, [MONDAY], sends, SEOUL) == sends


def test_calls_long_before_the_start_teach_nothing_unless_they_are_many() -> None:
    few, many = (counted("d", utc("2026-11-19T00:00"), members=members) for members in (150, 60_000))
    assert calibrations([MONDAY], {"weekly": [few]}, SEOUL) == {}
    assert "weekly" in calibrations([MONDAY], {"weekly": [many]}, SEOUL)


def test_a_day_of_a_canvas_is_its_own_though_the_next_ones_begin_is_nearer() -> None:
    canvas = on_record(1, kind="canvas_step", limit_per_min=10_000, ends_at="2026-11-29T09:00:00")
    following = on_record(2, at="2026-11-30T09:00:00")
    sends = [counted("2026-11-28", utc("2026-11-28T15:00"))]
    assert sends_of(canvas, [canvas, following], sends, SEOUL) == sends
    assert sends_of(following, [canvas, following], sends, SEOUL) == []


def test_every_send_has_exactly_one_campaign_even_among_twins() -> None:
    twin = on_record(4, name="twin")
    sends = [counted("d", utc("2026-11-23T00:00"))]
    owners = [one.id for one in (MONDAY, twin) if sends_of(one, [MONDAY, twin], sends, SEOUL)]
    assert owners == [1]


def test_the_error_of_a_send_is_of_what_was_forecast_with_the_sends_before_it() -> None:
    """The first was planned with the usual 2 calls, came to 2.5; the second was planned with 2.5, came to 3."""
    first = counted("a", utc("2026-11-23T00:00"), calls=2_500)
    second = counted("b", utc("2026-11-26T00:00"), calls=3_000)
    found = calibrations([MONDAY, THURSDAY], {"weekly": [second, first]}, SEOUL)["weekly"]
    assert found.calls_per_recipient == Range(2.5, 3.0, 3.0)
    assert found.errors is not None
    assert found.errors.calls_per_recipient == pytest.approx(3.0 / 2.5 - 1)
