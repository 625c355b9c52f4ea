"""What an instance tells of itself, and no secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from app.runtime.instance import reported_settings, this_instance
from app.settings import Settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SETTINGS = Settings(database_url="postgresql://u:hunter2@db/jobs")


def test_no_secret_is_told() -> None:
    told = reported_settings(
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
    told = this_instance(SETTINGS, fingerprint="f" * 16, started_at=NOW, host="web-1")
    blue = this_instance(replace(SETTINGS, instance="blue"), fingerprint="", started_at=NOW, host="web-1")
    assert (told.id, told.fingerprint, blue.id) == ("web-1 127.0.0.1:8080", "f" * 16, "blue")
