"""Evidence of load tests, and what a service tells of itself for them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from app.capacity.evidence import EvidenceError, read_evidence
from app.cli.parts import CommandError, database_engine
from app.postgres.evidence import insert_evidence, select_evidence, select_evidence_document
from app.postgres.table_sizes import select_server_version, select_table_sizes
from app.serving.instance import fingerprint, settings_told
from app.settings import Settings


@click.group()
def evidence() -> None:
    """Load tests: what was found, and under which circumstances."""


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path))
def add(file: Path) -> None:
    """Keep the evidence in FILE, as `python -m loadtest ceiling` wrote it."""
    try:
        found, document = read_evidence(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The evidence {file} cannot be read: {error}.") from error
    except EvidenceError as error:
        raise CommandError(f"{file}: {error}") from error
    with database_engine() as engine, engine.begin() as connection:
        added = insert_evidence(connection, found, document)
    click.echo(f"{'Added' if added else 'There already'}: {found.id}. {found.verdict.sentence}")


@evidence.command("list")
def list_() -> None:
    """All load tests, the newest first."""
    with database_engine() as engine, engine.connect() as connection:
        for row in select_evidence(connection):
            click.echo(
                f"{row.ended_at:%Y-%m-%d %H:%M}  {row.id}  {row.kind:<11}  {row.rps:>8.0f} calls/s  {row.sentence}"
            )


@evidence.command()
@click.argument("evidence_id")
def show(evidence_id: str) -> None:
    """The whole of one load test, as JSON."""
    with database_engine() as engine, engine.connect() as connection:
        document = select_evidence_document(connection, evidence_id)
    if document is None:
        raise CommandError(f"There is no evidence {evidence_id!r}: see `connected-jobs evidence list`.")
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


@click.command()
@click.option("--instances", default=1, show_default=True, help="How many instances run.")
@click.option("--dataset", default="", help="A name for what the board holds.")
def facts(*, instances: int, dataset: str) -> None:
    """What a service with these settings tells of itself, as JSON: for `python -m loadtest ceiling --service-facts`."""
    settings = Settings.from_env()
    with database_engine() as engine, engine.connect() as connection:
        told = {
            "fingerprint": fingerprint(settings),
            "settings": settings_told(settings),
            "instances": instances,
            "workers": settings.workers,
            "limiter": f"hard {settings.hard_rps}/s, soft {settings.soft_rps}/s (0 is off)",
            "postgres_version": select_server_version(connection),
            "tables": select_table_sizes(connection),
            "dataset": dataset,
        }
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))


COMMANDS = (evidence, facts)
