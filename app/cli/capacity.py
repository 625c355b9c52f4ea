"""Sends, and what they ask of the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.capacity.report import play_file
from app.cli.parts import CommandError

if TYPE_CHECKING:
    from app.capacity.campaign import Case


@click.group()
def capacity() -> None:
    """What a planned send asks of the service, by Braze's rules."""


@capacity.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--case",
    type=click.Choice(["low", "likely", "high"]),
    default="likely",
    show_default=True,
    help="Which demand.",
)
def play(*, plan: Path, as_json: bool, case: Case) -> None:
    """Play PLAN (docs/plan-file.md) minute by minute: messages, calls, retries, aborts, and when it ends."""
    try:
        text = plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The plan {plan} cannot be read: {error}.") from error
    report = play_file(text, case=case)
    click.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2) if as_json else report.as_text())


COMMANDS = (capacity,)
