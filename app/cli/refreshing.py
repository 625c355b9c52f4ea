"""Making and publishing recommendation lists."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SQLAlchemyError

from app.cli.database import CommandError, by_option, database_engine, progress_bar, refuse_pgbouncer
from app.feedback.experiments.definition import check_recipe
from app.plurals import counted
from app.postgres.lists.publications import select_now
from app.postgres.planning.send_counts import tidy_counts
from app.refresh.chunks import HERE, Ranking
from app.refresh.incremental import refresh_changed
from app.refresh.recipes import Recipe, read_options
from app.refresh.rollback import Rollback, roll_back
from app.refresh.whole import refresh
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from app.refresh.report import RunReport

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _RefreshOptions:
    """What the command was given."""

    rollback: bool
    to: int | None
    sends_too: bool
    changed: bool
    at_once: bool
    yes: bool
    processes: int | None
    on: str | None
    recipe: str | None
    option: tuple[str, ...]
    by: str

    def check(self) -> None:
        """Raises `CommandError` where options do not go together, `ExperimentError` where a recipe has no recipe's name."""
        if self.recipe is not None:
            check_recipe(self.recipe)
        if self.option and (self.recipe is None or self.rollback or self.changed):
            raise CommandError(
                "--option is of a whole refresh with --recipe: the usual lists are made with the usual options."
            )
        if self.rollback and self.changed:
            raise CommandError("--rollback and --changed do not go together: give one of them.")
        if not self.rollback and (self.to is not None or self.sends_too):
            raise CommandError("--to and --sends-too are of --rollback: give that too.")
        if self.on is not None:
            self._check_cluster(self.on)
        refuse_pgbouncer("A refresh holds a connection")

    def _check_cluster(self, address: str) -> None:
        if self.rollback or self.changed:
            raise CommandError("--on is of a whole refresh: leave --changed and --rollback out.")
        if not address.startswith(("tcp://", "tls://")):
            raise CommandError(
                f"--on {address} is no scheduler's address: give tls://HOST:8786, or tcp:// on a network of your own."
            )
        if Settings.from_env().database_url is None:
            raise CommandError(
                "--on needs DATABASE_URL: workers elsewhere cannot reach the embedded Postgres."
            )


@contextmanager
def _ranking(address: str | None) -> Iterator[Ranking]:
    """Yield where members are ranked: on this machine, or on the cluster at an address, which must answer before the fit."""
    if address is None:
        yield HERE
        return
    try:
        from app.refresh.on_cluster import dask_cluster  # noqa: PLC0415 - an extra, and a second to import
    except ImportError as error:
        raise CommandError("--on needs Dask: install the extra, connected-jobs[cluster].") from error
    with dask_cluster(address) as cluster:
        yield Ranking(cluster=cluster)


@click.command("refresh")
@click.option("--rollback", is_flag=True, help="Go back to the run that was in force before, at once.")
@click.option("--to", type=int, metavar="RUN", help="With --rollback: go to this run, backward or forward.")
@click.option(
    "--sends-too",
    is_flag=True,
    help="With --rollback: sends under way go along; else they keep the lists they began with.",
)
@click.option(
    "--changed",
    is_flag=True,
    help="Only rank members anew for whom something changed, with the model of the last whole refresh.",
)
@click.option(
    "--at-once", is_flag=True, help="Let new sends begin with the new lists as soon as all know them."
)
@click.option(
    "--yes", is_flag=True, help="Publish although the board or the lists are far smaller than last time."
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many rank at once, and cores that learn (default: all cores).",
)
@click.option(
    "--on",
    metavar="ADDRESS",
    help="Rank on the workers of the Dask scheduler at ADDRESS, tls://HOST:8786, each with a DATABASE_URL of its own.",
)
@click.option(
    "--recipe",
    metavar="NAME",
    help="Make, or roll back, the lists of this recipe, for arms of experiments; the usual ones stay as they are.",
)
@click.option(
    "--option",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --recipe: make its lists otherwise than the usual ones, such as --option per_company=1.",
)
@by_option
def refresh_(**asked: object) -> None:
    """Make every member's list anew and publish them; a killed refresh is resumed."""
    given = _RefreshOptions(**asked)  # type: ignore[arg-type] # click made them
    given.check()
    with database_engine() as engine:
        if given.rollback:
            done = roll_back(
                engine, to=given.to, moves_sends=given.sends_too, by=given.by, recipe=given.recipe
            )
            click.echo(rollback_summary(done, moved=given.sends_too))
            _await(engine, done.effective_at)
            return
        settings = Settings.from_env()
        with _ranking(given.on) as ranking, progress_bar() as progress:
            make = (
                partial(refresh_changed, recipe=given.recipe)
                if given.changed
                else partial(
                    refresh, ranking=ranking, recipe=Recipe(given.recipe, read_options(given.option))
                )
            )
            report = make(
                engine,
                publication_delay=timedelta(seconds=0 if given.at_once else settings.publication_delay_s),
                least_percent=0 if given.yes else settings.least_percent,
                by=given.by,
                processes=given.processes,
                progress=progress,
            )
        click.echo(summary(report, given.recipe))
        _tidy(engine)
        if given.at_once:
            _await(engine, report.effective_at)


