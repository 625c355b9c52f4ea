"""Integration tests talk to a real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.commands import command_of

if TYPE_CHECKING:
    from tests.integration.commands import Command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command of ours, run in this process."""
    return command_of(monkeypatch, capsys)
