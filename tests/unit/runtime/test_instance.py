"""What an instance tells of itself: the same for what serves alike, another for what does not, and no secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.runtime import instance
from app.runtime.instance import fingerprint, settings_told, this_instance
from app.settings import Settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SETTINGS = Settings(database_url="postgresql://u:hunter2@db/jobs")


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of nothing but two modules, to change."""
    folder = tmp_path / "app"
    for name in (
        "serving/answering.py",
        "web/pages/setup.py",
        "web/planner/api.py",
        "capacity/simulation/send.py",
        "cli/demo.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("pass\n")
    monkeypatch.setattr(instance, "_CODE", folder)
    monkeypatch.setattr(instance, "_LOCK", tmp_path / "uv.lock")
    return folder


@pytest.mark.parametrize(
    "change", [{"threads": 7}, {"connections": 3}, {"server": "granian"}, {"pgbouncer": True}]
)
def test_a_setting_that_serving_goes_by_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(replace(SETTINGS, **change)) != fingerprint(SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"bind": "0.0.0.0:80"},
        {"snapshot": Path("elsewhere")},
        {"data_dir": Path("elsewhere")},
        {"instance": "web-7"},
        {"hard_rps": 1},
        {"soft_rps": 1},
        {"limits_uri": "valkey://127.0.0.1:6379"},
        {"planner_bind": "127.0.0.1:9"},
        {"session_key": "s" * 40},
        {"database_url": "postgresql://other"},
    ],
)
def test_where_an_instance_stands_its_lines_and_what_the_planner_does_change_nothing(
    change: dict[str, Any],
) -> None:
    assert fingerprint(replace(SETTINGS, **change)) == fingerprint(SETTINGS)


def test_code_that_answers_changes_the_fingerprint_and_other_code_does_not(code: Path) -> None:
    before = fingerprint(SETTINGS)
    for name in ("web/pages/setup.py", "web/planner/api.py", "capacity/simulation/send.py", "cli/demo.py"):
        (code / name).write_text("pass  # changed\n")
    assert fingerprint(SETTINGS) == before
    (code / "serving" / "answering.py").write_text("pass  # changed\n")
    assert fingerprint(SETTINGS) != before


def test_locked_packages_change_the_fingerprint(code: Path) -> None:
    before = fingerprint(SETTINGS)
    (code.parent / "uv.lock").write_text("flask 4")
    assert fingerprint(SETTINGS) != before


def test_all_that_a_call_runs_through_is_in_it() -> None:
    names = {path.relative_to(instance._CODE).as_posix() for path in instance._serving_code()}
    assert {
        "wsgi.py",
        "web/content/api.py",
        "web/content/app.py",
        "serving/send_counts.py",
        "postgres/serving/pool.py",
    } <= names
    assert not [name for name in names if name.startswith(("capacity/", "web/pages/", "cli/"))]


def test_no_secret_is_told() -> None:
    told = settings_told(
        replace(
            SETTINGS,
            limits_uri="valkey://:hunter2@cache:6379",
            session_key="hunter2" * 6,
            preview_credential="a:hunter2",
        )
    )
    assert "hunter2" not in str(told)
    assert "limits_uri" not in told
    assert told["workers"] == 2


def test_an_instance_is_called_by_its_setting_or_by_its_machine_and_address() -> None:
    assert this_instance(SETTINGS, started_at=NOW, host="web-1").id == "web-1 127.0.0.1:8080"
    assert this_instance(replace(SETTINGS, instance="blue"), started_at=NOW, host="web-1").id == "blue"
