"""Two weekly digests of a demo, sent through the double of Braze beside it, and read back.

Assumption of the demo: the mails are dated one and two weeks ago, so that there is something to see, but hold the lists of
the board as it is. People of the double click nothing that had not opened by the date of their mail.
"""

from __future__ import annotations

import os
import shlex
import time
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
from app.feedback.experiments.register import ExperimentState
from app.plurals import counted
from app.postgres.board.load import load
from app.postgres.engines import batch_engine
from app.postgres.planning.backdating import date_experiment
from app.postgres.planning.experiments import PostgresExperiments
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from app.demo.braze.world import BoardAction

CAMPAIGN: Final = "jobs-for-you"
KNOWN_AFTER_S: Final = 20.0  # from the start of an experiment until every instance splits by it
SENT_AT_HOUR: Final = 10  # in the board's zone
GENTLE: Final = 10  # of niceness: the demo's answers go first
SEED: Final = 1
CREDENTIAL: Final = "credential"  # the file that opens the service's answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A weekly digest and its experiment, which ends after a number of weeks.

    The first is an A/A, whose arms get the same lists; the second holds what is recommended against what is popular.
    """

    weeks_ago: int
    experiment: str
    arms: Sequence[str]
    lasts_weeks: int


DIGESTS: Final = (
    Digest(weeks_ago=2, experiment="same-lists", arms=("a=recommended", "b=recommended"), lasts_weeks=1),
    Digest(weeks_ago=1, experiment="against-popular", arms=("popular", "recommended"), lasts_weeks=2),
)
COUNTED_DAYS: Final = 7 * max(digest.weeks_ago for digest in DIGESTS) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMail:
    """A demo's digests: sent through the double by `world` to `members`, then read as a board's cron would.

    `files` is where the double's Currents writes.
    """

    engine: Engine
    world: World
    members: Sequence[str]
    files: Path
    now: datetime

    def send_and_read(self) -> None:
        """Send and read both digests, each with lists that learnt from the one before; a killed run is continued."""
        for number, digest in enumerate(DIGESTS):
            if number:
                run_command("refresh", "--at-once")
            if self._state(digest) == ExperimentState.STOPPED:
                self.world.sends += 1  # its dispatch is used up
                continue
            self._begin(digest)
            self._send(digest)
            if digest is not DIGESTS[-1]:
                run_command("experiment", "stop", digest.experiment)
            self._date(digest)
        run_command("outcomes", "--days", str(COUNTED_DAYS))

    def _begin(self, digest: Digest) -> None:
        """Put the digest's experiment on record and start it."""
        if self._state(digest) is None:
            arms = [word for arm in digest.arms for word in ("--arm", arm)]
            run_command("experiment", "create", digest.experiment, "--campaign", CAMPAIGN, *arms)
        if self._state(digest) == ExperimentState.DRAFT:
            run_command("experiment", "start", digest.experiment)
            time.sleep(KNOWN_AFTER_S)

    def _state(self, digest: Digest) -> ExperimentState | None:
        known = {one.key: one.state for one in PostgresExperiments(self.engine).all()}
        return known.get(digest.experiment)

    def _send(self, digest: Digest) -> None:
        at = sent_at(self.now, digest.weeks_ago)
        truth = self.world.send_digest(self.members, campaign=CAMPAIGN, at=at)
        mailed, clicked, applied = (
            sum(len(getattr(arm, what)) for arm in truth.arms.values())
            for what in ("mailed", "clicked", "applied")
        )
        click.echo(
            f"The digest of {at:%Y-%m-%d} went to {counted(mailed, 'member')}, of whom {clicked:,} clicked and {applied:,} applied."
        )
        run_command("currents", "read", str(self.files))
        self._date(digest)
        run_command("outcomes", "--days", str(COUNTED_DAYS))

    def _date(self, digest: Digest) -> None:
        """Date the experiment's start to an hour before its mail."""
        begin = sent_at(self.now, digest.weeks_ago) - timedelta(hours=1)
        end = begin + timedelta(weeks=digest.lasts_weeks)
        date_experiment(self.engine, digest.experiment, started_at=begin, end=end)


def spread(members: Sequence[str], count: int) -> list[str]:
    """Return `most` of the members, evenly spaced over all of them."""
    step = max(1, len(members) // max(1, count))
    return list(members[::step][:count])


def sent_at(now: datetime, weeks: int) -> datetime:
    """Return when the digest of a number of weeks ago was sent."""
    day = (now - timedelta(weeks=weeks)).astimezone(BOARD_ZONE)
    return day.replace(hour=SENT_AT_HOUR, minute=0, second=0, microsecond=0)


def act_on_board(engine: Engine, actions: Sequence[BoardAction]) -> None:
    """Put what members did into the board's tables, as an import does."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "activity.csv", ACTIVITY_COLUMNS, (activity_row(*action) for action in actions))
        load(engine, folder, rejects=folder / "rejects.csv")


def run_command(*arguments: str) -> None:
    """Run one of our commands on the demo's database; its output follows its name, and it ends with this process.

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
        act=lambda actions: act_on_board(engine, actions),
        seed=SEED,
    )
    members = spread(tastes.subscribers(), mails)
    DemoMail(engine=engine, world=world, members=members, files=files, now=board.made_at).send_and_read()
    board.note_mailed(settings.data_dir)
    click.echo("All is sent and read.")


COMMANDS = (demo_mail,)
