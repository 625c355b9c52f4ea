"""Commands that make, start, stop and list experiments on lists."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import click
import msgspec

from app.board.veto import BOARD_ZONE
from app.cli.database import by_option, database_engine
from app.feedback.experiments.definition import read_arms
from app.feedback.experiments.refusals import ExperimentError, Refusal
from app.feedback.experiments.register import ExperimentState
from app.postgres.planning.experiments import PostgresExperiments

if TYPE_CHECKING:
    from datetime import datetime

    from app.feedback.experiments.register import RegisteredExperiment


@click.group("experiment")
def experiment() -> None:
    """Split a campaign's members into arms whose lists are made in different ways."""


@experiment.command("create")
@click.argument("key")
@click.option("--campaign", required=True, help="Whose members are split, as in ?campaign=.")
@click.option(
    "--arm",
    "arms",
    multiple=True,
    metavar="NAME=RECIPE:PERCENT",
    help="Once for each arm, the control first. The recipe is recommended, popular, profile, or one of `refresh --recipe`; "
    "it is the name where none is given, and arms are of one size where no percentage is.",
)
@click.option("--until", metavar="DAY", help="The last day that is to count, such as 2026-12-31.")
@by_option
def create(key: str, campaign: str, arms: tuple[str, ...], until: str | None, by: str) -> None:
    """Put the experiment KEY on record; nobody is split before `start`."""
    chosen, last = read_arms(arms), _day(until)
    with database_engine() as engine:
        made = PostgresExperiments(engine).create(key, campaign, chosen, until=last, by=by)
    click.echo(f"{_line(made)}\nStart it with `connected-jobs experiment start {made.key}`.")


@experiment.command("start")
@click.argument("key")
@by_option
def start(key: str, by: str) -> None:
    """Split the sends of the campaign that begin from now on; those under way go on as they are."""
    with database_engine() as engine:
        click.echo(_line(PostgresExperiments(engine).start(key, by=by)))


@experiment.command("stop")
@click.argument("key")
@by_option
def stop(key: str, by: str) -> None:
    """Split no further sends; those under way keep their arms. A draft is withdrawn."""
    with database_engine() as engine:
        click.echo(_line(PostgresExperiments(engine).stop(key, by=by)))


@experiment.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(*, as_json: bool) -> None:
    """Every experiment, the newest first."""
    with database_engine() as engine:
        found = PostgresExperiments(engine).all()
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("There is no experiment.", err=True)


def _line(one: RegisteredExperiment) -> str:
    arms = ", ".join(f"{arm.name} ({arm.recipe}, {arm.share * 100:.4g} %)" for arm in one.arms)
    return f"{one.key}: {one.campaign}, {_state(one)}; {arms}{_planned(one)}"


def _state(one: RegisteredExperiment) -> str:
    if one.state == ExperimentState.DRAFT:
        return "draft"
    if one.started_at is None:
        return "withdrawn"
    since = f"from {_at(one.started_at)} on"
    return since if one.stopped_at is None else f"{since} until {_at(one.stopped_at)}"


def _planned(one: RegisteredExperiment) -> str:
    return "" if one.planned_end is None else f"; planned until {_at(one.planned_end)}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(BOARD_ZONE):%Y-%m-%d %H:%M:%S}"


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise ExperimentError(Refusal.NO_DAY, given=(text or "")[:40]) from error


COMMANDS = (experiment,)
