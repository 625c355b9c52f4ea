"""Campaigns on record in a real Postgres: nothing is lost, everything is written down."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.capacity.evidence.file import EvidenceError
from app.capacity.plan.json_values import read_definition
from app.capacity.plan.times import as_json_values
from app.capacity.register.campaigns import (
    Draft,
    EditedMeanwhileError,
    NameTakenError,
    NoSuchCampaignError,
    RegisteredCampaign,
    RegisterRefusedError,
    RegisterUnavailableError,
    read_draft,
)
from app.postgres import migrate
from app.postgres.engines import batch_engine, planner_engine
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.register import PostgresRegister

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


def draft(name: str = "주간 추천", **change: Any) -> Draft:
    definition = {
        "name": name,
        "kind": "rate_limited",
        "audience": {"low": 1_000_000, "likely": 1_200_000, "high": 1_300_000},
        "at": "2026-11-23T09:00:00",
        "limit_per_min": 50_000,
        "zones": {"Asia/Seoul": 95, "unknown": 5},
        "quiet_hours": {"begin": "21:00:00", "end": "08:00:00"},
    }
    values = {"key": "weekly-digest", "owner": "kim", "definition": definition}
    return read_draft(values | change)


@pytest.fixture
def register(database_url: str) -> Iterator[PostgresRegister]:
    engine = planner_engine(database_url)
    yield PostgresRegister(engine)
    engine.dispose()


@pytest.fixture
def added(register: PostgresRegister) -> RegisteredCampaign:
    return register.add(draft(), by="kim")


def told(change: Any) -> tuple[str, str, Any, Any]:
    return change.who, change.what, change.before, change.after


def test_a_campaign_is_kept_as_it_was_written(register: PostgresRegister, added: RegisteredCampaign) -> None:
    assert register.campaign(added.id) == added
    assert register.campaigns() == [added]
    assert added.draft() == draft()
    assert (added.name, added.version, added.created_by, added.updated_by) == ("주간 추천", 1, "kim", "kim")
    assert added.removed_at is None


def test_an_edit_is_a_new_version_and_both_are_written_down(
    register: PostgresRegister, added: RegisteredCampaign
) -> None:
    later = draft(owner="lee", braze_campaign_id="b-1")
    edited = register.edit(added.id, later, version=1, by="lee")
    assert (edited.version, edited.updated_by, edited.created_by) == (2, "lee", "kim")
    assert edited.draft() == later
    newest, first = register.changes(added.id)
    values = {
        "key": "weekly-digest",
        "owner": "kim",
        "braze_campaign_id": None,
        "definition": dict(draft().definition),
    }
    assert told(first) == ("kim", "added", None, values)
    assert told(newest) == ("lee", "edited", values, {**values, "owner": "lee", "braze_campaign_id": "b-1"})
    assert newest.at >= first.at


def test_the_second_of_two_operators_is_told_and_neither_loses_anything(
    register: PostgresRegister, added: RegisteredCampaign
) -> None:
    mine = draft(owner="lee")
    theirs = register.edit(added.id, draft(owner="park"), version=added.version, by="park")
    with pytest.raises(EditedMeanwhileError, match=r"park saved version 2 meanwhile: compare") as told_so:
        register.edit(added.id, mine, version=added.version, by="lee")
    assert told_so.value.newer == theirs
    assert register.campaign(added.id) == theirs
    saved = register.edit(added.id, mine, version=theirs.version, by="lee")
    assert (saved.version, saved.owner) == (3, "lee")
    assert [change.who for change in register.changes(added.id)] == ["lee", "park", "kim"]


def test_of_many_edits_at_the_same_moment_one_is_saved(
    register: PostgresRegister, added: RegisteredCampaign
) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(4)

    def edit(owner: str) -> None:
        together.wait()
        try:
            register.edit(added.id, draft(owner=owner), version=1, by=owner)
            outcomes.append("saved")
        except EditedMeanwhileError:
            outcomes.append("told")

    threads = [threading.Thread(target=edit, args=(f"operator {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["saved", "told", "told", "told"]
    assert len(register.changes(added.id)) == 2


def test_an_edit_that_changes_nothing_makes_no_version(
    register: PostgresRegister, added: RegisteredCampaign
) -> None:
    assert register.edit(added.id, draft(), version=1, by="lee") == added
    assert len(register.changes(added.id)) == 1


def test_a_removed_campaign_stays_on_record_and_its_name_is_free(
    register: PostgresRegister, added: RegisteredCampaign
) -> None:
    with pytest.raises(EditedMeanwhileError):
        register.remove(added.id, version=9, by="lee")
    removed = register.remove(added.id, version=1, by="lee")
    assert removed.removed_at is not None
    assert (register.campaigns(), register.campaigns(removed=True)) == ([], [removed])
    assert register.campaign(added.id) == removed
    assert told(register.changes(added.id)[0])[:2] == ("lee", "removed")
    with pytest.raises(NoSuchCampaignError, match="There is no campaign"):
        register.remove(added.id, version=2, by="lee")
    for number in (added.id, 10**9):
        with pytest.raises(NoSuchCampaignError, match="There is no campaign"):
            register.edit(number, draft(), version=2, by="lee")
    assert register.add(draft(), by="kim").id != added.id


def test_two_living_campaigns_share_a_key_but_no_name(
    register: PostgresRegister, added: RegisteredCampaign
) -> None:
    with pytest.raises(NameTakenError, match="Another campaign is called '주간 추천'"):
        register.add(draft(), by="lee")
    other = register.add(draft("주간 추천 2"), by="lee")
    with pytest.raises(NameTakenError):
        register.edit(other.id, draft(), version=1, by="lee")
    assert [one.key for one in register.campaigns()] == [added.key, other.key]
    assert register.campaign(other.id) == other


def test_the_workspace_begins_in_seoul_and_is_edited_as_a_campaign_is(register: PostgresRegister) -> None:
    first = register.workspace()
    assert (first.definition, first.version) == ({"time_zone": "Asia/Seoul"}, 1)
    second = register.edit_workspace(
        {"time_zone": "Asia/Seoul", "workspace_limit_per_min": 100_000}, version=1, by="kim"
    )
    assert (second.version, second.updated_by) == (2, "kim")
    with pytest.raises(EditedMeanwhileError) as told_so:
        register.edit_workspace({"time_zone": "UTC"}, version=1, by="lee")
    assert told_so.value.newer == second == register.workspace()
    assert register.edit_workspace(second.definition, version=2, by="lee") == second
    assert [told(change) for change in register.workspace_changes()] == [
        ("kim", "edited", first.definition, second.definition)
    ]


def test_times_that_a_plan_file_has_are_the_same_after_postgres(register: PostgresRegister) -> None:
    kept = register.add(draft(), by="kim")
    found = register.campaign(kept.id)
    assert found is not None
    assert found.campaign() == read_definition(draft().definition)[0]
    assert as_json_values(found.definition) == found.definition


def test_postgres_gone_is_one_error_that_says_so() -> None:
    gone = planner_engine("postgresql://nobody@127.0.0.1:1/none")
    register, evidence = PostgresRegister(gone), PostgresEvidence(gone)
    for ask in (register.campaigns, register.workspace, register.running, evidence.all, evidence.measured):
        with pytest.raises(RegisterUnavailableError, match="Postgres cannot be used now: try again"):
            ask()


def test_a_database_without_the_tables_says_which_command_makes_them(bare_database_url: str) -> None:
    engine = planner_engine(bare_database_url)
    with pytest.raises(RegisterRefusedError, match="run `connected-jobs migrate`"):
        PostgresRegister(engine).campaigns()
    engine.dispose()


def test_a_planner_lives_through_connections_that_broke(register: PostgresRegister, engine: Engine) -> None:
    register.workspace()
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'connected-jobs planner' AND datname = current_database()"
            )
        )
    assert register.workspace().version == 1


def test_the_migration_goes_down_and_up_beside_evidence_that_stays(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO connected_jobs.evidence (id, began_at, ended_at, kind, rps, low_rps, sentence, document)"
                " VALUES ('e', now(), now(), 'ceiling', 1, 1, 's', '{}')"
            )
        )
    PostgresRegister(engine).add(draft(), by="kim")
    migrate.downgrade(engine, "service", "0003")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_regclass('connected_jobs.campaign')")).scalar() is None
        assert connection.execute(text("SELECT count(*) FROM connected_jobs.evidence")).scalar() == 1
    migrate.upgrade(engine, "service")
    assert PostgresRegister(engine).campaigns() == []


def test_evidence_that_postgres_cannot_keep_is_refused_in_a_sentence(database_url: str) -> None:
    evidence = PostgresEvidence(batch_engine(database_url))
    document = (
        '{"schema": "connected-jobs/load-evidence", "version": 1, "id": "e", "host": "h", "note": "\\u0000",'
        ' "began_at": "2026-11-22T00:00:00Z", "ended_at": "2026-11-22T00:00:00Z", "environment": {"service": {}},'
        ' "verdict": {"sentence": "s", "kind": "ceiling", "rps": 1, "low_rps": 1, "high_rps": null, "bound_by": []}}'
    )
    with pytest.raises(EvidenceError, match="Postgres cannot keep"):
        evidence.add(document)
    summary, new = evidence.add(document.replace("\\u0000", "fine"))
    assert (summary.id, new) == ("e", True)
    assert evidence.add(document.replace("\\u0000", "fine")) == (summary, False)
    assert evidence.all() == [summary]
    (measured,) = evidence.measured()
    assert (measured.evidence_id, measured.rps, measured.low_rps) == ("e", 1.0, 1.0)
    assert evidence.document("\x00") is None
