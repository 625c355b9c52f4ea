"""`python -m loadtest ceiling | rehearse | report | scaling`."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import locust  # noqa: F401 - patches the standard library, which must come before anything else opens a socket

from loadtest.ceiling.environment import read_service_facts
from loadtest.ceiling.evidence import read_evidence, write_evidence
from loadtest.ceiling.find import CeilingOptions, find_ceiling
from loadtest.ceiling.report import html
from loadtest.ceiling.slo import PASS_LINE_FILE, read_pass_line
from loadtest.ceiling.step import SearchBudget
from loadtest.ceiling.terminal import Terminal
from loadtest.ceiling.verdict_sentence import what_next
from loadtest.errors import LoadtestError
from loadtest.generator.options import SenderOptions
from loadtest.generator.target import ALLOWED_HOSTS_VARIABLE, Traffic
from loadtest.outputs import dated
from loadtest.rehearsal.plans import read_plan_file
from loadtest.rehearsal.record import by_minute, write_record
from loadtest.rehearsal.rehearse import rehearse as rehearse_plan

EXISTS = click.Path(path_type=Path)


class _Command(click.Command):
    """A command whose refusals are one sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except LoadtestError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)


def sender_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that describe a sender."""
    options = [
        click.option("--host", required=True, help="the service, like http://127.0.0.1:8000"),
        click.option("--member-file", required=True, type=EXISTS, help="member ids, one a line"),
        click.option("--credential-file", required=True, type=EXISTS, help="one line name:secret"),
        click.option(
            "--allow-host", multiple=True, help=f"host names allowed, also {ALLOWED_HOSTS_VARIABLE}"
        ),
        click.option(
            "--ca-file", type=EXISTS, help="PEM of an authority to trust besides, for own certificates"
        ),
        click.option(
            "--passes", default=1, show_default=True, help="calls a message: 1 HTML, 2 and text, 3 and AMP"
        ),
        click.option("--unknown-share", default=0.0, help="share of messages to unknown members"),
        click.option("--preview-share", default=0.0, help="share of messages that are previews"),
        click.option("--seed", default=1, show_default=True, help="order of members, instants of calls"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _sender_options(given: dict[str, Any]) -> SenderOptions:
    return SenderOptions(
        host=given["host"],
        member_file=given["member_file"],
        credential_file=given["credential_file"],
        allow_hosts=given["allow_host"],
        ca_file=given["ca_file"],
        seed=given["seed"],
        traffic=Traffic(
            passes=given["passes"], unknown_share=given["unknown_share"], preview_share=given["preview_share"]
        ),
    )


@click.group()
def main() -> None:
    """Find the true call ceiling, rehearse a send, and report on it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@main.command(cls=_Command)
