"""A weekly series in a real Postgres: campaigns of their own, edited and removed one by one or from one on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.campaigns import (
    Draft,
    EditedMeanwhileError,
    NameTakenError,
    RegisteredCampaign,
    read_draft,
)
from app.postgres.engines import planner_engine
from app.postgres.planning.register import PostgresRegister

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST: dict[str, Any] = {
    "name": "주간 추천",
    "kind": "rate_limited",
    "audience": 1_200_000,
    "at": "2026-11-23T09:00:00",
    "limit_per_min": 50_000,
}
DAYS = ["2026-11-23", "2026-11-30", "2026-12-07", "2026-12-14"]


@pytest.fixture
def register(database_url: str) -> Iterator[PostgresRegister]:
    engine = planner_engine(database_url)
    yield PostgresRegister(engine)
    engine.dispose()


def draft(key: str = "weekly-digest", **changes: Any) -> Draft:
    return read_draft({"key": key, "owner": "kim", "definition": {**DIGEST, **changes}})


@pytest.fixture
def first(register: PostgresRegister) -> RegisteredCampaign:
    return register.add(draft(repeat_weekly_until="2026-12-14"), by="kim")


def told(register: PostgresRegister) -> list[tuple[str, str, int]]:
    return [(one.name, one.definition["at"][:10], one.version) for one in register.campaigns()]


def test_each_week_is_a_campaign_of_its_own_with_a_link_to_the_first(
    register: PostgresRegister, first: RegisteredCampaign
) -> None:
    assert told(register) == [
        ("주간 추천", DAYS[0], 1),
        *((f"주간 추천 {day}", day, 1) for day in DAYS[1:]),
    ]
    assert [one.series for one in register.campaigns()] == [first.id] * 4
    assert [one.id for one in register.series(first)] == [one.id for one in register.campaigns()]
    assert "repeat_weekly_until" not in first.definition
    assert [[change.what for change in register.changes(one.id)] for one in register.campaigns()] == [
        ["added"]
    ] * 4
    alone = register.add(draft(name="alone", at="2026-11-24T09:00:00"), by="kim")
    assert (alone.series, register.series(alone)) == (None, ())


def test_a_series_one_of_whose_names_is_taken_puts_nothing_on_record(register: PostgresRegister) -> None:
    register.add(draft(name="주간 추천 2026-12-07"), by="kim")
    with pytest.raises(NameTakenError, match="2026-12-07"):
        register.add(draft(repeat_weekly_until="2026-12-14"), by="kim")
    assert len(register.campaigns()) == 1


def test_an_edit_of_one_leaves_the_others(register: PostgresRegister, first: RegisteredCampaign) -> None:
    register.edit(first.id, draft(audience=5), version=1, by="lee")
    assert [one.version for one in register.campaigns()] == [2, 1, 1, 1]


def test_an_edit_carried_on_changes_those_that_follow_and_none_before(
    register: PostgresRegister, first: RegisteredCampaign
) -> None:
    second = register.series(first)[1]
    third = register.series(first)[2]
    register.edit(
        third.id,
        read_draft({**_values(third), "definition": {**third.definition, "audience": 2_000_000}}),
        version=1,
        by="lee",
    )
    changed = {**second.definition, "at": "2026-12-01T10:00:00", "limit_per_min": 10_000}
    register.edit(
        second.id,
        read_draft({**_values(second), "owner": "lee", "definition": changed}),
        version=1,
        by="lee",
        following=True,
    )
    found = {one.name: one for one in register.campaigns()}
    assert [(name, one.definition["at"]) for name, one in found.items()] == [
        ("주간 추천", "2026-11-23T09:00:00"),
        ("주간 추천 2026-11-30", "2026-12-01T10:00:00"),  # its name is what was typed
        ("주간 추천 2026-12-08", "2026-12-08T10:00:00"),
        ("주간 추천 2026-12-15", "2026-12-15T10:00:00"),
    ]
    assert [one.definition["limit_per_min"] for one in found.values()] == [50_000, 10_000, 10_000, 10_000]
    assert [one.owner for one in found.values()] == ["kim", "lee", "lee", "lee"]
    assert [one.definition["audience"] for one in found.values()] == [
        1_200_000,
        1_200_000,
        2_000_000,
        1_200_000,
    ]


@pytest.mark.parametrize("weeks", [1, -1])
def test_all_are_moved_by_a_week_though_each_takes_the_name_of_another(
    register: PostgresRegister, weeks: int
) -> None:
    begin = register.add(draft(name="digest 2026-11-23", repeat_weekly_until="2026-12-14"), by="kim")
    day = DAYS[1] if weeks > 0 else "2026-11-16"
    register.edit(
        begin.id,
        draft(name=f"digest {day}", at=f"{day}T09:00:00"),
        version=1,
        by="kim",
        following=True,
    )
    names = [one.name for one in register.campaigns()]
    moved = [*DAYS[1:], "2026-12-21"] if weeks > 0 else ["2026-11-16", *DAYS[:3]]
    assert names == [f"digest {day}" for day in moved]


def test_an_edit_that_does_not_fit_one_that_follows_saves_nothing(
    register: PostgresRegister, first: RegisteredCampaign
) -> None:
    third = register.series(first)[2]
    early = {**third.definition, "finish_by": "2026-12-07T09:30:00"}
    register.edit(third.id, read_draft({**_values(third), "definition": early}), version=1, by="lee")
    with pytest.raises(DefinitionError, match=r"주간 추천 2026-12-07 \(campaign 3\)") as refused:
        register.edit(first.id, draft(at="2026-11-23T10:00:00"), version=1, by="kim", following=True)
    assert refused.value.field == "finish_by"
    assert [one.version for one in register.campaigns()] == [1, 1, 2, 1]


def test_a_stale_edit_is_refused_for_all(register: PostgresRegister, first: RegisteredCampaign) -> None:
    register.edit(first.id, draft(audience=5), version=1, by="lee")
    with pytest.raises(EditedMeanwhileError):
        register.edit(first.id, draft(audience=6), version=1, by="kim", following=True)
    with pytest.raises(EditedMeanwhileError):
        register.remove(first.id, version=1, by="kim", following=True)
    assert [one.version for one in register.campaigns()] == [2, 1, 1, 1]


def test_one_is_removed_or_it_with_those_that_follow(
    register: PostgresRegister, first: RegisteredCampaign
) -> None:
    _, second, third, _ = register.series(first)
    register.remove(third.id, version=1, by="kim")
    assert [day for _, day, _ in told(register)] == [DAYS[0], DAYS[1], DAYS[3]]
    register.remove(second.id, version=1, by="kim", following=True)
    assert [day for _, day, _ in told(register)] == [DAYS[0]]
    assert [change.what for change in register.changes(second.id)] == ["removed", "added"]


def test_a_series_is_made_longer_and_one_of_a_single_campaign(
    register: PostgresRegister, first: RegisteredCampaign
) -> None:
    register.edit(first.id, draft(repeat_weekly_until="2026-12-28"), version=1, by="kim")
    assert [day for _, day, _ in told(register)] == [*DAYS, "2026-12-21", "2026-12-28"]
    assert {one.series for one in register.campaigns()} == {first.id}
    alone = register.add(draft(name="alone", at="2026-11-24T09:00:00"), by="kim")
    longer = draft(name="alone", at="2026-11-24T09:00:00", repeat_weekly_until="2026-12-01")
    edited = register.edit(alone.id, longer, version=1, by="kim")
    assert (edited.series, edited.version) == (alone.id, 1)
    assert [one.name for one in register.series(edited)] == ["alone", "alone 2026-12-01"]


def test_edits_of_a_series_by_many_at_once_wait_for_each_other_and_all_end(
    register: PostgresRegister, first: RegisteredCampaign
) -> None:
    ended: list[str] = []

    def edit(place: int) -> None:
        one = register.series(first)[place]
        values = {**_values(one), "definition": {**one.definition, "priority": place + 1}}
        if place % 2:
            values["definition"]["repeat_weekly_until"] = "2027-01-25"
        try:
            register.edit(one.id, read_draft(values), version=one.version, by="x", following=True)
            ended.append("saved")
        except EditedMeanwhileError:
            ended.append("meanwhile")

    threads = [threading.Thread(target=edit, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ended) == 4
    names = [one.name for one in register.campaigns()]
    assert len(names) == len(set(names))


def _values(one: RegisteredCampaign) -> dict[str, Any]:
    return {"key": one.key, "owner": one.owner, "braze_campaign_id": one.braze_campaign_id}