def _tidy(engine: Engine) -> None:
    """Delete old counts of the service, which otherwise only a running planner does."""
    try:
        tidy_counts(engine)
    except SQLAlchemyError as error:
        why = str(error).splitlines()[0]
        click.echo(
            f"Old counts of sends could not be tidied, which the next refresh tries again: {why}", err=True
        )


def _await(engine: Engine, effective_at: datetime) -> None:
    """Wait until a publication is in force, so that a later command finds it so."""
    with engine.connect() as connection:
        left_s = (effective_at - select_now(connection)).total_seconds()
    if left_s > 0:
        click.echo(f"Waiting for that, {left_s:.0f} s, in which all instances learn of it.", err=True)
        time.sleep(left_s)


def summary(report: RunReport, recipe: str | None = None) -> str:
    """Return a refresh's report in a few lines for people."""
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.seconds.items())
    resumed = (
        f" {counted(report.resumed_chunks, 'chunk was', 'chunks were')} there from a refresh that did not end."
        if report.resumed_chunks
        else ""
    )
    kept = (
        f"\nLists of run {', '.join(map(str, report.not_dropped))} are read by a long transaction: "
        "the next refresh drops them."
        if report.not_dropped
        else ""
    )
    of = (
        counted(report.extent.lists, "member")
        if report.ranked == report.members
        else f"{report.ranked:,} of {counted(report.members, 'member')}, the others' as they were,"
    )
    same = (
        f" {counted(report.same_jobs, 'posting is', 'postings are')} a job that another posting stands for."
        if report.same_jobs
        else ""
    )
    listless = report.members - report.extent.lists
    popular = (
        f" {counted(listless, 'member who left no trace gets', 'who left no trace get')} popular postings."
        if listless
        else ""
    )
    left_out = "".join(f"\n{sentence}" for sentence in report.left_out)
    misfits = "" if report.misfits is None else f" {report.misfits:.1%} of first ten places misfit plainly."
    begin = "Sends begin" if recipe is None else f"Arms with the recipe '{recipe}' begin"
    return (
        f"Run {report.run_id}: lists for {of} from {counted(report.postings, 'posting')} and "
        f"{counted(report.activity, 'activity', 'activities')} ({stages}).{popular}{same}{misfits}{resumed}\n"
        f"{begin} with it from {_at(report.effective_at)} on; those under way keep their lists.{kept}{left_out}"
    )


def rollback_summary(done: Rollback, *, moved: bool) -> str:
    """Return a rollback in a few lines for people: which run answers come from, and from when on."""
    lines = [
        f"Sends begin with run {done.taken} from {_at(done.effective_at)} on, no more with run {done.left}."
    ]
    if done.left == done.taken:
        lines = [f"Sends begin with run {done.taken} as before: there is none to go further back to."]
        if done.further_back:
            lines = [f"Sends begin with run {done.taken} as before."]
    if done.withdrawn:
        lines.append(f"Run {_named(done.withdrawn)}, which was to follow, does not.")
    if done.on_left:
        on_left = f"Sends under way on run {done.left} ({_named(done.on_left)})"
        lines.append(
            f"{on_left} go along."
            if moved
            else f"{on_left} keep its lists, so that retries get what was mailed; if those lists are bad, "
            f"`connected-jobs refresh --rollback --to {done.taken} --sends-too` takes them along."
        )
    if done.refreshing:
        lines.append(
            "A refresh is running, and publishes its lists when it ends: stop it if they will be bad too."
        )
    return "\n".join(lines)


def _named(things: Sequence[object]) -> str:
    more = f" and {len(things) - _MOST_NAMED} more" if len(things) > _MOST_NAMED else ""
    return ", ".join(str(thing) for thing in things[:_MOST_NAMED]) + more


def _at(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"


COMMANDS = (refresh_,)