@sender_options
@click.option(
    "--out", type=EXISTS, help="the evidence, report beside it (default: a new file in .data/loadtest)"
)
@click.option("--pass-line", default=PASS_LINE_FILE, type=EXISTS, help="what a rate must keep, TOML")
@click.option(
    "--service-facts", type=EXISTS, help="JSON object: fingerprint, settings, instances, workers, …"
)
@click.option("--start-rps", default=25.0, show_default=True)
@click.option("--highest-rps", default=100_000.0, show_default=True, help="never offer more than this")
@click.option("--precision", default=0.05, show_default=True, help="bisect until the bounds are this close")
@click.option(
    "--step-s",
    default=SearchBudget.step_s,
    show_default=True,
    help="seconds of a step, prolonged up to three times",
)
@click.option("--soak-s", default=SearchBudget.soak_s, show_default=True)
@click.option(
    "--longest-soak-s",
    default=SearchBudget.longest_soak_s,
    show_default=True,
    help="a soak may be prolonged to judge cut-offs",
)
@click.option(
    "--open-soak-s",
    default=SearchBudget.open_soak_s,
    show_default=True,
    help="a soak that does not decide goes on to this, then counts as not held",
)
@click.option(
    "--overload-s",
    default=SearchBudget.overload_s,
    show_default=True,
    help="seconds at three times the ceiling; 0 for none",
)
@click.option(
    "--search-s", default=SearchBudget.search_s, show_default=True, help="after this bisect no further: soak"
)
@click.option(
    "--limit-s", default=SearchBudget.limit_s, show_default=True, help="begin no step or soak after this"
)
@click.option(
    "--return-s",
    default=SearchBudget.return_s,
    show_default=True,
    help="how long to wait for a service that went away",
)
@click.option("--processes", default=1, show_default=True, help="generate from so many Locust workers")
@click.option(
    "--arrivals", "spacing", default="poisson", type=click.Choice(["poisson", "constant"]), show_default=True
)
@click.option(
    "--restart-command",
    help="restarts the service, like 'systemctl restart connected-jobs': a cold start is then measured, too",
)
@click.option("--any-source", is_flag=True, help="do not ask first whether members get lists of their own")
def ceiling(out: Path | None, pass_line: Path, service_facts: Path | None, **given: Any) -> None:
    """Search the highest rate that keeps the pass line; write evidence and report."""
    options = CeilingOptions(
        sender=_sender_options(given),
        line=read_pass_line(pass_line),
        budget=SearchBudget(
            **{name: given[name] for name in SearchBudget.__dataclass_fields__},
        ),
        service_facts=read_service_facts(service_facts),
        **{
            name: given[name]
            for name in (
                "start_rps",
                "highest_rps",
                "precision",
                "spacing",
                "processes",
                "restart_command",
                "any_source",
            )
        },
    )
    with Terminal() as terminal:
        found = find_ceiling(options, terminal)
    out = out or dated("evidence")
    write_evidence(found, out)
    page = out.with_suffix(".html")
    page.write_text(html(found), encoding="utf-8")
    click.echo(found.verdict.sentence)
    click.echo(f"Evidence: {out}  Report: {page}")
    if advice := what_next(found):
        click.echo(advice)
        sys.exit(1)


@main.command(cls=_Command)
@click.argument("plan", type=EXISTS)
@sender_options
@click.option(
    "--speed", default=1.0, show_default=True, help="planned seconds a second; a call stands for so many"
)
@click.option("--out", type=EXISTS, help="the record (default: a new file in .data/loadtest)")
def rehearse(plan: Path, speed: float, out: Path | None, **given: Any) -> None:
    """Play a planned send's calls against the service; forecast beside measured, second by second."""
    read, options = read_plan_file(plan), _sender_options(given)
    sender = options.sender()
    with Terminal() as terminal:
        found = rehearse_plan(
            read,
            sender,
            host=str(options.origin()),
            speed=speed,
            name=plan.name,
            progress=terminal.rehearsing,
        )
    out = out or dated("rehearsal")
    write_record(found, out)
    click.echo(by_minute(found))
    click.echo(found.sentence)
    click.echo(f"Record: {out}")


@main.command(cls=_Command)
@click.argument("evidence", type=EXISTS)
@click.option("--out", type=EXISTS, help="the page; beside the evidence if not given")
def report(evidence: Path, out: Path | None) -> None:
    """Write the one-page report of an evidence file."""
    page = out or evidence.with_suffix(".html")
    page.write_text(html(read_evidence(evidence)), encoding="utf-8")
    click.echo(f"Report: {page}")


@main.command(cls=_Command)
@click.argument("points", nargs=-1, required=True)
@click.option("--wanted-rps", type=float, help="how many instances does this rate need?")
@click.option("--seed", default=1, show_default=True, help="of the bootstrap")
def scaling(points: tuple[str, ...], wanted_rps: float | None, seed: int) -> None:
    """Fit ceilings at several sizes: `1=410 2=790 3=1100`, or evidence files as `2=evidence-2.json`."""
    from loadtest.ceiling.scaling import describe, fit, read_points  # noqa: PLC0415 - half a second that no other command needs

    click.echo(describe(fit(read_points(points), seed=seed), wanted_rps=wanted_rps))


if __name__ == "__main__":
    main()
