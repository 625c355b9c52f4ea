"""What a container of the Compose file or the chart says of itself, held against the program that runs in it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from app.cli.main import commands
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIABLE = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


def read_compose(file: Path) -> dict[str, Any]:
    """A Compose file as Compose reads it: anchors merged, `$$` a dollar, variables at their defaults."""
    text = file.read_text(encoding="utf-8").replace("$$", "$")
    found: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(r"\1", text))
    return found


def settings_of(environment: Mapping[str, str], folder: Path) -> Settings:
    """The settings as the container reads them, a secret's file replaced by one that is here.

    Raises:
        SettingsError: a name or value that the service refuses to start with.
    """
    secrets = {
        "DATABASE_URL_FILE": "postgresql://connected_jobs@postgres/board",
        "CJ_SESSION_KEY_FILE": "x" * 32,
        "CJ_PREVIEW_CREDENTIAL_FILE": "braze:secret",
        "CJ_LIMITS_URI_FILE": "valkey://valkey:6379",
    }
    given = dict(environment)
    for name, secret in secrets.items():
        if name in given:
            (folder / name).write_text(secret)
            given[name] = str(folder / name)
    return Settings.from_env(
        {name: value for name, value in given.items() if name.startswith(("CJ_", "DATA"))}
    )


def check_commands(script: str) -> list[str]:
    """The lines of a shell script that call us, each parsed by the command itself.

    Raises:
        click.ClickException: a command or an option that is not there.
    """
    lines = [line.strip().partition(" ||")[0] for line in script.splitlines()]
    called = [line for line in lines if line.startswith("connected-jobs ")]
    for line in called:
        check_command(shlex.split(line)[1:])
    return called


def check_command(words: Sequence[str]) -> None:
    """Parse a command's words as `connected-jobs` does, without running it."""
    command: click.Command = commands
    left: list[str] = list(words)
    context = click.Context(commands, info_name="connected-jobs")
    while isinstance(command, click.Group):
        found = command.get_command(context, left[0])
        if found is None:
            raise click.UsageError(f"there is no command {left[0]}")
        command, left = found, left[1:]
    command.make_context("connected-jobs", left)
