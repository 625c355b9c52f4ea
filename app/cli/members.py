"""Commands about single members: their ids, erasing one, and lifting that."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from app.braze.rest.deletion import delete_profile
from app.braze.rest.doors import open_workspace
from app.cli.database import CommandError, database_engine
from app.cli.loop.doors import check_goes_to, open_amplitude_deletion
from app.plurals import counted
from app.postgres import members as member_rows
from app.settings import Settings
from app.sync.definition import read_sync_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.braze.rest.workspace import BrazeWorkspace

LET_GO_S = 3.0  # every worker has read of an erased member after this time


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
    type=click.Path(path_type=Path),
    help="Delete the profile too, in the workspace that this sync file names; nothing undoes that.",
)
@click.option(
    "--in-amplitude",
    type=click.Path(path_type=Path),
    help="Have the member deleted too in the project that this sync file names, by its User Privacy API.",
)
def erase(member_id: str, *, in_braze: Path | None, in_amplitude: Path | None) -> None:
    """Erase every trace of MEMBER_ID. Where the board keeps its own tables, it erases its own first.

    No import brings the member back, unless `members restore` lifts that.
    """
    workspace = None if in_braze is None else _workspace(in_braze)
    ask_amplitude = None if in_amplitude is None else _amplitude(in_amplitude)
    deleted = 0 if workspace is None else delete_profile(workspace, member_id)
    day = None if ask_amplitude is None else ask_amplitude(member_id)
    with database_engine() as engine:
        erased = member_rows.delete_member(engine, member_id)
    time.sleep(LET_GO_S)
    if workspace is not None:
        click.echo(f"Braze deleted {counted(deleted, 'profile')}.")
    if ask_amplitude is not None:
        click.echo(
            f"Amplitude deletes the member on {day}." if day else "Amplitude does not know the member."
        )
    if not any(erased.values()) and not deleted and day is None:
        raise CommandError(
            f"There is no trace of member {member_id!r} in Postgres. Should an import bring it, it is left out."
        )
    click.echo("Erased: " + ", ".join(f"{count} from {table}" for table, count in erased.items() if count))


def _workspace(sync_file: Path) -> BrazeWorkspace:
    settings = Settings.from_env()
    definition = read_sync_file(sync_file)
    check_goes_to(definition, "braze", "--in-braze wants")
    return open_workspace(definition, key=settings.braze_key, private=settings.braze_private)


def _amplitude(sync_file: Path) -> Callable[[str], str | None]:
    definition = read_sync_file(sync_file)
    check_goes_to(definition, "amplitude", "--in-amplitude wants")
    return open_amplitude_deletion(definition, Settings.from_env())


@members.command()
@click.argument("member_id")
def restore(member_id: str) -> None:
    """Let imports load MEMBER_ID again, a member who was erased and has registered anew."""
    with database_engine() as engine, engine.begin() as connection:
        if not member_rows.restore_member(connection, member_id):
            raise CommandError(f"Member {member_id!r} was not erased here.")
    click.echo(f"Imports may bring member {member_id} again.")


COMMANDS = (members,)
