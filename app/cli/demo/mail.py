"""Two weekly digests of a demo, sent through the double of Braze beside it, and read back.

Assumption of the demo: the mails are dated one and two weeks ago, so that there is something to see, but hold the lists of
the board as it is. People of the double click nothing that had not opened by the date of their mail.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from app.board.veto import BOARD_ZONE
from app.braze.calls import StoredCredential
from app.cli.database import CommandError
from app.cli.demo.board import GeneratedBoard
from app.cli.subprocesses import CONNECTED_JOBS, running
from app.demo.braze.currents_files import CurrentsExport, put_in_folder
from app.demo.braze.people import People
from app.demo.braze.sender import MailSender
from app.demo.braze.world import World
from app.demo.write import ACTIVITY_COLUMNS, activity_row, write_rows
from app.plurals import counted
from app.postgres.board.load import load
from app.postgres.engines import batch_engine
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from app.demo.braze.world import BoardDeed

CAMPAIGN: Final = "jobs-for-you"
WEEKS_AGO: Final = (2, 1)
SENT_AT_HOUR: Final = 10  # in the board's zone
GENTLE: Final = 10  # of niceness: the demo's answers go first
SEED: Final = 1
CREDENTIAL: Final = "credential"  # the file that opens the service's answers


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMail:
    """A demo's digests: sent through the double by `world` to `members`, then read as a board's cron would.

    `files` is where the double's Currents writes.
    """

    world: World
    members: Sequence[str]
    files: Path
    now: datetime

    def send_and_read(self) -> None:
        """Both digests; what became of each is read before the next, so that its lists have learned from it."""
        for place, weeks in enumerate(WEEKS_AGO):
            at = sent_at(self.now, weeks)
            if place:
                run_command("refresh", "--at-once")
            truth = self.world.send_digest(self.members, campaign=CAMPAIGN, at=at)
            mailed = sum(len(arm.mailed) for arm in truth.arms.values())
            clicked = sum(len(arm.clicked) for arm in truth.arms.values())
            applied = sum(len(arm.applied) for arm in truth.arms.values())
            click.echo(
                f"The digest of {at:%Y-%m-%d} went to {counted(mailed, 'member')}, of whom {clicked:,} clicked and {applied:,} applied."
            )
            run_command("currents", "read", str(self.files))
            run_command("outcomes", "--days", str(7 * max(WEEKS_AGO) + 2))


def spread(members: Sequence[str], count: int) -> list[str]:
    """Return as many members as are asked for, from all of them at even distances."""
    step = max(1, len(members) // max(1, count))
    return list(members[::step][:count])


def sent_at(now: datetime, weeks: int) -> datetime:
    """Return when the digest of so many weeks ago went out."""
    day = (now - timedelta(weeks=weeks)).astimezone(BOARD_ZONE)
    return day.replace(hour=SENT_AT_HOUR, minute=0, second=0, microsecond=0)


def act_on_board(engine: Engine, deeds: Sequence[BoardDeed]) -> None:
    """Put what members did into the board's tables, as an import does."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "activity.csv", ACTIVITY_COLUMNS, (activity_row(*deed) for deed in deeds))
        load(engine, folder, rejects=folder / "rejects.csv")


def run_command(*arguments: str) -> None:
    """One of our commands on the demo's database, named before it speaks; it ends with us.

    Raises:
        CommandError: it failed, and has said why.
    """
    click.echo(f"$ connected-jobs {shlex.join(arguments)}")
    with running([*CONNECTED_JOBS, *arguments], {}) as command:
        if command.wait():
            raise CommandError(f"`connected-jobs {arguments[0]}` failed, as it says above.")


@click.command("demo-mail", hidden=True)
@click.option("--url", required=True, help="The demo's service.")
@click.option("--database-name", required=True, help="Of the demo's board.")
@click.option("--mails", required=True, type=click.IntRange(min=1))
def demo_mail(*, url: str, database_name: str, mails: int) -> None:
    """Send two weekly digests to members of the demo that runs in CJ_DATA_DIR, through a double of Braze."""
    os.nice(GENTLE)
    settings = Settings.from_env()
    board = GeneratedBoard.read(settings.data_dir, database_name)
    if board is None or settings.database_url is None:
        raise CommandError("This demo's members were not generated, so nobody knows what they would click.")
    engine = batch_engine(settings.database_url)
    files = settings.data_dir / "currents"
    rmtree(files, ignore_errors=True)
    tastes = board.tastes(engine)
    name, _, secret = (settings.data_dir / CREDENTIAL).read_text(encoding="utf-8").strip().partition(":")
    world = World(
        sender=MailSender(base_url=url, credential=StoredCredential(name, secret), seed=SEED),
        people=People(tastes, until_s=int(board.made_at.timestamp()), seed=SEED),
        export=CurrentsExport(put_in_folder(files), seed=SEED),
        act=lambda deeds: act_on_board(engine, deeds),
        seed=SEED,
    )
    members = spread(tastes.subscribers(), mails)
    DemoMail(world=world, members=members, files=files, now=board.made_at).send_and_read()
    board.note_mailed(settings.data_dir)
    click.echo("All is sent and read.")


COMMANDS = (demo_mail,)
