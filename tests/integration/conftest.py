"""Integration tests talk to a real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.commands import command_of
from tests.postgres_fixtures import bare_database_url, database_url, engine, server_url, template

if TYPE_CHECKING:
    from tests.integration.commands import Command

__all__ = ["bare_database_url", "database_url", "engine", "server_url", "template"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command of ours, run in this process."""
    return command_of(monkeypatch, capsys)
