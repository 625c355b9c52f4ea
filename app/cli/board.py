"""Commands about the board's data: its tables, and importing."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from app.board.importing.files import ImportRefusedError
from app.cli.database import EXIT_REJECTS, database_engine, progress_bar
from app.postgres import migrate as migrations
from app.postgres.board.load import LoadReport, load

EXIT_REFUSED = 2


@click.command()
@click.option("--board", is_flag=True, help="Also the board's own tables, where it has no views to offer.")
@click.option("--down", is_flag=True, help="Take the tables away again, and all that is in them.")
def migrate(*, board: bool, down: bool) -> None:
    """Bring the tables in the database to this version."""
    branches = ["board", "service"] if board else ["service"]
    with database_engine(make=not down) as engine:
        for branch in branches:
            (migrations.downgrade if down else migrations.upgrade)(engine, branch)
        with engine.connect() as connection:
            revisions = sorted(migrations.current_revisions(connection))
    click.echo(f"The database stands at {', '.join(revisions) or 'no revision'}.")


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--rejects", type=click.Path(path_type=Path), help="Where bad rows go (default: FOLDER/rejects.csv)."
)
def import_(folder: Path, rejects: Path | None) -> None:
    """Load companies, postings, members and activity from FOLDER (docs/import-format.md)."""
    try:
        with database_engine() as engine, progress_bar() as progress:
            report = load(
                engine,
                folder,
                rejects=rejects or folder / "rejects.csv",
                progress=lambda noun, _rows, done, total: progress(noun, done / max(total, 1)),
            )
    except ImportRefusedError as error:
        click.echo(f"connected-jobs: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    click.echo(load_summary(report))
    for note in report.notes:
        click.echo(f"Note: {note}", err=True)
    if erased := sum(counts.erased for counts in report.counts.values()):
        click.echo(
            f"Rows of erased members, left out: {erased:,} (`connected-jobs members restore` lifts that)."
        )
    if report.not_read:
        click.echo(f"Not import files, so not read: {', '.join(report.not_read)}.", err=True)
    if report.rejects is not None:
        click.echo(f"Rows that could not be loaded are in {report.rejects}, each with its reason.", err=True)
        sys.exit(EXIT_REJECTS)


def load_summary(report: LoadReport) -> str:
    """Return an import's counts as a table for people."""
    lines = [f"{'':<10} {'read':>10} {'new':>10} {'changed':>10} {'unchanged':>10} {'rejected':>10}"]
    lines += [
        f"{noun:<10} {c.read:>10,} {c.inserted:>10,} {c.updated:>10,} {c.unchanged:>10,} {c.rejected:>10,}"
        for noun, c in report.counts.items()
    ]
    return "\n".join(lines)


COMMANDS = (migrate, import_)
