"""Making and publishing recommendation lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from app.cli.parts import CommandError, database_engine, progress_bar
from app.postgres.changed import refresh_changed
from app.postgres.refresh import RunReport, refresh, roll_back
from app.settings import Settings


@click.command("refresh")
@click.option("--rollback", is_flag=True, help="Go back to the run published before, at once.")
@click.option(
    "--changed",
    is_flag=True,
    help="Only rank members anew for whom something changed, with the model of the last whole refresh.",
)
@click.option("--at-once", is_flag=True, help="Do not let campaigns under way keep their lists for a while.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many rank at once, and cores that learn (default: all cores).",
)
def refresh_(*, rollback: bool, changed: bool, at_once: bool, processes: int | None) -> None:
    """Make every member's list anew and publish them; a killed refresh is resumed."""
    if rollback and changed:
        raise CommandError("--rollback and --changed do not go together: give one of them.")
    with database_engine() as engine:
        if rollback:
            left, taken = roll_back(engine, now=datetime.now(UTC))
            click.echo(f"Answers come from run {taken} again; run {left} stays to go forward to.")
            return
        delay = timedelta(0) if at_once else timedelta(seconds=Settings.from_env().publication_delay_s)
        with progress_bar() as progress:
            make = refresh_changed if changed else refresh
            report = make(engine, publication_delay=delay, processes=processes, progress=progress)
    click.echo(summary(report))


def summary(report: RunReport) -> str:
    """A refresh in a few lines for people."""
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.seconds.items())
    resumed = (
        f" {report.resumed_chunks} chunks were there from a refresh that did not end."
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
        f"{report.members:,} members"
        if report.ranked == report.members
        else f"{report.ranked:,} of {report.members:,} members, the others' as they were,"
    )
    left_out = "".join(f"\n{sentence}" for sentence in report.left_out)
    return (
        f"Run {report.run_id}: lists for {of} from {report.postings:,} postings and "
        f"{report.activity:,} activities ({stages}).{resumed}\n"
        f"Answers come from it from {report.effective_at.astimezone():%Y-%m-%d %H:%M:%S %Z} on.{kept}{left_out}"
    )


COMMANDS = (refresh_,)
