"""Whose a field is: whatever Braze says and people type in whatever order, what was typed stays and the rest is Braze's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.campaigns import Draft, RegisteredCampaign
from app.capacity.register.in_braze import (
    InBraze,
    ScheduledSend,
    differences,
    first_draft,
    free_name,
    is_unfinished,
    is_untouched,
    key_without_template,
    missing,
    updated_draft,
)

ZONE = "Asia/Seoul"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
NAMES = ("주간 추천", "마감 임박", "x" * 100, "  two\nlines ", "")
TIMES = (
    *("2026-12-08T00:00:00Z", "2026-12-08T09:00:00+09:00", "2026-12-09T01:30:45Z"),
    *("2026-12-10T10:00:00", "2027-01-01T00:00:00-11:00"),
)
SCHEDULES = (ZONE, "local_time_zones", "intelligent_delivery", "unknown")

sends = st.builds(
    ScheduledSend,
    id=st.just("b-1"),
    name=st.sampled_from(NAMES),
    kind=st.sampled_from(["campaign", "canvas"]),
    at=st.sampled_from(TIMES),
    schedule=st.sampled_from(SCHEDULES),
    tags=st.just(()),
    key=st.sampled_from([None, "weekly", "daily"]),
)
typed = st.fixed_dictionaries(
    {},
    optional={
        "audience": st.integers(0, 1_000_000),
        "limit_per_min": st.sampled_from([10, 5_000]),
        "name": st.sampled_from(["우리 이름", "둘째"]),
        "at": st.sampled_from(["2026-12-08T09:00:00", "2026-12-11T07:00:00"]),
        "finish_by": st.sampled_from(["2026-12-08T12:00:00", "2026-12-30T12:00:00"]),
        "kind": st.sampled_from(["at_once", "rate_limited"]),
        "priority": st.integers(1, 9),
    },
)


def on_record(draft: Draft, send: ScheduledSend, gives: Any) -> RegisteredCampaign:
    found = InBraze(id=send.id, told=send.told(), given=gives, findings=(), read_at=NOW)
    return RegisteredCampaign(
        id=1,
        key=draft.key,
        owner=draft.owner,
        braze_campaign_id=draft.braze_campaign_id,
        definition=draft.definition,
        version=1,
        created_at=NOW,
        created_by="cron",
        updated_at=NOW,
        updated_by="cron",
        in_braze=found,
    )


def pulled(one: RegisteredCampaign, send: ScheduledSend) -> RegisteredCampaign:
    assert one.in_braze is not None
    draft, gives = updated_draft(one, one.in_braze, send, ZONE, ())
    return replace(
        one,
        key=draft.key,
        definition=draft.definition,
        in_braze=replace(one.in_braze, told=send.told(), given=gives),
    )


def reads(one: RegisteredCampaign) -> bool:
    try:
        one.campaign()
    except DefinitionError:
        return False
    return True


@given(first=sends, steps=st.lists(st.one_of(sends, typed), max_size=8))
def test_what_was_typed_stays_and_the_rest_is_brazes(first: ScheduledSend, steps: list[Any]) -> None:
    one = on_record(*_draft(first))
    for step in steps:
        if isinstance(step, dict):
            one = replace(one, definition={**one.definition, **step})
            continue
        assert one.in_braze is not None
        before, gave, could = dict(one.definition), dict(one.in_braze.given), reads(one)
        one = pulled(one, step)
        theirs = {name: value for name, value in before.items() if gave.get(name) != value}
        assert {name: one.definition.get(name) for name in theirs} == theirs
        assert reads(one) or not could  # no pull spoils what could be judged
        again = pulled(one, step)
        assert (again.definition, again.key, again.in_braze) == (one.definition, one.key, one.in_braze)
        for other in differences(one, ZONE):
            assert other.here != other.there


@given(send=sends, taken=st.sets(st.sampled_from([*NAMES, "주간 추천 2026-12-08", "주간 추천 (2)"])))
def test_a_new_one_is_unfinished_until_a_person_says_the_rest(send: ScheduledSend, taken: set[str]) -> None:
    draft, gives = first_draft(send, ZONE, taken, None)
    one = on_record(draft, send, gives)
    assert one.name not in taken
    assert one.name.isprintable()
    assert 0 < len(one.name) <= 100
    assert is_unfinished(one)
    assert is_untouched(one)
    assert missing(one.definition)[0] == "audience"
    said = {
        "audience": 10,
        "limit_per_min": 5_000,
        "zones": {ZONE: 1},
        "users_per_hour": [1] * 24,
        "fallback_share": 0.5,
        "fallback_at": "09:00:00",
    }
    done = replace(
        one, definition={**draft.definition, **{name: said[name] for name in missing(draft.definition)}}
    )
    assert reads(done)
    assert not is_unfinished(done)
    assert not is_untouched(done)
    following, _ = first_draft(replace(send, at="2027-03-01T00:00:00Z"), ZONE, {one.name}, done)
    assert {**following.definition, "name": 0, "at": 0, "on": 0} == {
        **done.definition,
        "name": 0,
        "at": 0,
        "on": 0,
    }
    assert following.definition["name"] != one.name


@given(name=st.text(max_size=120), taken=st.sets(st.text(min_size=1, max_size=5)), day=st.booleans())
def test_any_name_of_brazes_becomes_one_that_is_free(name: str, taken: set[str], *, day: bool) -> None:
    found = free_name(name, {"at": "2026-12-08T09:00:00"}, taken, day=day)
    assert found not in taken
    assert found.isprintable()
    assert 0 < len(found) <= 100


def test_a_key_is_made_up_where_the_template_has_none() -> None:
    assert key_without_template("0E5F-aa..") == "braze-0e5faa"
    assert key_without_template("가나") == "braze-send"


def _draft(send: ScheduledSend) -> tuple[Draft, ScheduledSend, Any]:
    draft, gives = first_draft(send, ZONE, (), None)
    return draft, send, gives
