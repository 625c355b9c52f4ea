"""What Braze has scheduled, and what is wrong with the templates it will render."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from app.braze.rest.calendar import read_messages, read_scheduled
from app.braze.rest.workspace import BrazeOptions, BrazeWorkspace, host_url
from app.braze.template_check import template_findings
from app.cli.database import CommandError
from app.settings import Settings

if TYPE_CHECKING:
    from app.braze.rest.calendar import Scheduled

EXIT_FINDINGS = 3


@click.group()
def calendar() -> None:
    """What Braze has scheduled (docs/sync.md)."""


@calendar.command()
@click.option("--host", required=True, help="The REST address that the dashboard shows.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 365))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def pull(*, host: str, days: int, as_json: bool) -> None:
    """Print what is scheduled and what is wrong with its templates; exit code 3 where something is."""
    settings = Settings.from_env()
    if settings.braze_key is None or settings.public_host is None:
        raise CommandError("Set CJ_BRAZE_KEY, and CJ_PUBLIC_HOST to the host that templates call.")
    try:
        options = BrazeOptions(host=host_url(host), workspace="main", array_items=25, catalog=None)
    except ValueError as error:
        raise click.BadParameter(f"Give {error}.", param_hint="--host") from None
    workspace = BrazeWorkspace(options, settings.braze_key, settings.braze_private, 1)
    scheduled, unread = read_scheduled(workspace, datetime.now(UTC) + timedelta(days=days))
    found = [(one, _findings(workspace, one, settings.public_host)) for one in scheduled]
    if as_json:
        shown = [{**asdict(one), "findings": findings} for one, findings in found]
        click.echo(json.dumps({"scheduled": shown, "unread": unread}, ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(line for one, findings in found for line in _lines(one, findings)))
        click.echo(f"{len(found)} scheduled; {unread} that could not be read.")
    sys.exit(EXIT_FINDINGS if unread or any(findings for _, findings in found) else 0)


def _findings(workspace: BrazeWorkspace, one: Scheduled, host: str) -> list[str]:
    if one.kind != "Campaign":
        return []
    messages = read_messages(workspace, one.id)
    return [
        f"{variation}: {finding}"
        for variation, parts in messages.items()
        for finding in template_findings(parts, host=host, html="body")
    ]


def _lines(one: Scheduled, findings: list[str]) -> list[str]:
    zone = "" if one.zoned else " (no zone given)"
    unlooked = [] if one.kind == "Campaign" else ["  Its templates are not looked at: only a campaign's are."]
    return [
        f"{one.at}{zone}  {one.name}  {one.id}  {one.schedule}",
        *unlooked,
        *(f"  {text}" for text in findings),
    ]


COMMANDS = (calendar,)
