"""Commands about load-test evidence, and the facts of a running service that go into it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.capacity.evidence.file import EvidenceError
from app.cli.database import CommandError, by_option, database_engine, read_text
from app.fingerprint import fingerprint
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.instances import InstanceRow, select_instances
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.table_sizes import select_server_version, select_table_sizes
from app.runtime.instance import reported_settings
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group()
def evidence() -> None:
    """Load tests: what was found, and under which circumstances."""


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path))
@by_option
def add(*, file: Path, by: str) -> None:
    """Keep the evidence in FILE, as `python -m loadtest ceiling` wrote it."""
    text = read_text(file, "evidence")
    try:
        with database_engine() as engine:
            added, new = PostgresEvidence(engine).add(text, by=by)
    except EvidenceError as error:
        raise CommandError(f"{file}: {error}") from error
    click.echo(f"{'Added' if new else 'There already'}: {added.id}. {added.sentence}")


@evidence.command("list")
def list_() -> None:
    """List all load tests, newest first; each that no verdict uses says why."""
    with database_engine() as engine:
        for row in PostgresEvidence(engine).all():
            at = f"{row.ended_at:%Y-%m-%d %H:%M}" if row.ended_at else "no date         "
            click.echo(f"{at}  {row.id}  {row.kind:<11}  {row.rps:>8.0f} calls/s  {row.sentence[:300]}")
            if row.wrong:
                click.echo(f"    not used: {row.wrong} `connected-jobs evidence remove` takes it back.")


@evidence.command()
@click.argument("evidence_id")
def show(evidence_id: str) -> None:
    """The whole of one load test, as JSON."""
    with database_engine() as engine:
        document = PostgresEvidence(engine).document(evidence_id)
    if document is None:
        raise CommandError(f"There is no evidence {evidence_id!r}: see `connected-jobs evidence list`.")
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


@evidence.command()
@click.argument("evidence_id")
@by_option
def remove(*, evidence_id: str, by: str) -> None:
    """Remove the load test EVIDENCE_ID: no verdict uses it any more. `audit` keeps who did it."""
    with database_engine() as engine:
        removed = PostgresEvidence(engine).remove(evidence_id, by=by)
    if removed is None:
        raise CommandError(f"There is no evidence {evidence_id!r}: see `connected-jobs evidence list`.")
    click.echo(f"Removed: {removed.id}.")


@click.command()
@click.option("--most", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def audit(*, most: int, as_json: bool) -> None:
    """Print who changed what, newest first: campaigns, publications, evidence, counts of sends, credentials."""
    with database_engine() as engine:
        entries = PostgresRegister(engine).audit_log(most=most)
    if as_json:
        click.echo(
            json.dumps(
                [asdict(entry) | {"at": entry.at.isoformat()} for entry in entries], ensure_ascii=False
            )
        )
        return
    for entry in entries:
        click.echo(f"{entry.at:%Y-%m-%d %H:%M:%S %Z}  {entry.who}  {entry.what}  {entry.subject}")
        if entry.before is not None and entry.after is not None and "campaign" not in entry.what:
            click.echo(
                f"    {json.dumps(entry.before, ensure_ascii=False)} -> {json.dumps(entry.after, ensure_ascii=False)}"
            )


@click.command()
@click.option(
    "--instances", type=click.IntRange(min=1), help="How many run (default: as many as tell of themselves)."
)
@click.option("--dataset", default="", help="A name for what the board holds.")
def facts(*, instances: int | None, dataset: str) -> None:
    """Print the facts of the running service as JSON, for `python -m loadtest ceiling --service-facts`.

    Where nothing runs, it is what these settings would make, and `told_by` says so.
    """
    with database_engine() as engine, engine.connect() as connection:
        running = select_instances(connection)
        facts = {
            **(_facts_of_instances(running) if running else _facts_of_settings(Settings.from_env())),
            "instances": instances or max(len(running), 1),
            "postgres_version": select_server_version(connection),
            "tables": select_table_sizes(connection),
            "dataset": dataset,
        }
    click.echo(json.dumps(facts, ensure_ascii=False, indent=2))


def _facts_of_instances(running: Sequence[InstanceRow]) -> dict[str, Any]:
    """Return the facts that all instances have in common.

    Raises:
        CommandError: they differ in what their speed depends on, so that no evidence is of all of them.
    """
    first = running[0]
    if others := sorted({one.id for one in running if one.fingerprint != first.fingerprint}):
        raise CommandError(
            f"The instances that run differ in version or settings: {', '.join(others)} from {first.id}. Bring them to one "
            "version and the same settings; one that has ended is forgotten within a minute."
        )
    return _facts(first.fingerprint, first.settings, first.workers, ", ".join(one.id for one in running))


def _facts_of_settings(settings: Settings) -> dict[str, Any]:
    said = "no instance: none runs, so this is of the settings here"
    click.echo(f"Told by {said}.", err=True)
    return _facts(fingerprint(settings), reported_settings(settings), settings.workers, said)


def _facts(fingerprint: str, settings: dict[str, Any], workers: int, told_by: str) -> dict[str, Any]:
    return {
        "told_by": told_by,
        "fingerprint": fingerprint,
        "settings": settings,
        "workers": workers,
        "limiter": f"hard {settings.get('hard_rps')}/s, soft {settings.get('soft_rps')}/s (0 is off)",
    }


COMMANDS = (evidence, facts, audit)
