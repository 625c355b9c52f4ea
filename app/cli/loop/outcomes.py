"""Crediting applications to mails, and counting sends and experiments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from app.cli.database import database_engine, progress_bar, refuse_pgbouncer
from app.feedback.attribution import Windows
from app.plurals import counted
from app.postgres.feedback.recompute import DAYS, recompute_outcomes

_DEFAULTS = Windows()


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 400),
    default=DAYS,
    show_default=True,
    help="Recompute so many days, today's among them.",
)
@click.option(
    "--clicked-days",
    type=click.IntRange(1, 30),
    default=_DEFAULTS.clicked.days,
    show_default=True,
    help="How long before an application a click on its posting may lie.",
)
@click.option(
    "--seen-days",
    type=click.IntRange(0, 30),
    default=_DEFAULTS.seen.days,
    show_default=True,
    help="The same of a mail that showed it.",
)
@click.option(
    "--drawn-hours",
    type=click.IntRange(0, 720),
    default=int(_DEFAULTS.drawn / timedelta(hours=1)),
    show_default=True,
    help="The same of a click on another posting.",
)
def outcomes(*, days: int, clicked_days: int, seen_days: int, drawn_hours: int) -> None:
    """Credit applications to mails, and count the results of sends and experiments; run it nightly, before `refresh`.

    Whole days are recomputed, so that it may be killed and run any number of times.
    """
    refuse_pgbouncer("Recomputing holds connections")
    windows = Windows(
        clicked=timedelta(days=clicked_days),
        seen=timedelta(days=seen_days),
        drawn=timedelta(hours=drawn_hours),
    )
    with database_engine() as engine, progress_bar() as progress:
        report = recompute_outcomes(
            engine, now=datetime.now(UTC), days=days, windows=windows, progress=progress
        )
    seconds = ", ".join(f"{stage} {taken:.1f} s" for stage, taken in report.seconds.items())
    click.echo(
        f"{report.first} to {report.last} (UTC): {counted(report.judged, 'click')} newly told apart, {counted(report.credited, 'application')} "
        f"credited ({counted(report.changed, 'row')} changed), {counted(report.sends, 'send')} and {counted(len(report.experiments), 'experiment')} counted ({seconds})."
    )


COMMANDS = (outcomes,)
