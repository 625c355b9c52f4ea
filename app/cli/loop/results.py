"""What sends and experiments came to, and how many members an experiment needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isinf
from typing import TYPE_CHECKING

import click

from app.board.veto import board_day
from app.capacity.formats import LANGUAGES, number, percent
from app.cli.database import CommandError, database_engine
from app.feedback.experiments.definition import FEWEST_ARMS, MOST_ARMS
from app.feedback.results.as_json import campaign_json, experiment_json
from app.feedback.results.campaign import summarise
from app.feedback.results.experiment import NOT_SINCE, conclude
from app.feedback.results.fewest import FEWEST, is_few
from app.feedback.results.sentences import sentences
from app.feedback.statistics.power import POWER, Design, PowerError
from app.postgres.planning.results import PostgresResults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.capacity.formats import Lang
    from app.feedback.results.campaign import CampaignResult
    from app.feedback.results.experiment import ExperimentResult

_lang = click.option("--lang", type=click.Choice(LANGUAGES), default="ko", show_default=True)


@click.command()
@click.argument("name", metavar="CAMPAIGN|EXPERIMENT")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Of a campaign: sends from this day on, in Seoul."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_lang
def results(*, name: str, since: datetime | None, as_json: bool, lang: Lang) -> None:
    """What an experiment or a campaign came to, as `outcomes` counted it last."""
    with database_engine() as engine:
        store = PostgresResults(engine)
        if experiment := store.experiment(name):
            if since:
                raise CommandError(NOT_SINCE)
            found = conclude(experiment.counts)
            said = experiment_json(found, experiment.computed_at)
            lines = _experiment_lines(found, lang)
        else:
            sends = store.sends(name, since.date() if since else None)
            if not sends.sends or sends.computed_at is None:
                raise CommandError(
                    f"Nothing was counted of {name!r}: it is no experiment or campaign with mails that `connected-jobs outcomes` "
                    f"has counted{' since that day' if since else ''}, or they went to fewer than {FEWEST} members."
                )
            summary = summarise(name, sends.sends, board_day(datetime.now(UTC)))
            said = campaign_json(summary, sends.computed_at)
            lines = _campaign_lines(summary)
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(lines))
    click.echo(f"As `connected-jobs outcomes` counted it on {said['computed_at']:.16} UTC.")


def _experiment_lines(found: ExperimentResult, lang: Lang) -> Iterator[str]:
    yield from sentences(found, lang)
    yield ""
    yield f"{'arm':<20}{'mailed':>12}{'clicked':>10}{'after click':>13}{'applied':>10}{'applications':>14}{'unsubscribed':>14}{'spam':>8}"
    for arm in found.counts.arms:
        if is_few(arm):
            yield f"{arm.arm:<20}{arm.members:>12,}  (fewer than {FEWEST} members: what they did is not told)"
            continue
        yield (
            f"{arm.arm:<20}{arm.members:>12,}{arm.clicked:>10,}{_or_dash(arm.after_click):>13}{arm.applied:>10,}{arm.applications.y:>14,.0f}"
            f"{arm.events.get('unsubscribe', 0):>14,}{arm.events.get('spam', 0):>8,}"
        )
    p_value = found.sample_ratio_p
    yield f"Split: p = {'-' if p_value is None else f'{p_value:.3g}'}; members met in two arms: {found.counts.crossed:,}."


def _or_dash(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _campaign_lines(found: CampaignResult) -> Iterator[str]:
    yield f"{'sent on':<12}{'mailed':>12}{'clicked':>10}{'applied':>10}{'applications':>14}{'scanners':>10}{'unsubscribed':>14}"
    for send in found.sends:
        arms = send.arms
        yield (
            f"{send.day.isoformat():<12}{sum(arm.mailed for arm in arms):>12,}{sum(arm.clicked for arm in arms):>10,}"
            f"{sum(arm.applied for arm in arms):>10,}{sum(arm.all_applications for arm in arms):>14,}"
            f"{sum(sum(arm.scanners.values()) for arm in arms):>10,}"
            f"{sum(arm.events.get('unsubscribe', 0) for arm in arms):>14,}"
            f"{'  still grows' if send.day >= found.open_since else ''}"
        )
    for title, rates in (
        ("place", found.by_position),
        ("source", found.by_source),
        ("reason (sample)", found.by_reason),
    ):
        if rates:
            yield from ["", f"{title:<24}{'shown':>12}{'clicked':>10}{'rate':>8}"]
        for rate in rates:
            yield f"{rate.name:<24}{rate.shown:>12,}{rate.clicked:>10,}{percent(rate.rate):>8}"
    if found.mixed:
        yield f"\nBraze's variants {', '.join(found.mixed)} do not name one `variant` of their own: set it in each variant's template."


@click.command()
@click.option(
    "--base-rate",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    required=True,
    help="Per cent of members who apply as it is.",
)
@click.option("--lift", type=float, help="The relative difference to see, per cent: how many members?")
@click.option("--members", type=click.IntRange(1), help="Members in all arms: how small a difference?")
@click.option(
    "--arms", type=click.IntRange(FEWEST_ARMS, MOST_ARMS), default=2, show_default=True, help="Of equal size."
)
@click.option(
    "--power", type=click.FloatRange(50, 99.9), default=POWER * 100, show_default=True, help="Per cent."
)
def power(*, base_rate: float, lift: float | None, members: int | None, arms: int, power: float) -> None:
    """How many members an experiment needs for how small a difference, before it begins."""
    if (lift is None) == (members is None):
        raise CommandError(
            "Give --lift, to ask how many members, or --members, to ask how small a difference."
        )
    try:
        design = Design(
            base_share=base_rate / 100,
            control_share=1 / arms,
            arm_share=1 / arms,
            comparisons=arms - 1,
            power=power / 100,
        )
        if lift is not None:
            needed = design.members(lift / 100)
            click.echo(
                f"{number(needed)} members in {arms} arms show a difference of {lift:g} % of {base_rate:g} %."
            )
            return
        smallest = design.smallest_lift(members or 0)
    except PowerError as error:
        raise CommandError(str(error)) from error
    if isinf(smallest):
        raise CommandError(f"{number(members)} members show no difference at all: more are needed.")
    click.echo(
        f"{number(members)} members in {arms} arms show a difference of {smallest:.2%} of {base_rate:g} % or more."
    )


COMMANDS = (results, power)
