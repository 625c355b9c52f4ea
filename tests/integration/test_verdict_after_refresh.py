"""Load test, refresh, verdict: a load test still speaks of a service whose lists were made anew overnight."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from app.cli.main import commands
from app.postgres.planning.table_sizes import select_row_estimates, select_table_sizes
from app.refresh.incremental import refresh_changed
from app.refresh.whole import refresh
from tests.integration.small_board import change, fill, rows, run_in_force
from tests.integration.test_evidence import EVIDENCE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from sqlalchemy import Engine

PLAN = """
time_zone = "Asia/Seoul"

[[campaigns]]
name = "small"
kind = "rate_limited"
audience = 10_000
at = 2026-11-23T10:00:00
limit_per_min = 1_000
"""
NOW = "2026-11-22T12:00:00+09:00"


def connected_jobs(*arguments: str) -> str:
    return CliRunner().invoke(commands, arguments, catch_exceptions=False).output


def verdict() -> tuple[str, list[dict[str, Any]]]:
    said = json.loads(connected_jobs("capacity", "check", "--json", "--now", NOW))
    return said["verdict"], said["ceiling"]["retest"]


def into_force(engine: Engine) -> None:
    """Let the time of the run that was published last come."""
    change(engine, "UPDATE connected_jobs.publication SET effective_at = now() WHERE effective_at > now()")


def test_a_nightly_refresh_and_hourly_ones_leave_a_verdict_as_it_is(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    fill(engine, members=60, postings=40)
    first = refresh(engine, processes=1).run_id
    with engine.connect() as connection:
        tables = select_table_sizes(connection)
    assert tables == {"postings": 40, "members": 60, "activity": 300, "lists": 60}
    service = {**EVIDENCE["environment"]["service"], "tables": tables}
    measured = {**EVIDENCE, "environment": {"service": service, "untold": []}}
    (tmp_path / "evidence.json").write_text(json.dumps(measured), encoding="utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    connected_jobs("evidence", "add", str(tmp_path / "evidence.json"))
    connected_jobs("campaigns", "add", str(tmp_path / "plan.toml"), "--key", "small", "--owner", "kim")
    change(
        engine,
        "INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at, beat_at)"
        " VALUES ('one', 'abc', 2, '{}', now(), now() + interval '1 hour')",
    )
    assert verdict() == ("GO", [])
    for make in (refresh_changed, refresh, refresh_changed):
        make(engine, processes=1)
        assert verdict() == ("GO", [])
        into_force(engine)
        assert verdict() == ("GO", [])
    assert run_in_force(engine) == first + 3


def test_views_are_counted_since_postgres_guesses_what_their_conditions_leave(engine: Engine) -> None:
    fill(engine, members=60, postings=40)
    for statement in (
        "ALTER TABLE board.member RENAME TO everybody",
        "CREATE VIEW board.member AS SELECT * FROM board.everybody WHERE right(id, 1) <> '7'",
    ):
        change(engine, statement)
    with engine.connect() as connection:
        found = select_row_estimates(connection)
    assert (found["postings"], found["members"], found["lists"]) == (40, 54, 0)
    assert rows(engine, "SELECT count(*) FROM board.member") == [(54,)]


def test_it_still_is_another_service_where_the_lists_are_far_more(engine: Engine) -> None:
    fill(engine, members=60, postings=40)
    refresh(engine, processes=1)
    change(engine, "UPDATE board.member SET mail_consent = false WHERE id > 'm-000040'")
    refresh(engine, processes=1)
    with engine.connect() as connection:
        assert select_row_estimates(connection)["lists"] == select_table_sizes(connection)["lists"] == 40
