"""Commands about the board's data: its tables, importing, generating, members."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from app.board.importing.files import ImportRefusedError
from app.braze.rest.deletion import delete_profile
from app.braze.rest.doors import open_workspace
from app.cli.database import CommandError, database_engine, progress_bar
from app.cli.loop.doors import check_is_to_braze
from app.demo.generate import generate as generate_board
from app.postgres import members as member_rows
from app.postgres import migrate as migrations
from app.postgres.board.load import LoadReport, load
from app.settings import Settings
from app.sync.definition import read_sync_file

EXIT_REFUSED = 2
EXIT_REJECTS = 3
LET_GO_S = 3.0  # every worker has read of an erased member after this time


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


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--members", default=20_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--postings", default=3_000, show_default=True, type=click.IntRange(1, 200_000))
@click.option("--seed", default=1, show_default=True)
def generate(out: Path, *, members: int, postings: int, seed: int) -> None:
    """Write a generated board to OUT in the import format; nothing in it is real."""
    with progress_bar() as progress:
        summary = generate_board(
            out, members=members, postings=postings, seed=seed, now=datetime.now(UTC), progress=progress
        )
    for noun, rows in summary.rows.items():
        click.echo(f"{noun:<10} {rows:>10,} rows, generated, not real")


@click.group()
def members() -> None:
    """Members' ids, erasing one, and lifting that."""


@members.command()
@click.option("--most", type=click.IntRange(min=1), help="At most this many.")
@click.option(
    "--out", type=click.File("w", encoding="utf-8"), default="-", help="Where to (default: standard output)."
)
def export(*, most: int | None, out: TextIO) -> None:
    """Print the ids of members who take mail, one a line, in random but repeatable order: input for a load test."""
    with database_engine() as engine, engine.connect() as connection:
        out.writelines(member_id + "\n" for member_id in member_rows.select_member_ids(connection, most=most))


@members.command()
@click.argument("member_id")
@click.option(
    "--in-braze",
    "sync_file",
    type=click.Path(path_type=Path),
    help="Delete the profile too, in the workspace that this sync file names; nothing undoes that.",
)
def erase(member_id: str, *, sync_file: Path | None) -> None:
    """Erase every trace of MEMBER_ID. Where the board keeps its own tables, it erases its own first.

    No import brings the member back, unless `members restore` lifts that.
    """
    deleted = 0 if sync_file is None else _delete_in_braze(sync_file, member_id)
    with database_engine() as engine:
        erased = member_rows.delete_member(engine, member_id)
    time.sleep(LET_GO_S)
    if sync_file is not None:
        click.echo(f"Braze deleted {deleted} {'profile' if deleted == 1 else 'profiles'}.")
    if not any(erased.values()) and not deleted:
        raise CommandError(
            f"There is no trace of member {member_id!r} in Postgres. Should an import bring it, it is left out."
        )
    click.echo("Erased: " + ", ".join(f"{count} from {table}" for table, count in erased.items() if count))


def _delete_in_braze(sync_file: Path, member_id: str) -> int:
    settings = Settings.from_env()
    definition = read_sync_file(sync_file)
    check_is_to_braze(definition, "--in-braze wants")
    workspace = open_workspace(definition, key=settings.braze_key, private=settings.braze_private)
    return delete_profile(workspace, member_id)


@members.command()
@click.argument("member_id")
def restore(member_id: str) -> None:
    """Let imports load MEMBER_ID again, a member who was erased and has registered anew."""
    with database_engine() as engine, engine.begin() as connection:
        if not member_rows.restore_member(connection, member_id):
            raise CommandError(f"Member {member_id!r} was not erased here.")
    click.echo(f"Imports may bring member {member_id} again.")


COMMANDS = (migrate, import_, generate, members)
