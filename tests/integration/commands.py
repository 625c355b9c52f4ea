"""A command of ours in the test's own process, from its words to its exit code, as its entry point runs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from app.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Command = Callable[..., "Ran"]


class Ran(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one sentence on standard error."""
        lines = [line for line in self.err.splitlines() if line.startswith("connected-jobs: ")]
        assert len(lines) == 1, self.err
        return lines[0]


def command_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `connected-jobs WORD ...`. What it would take a process of its own to see is no part of it: use that there."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["connected-jobs", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run
