"""Commands that play and judge planned sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.evidence.file import EvidenceError, read_evidence
from app.capacity.on_record import judge_window
from app.capacity.open_question import judge_question
from app.capacity.plan.plan import parse_question
from app.capacity.planner import ONLY_VERDICTS, as_json, as_text, judge
from app.capacity.play.play import play_file
from app.capacity.watch import Seen, look, turned
from app.cli.database import CommandError, database_engine, progress_bar, read_text
from app.postgres.lists.publications import select_now
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.watch import lock_watch, select_seen, update_seen
from app.settings import Settings
from app.webhook.payloads import ChannelMessage, kind_of, payload
from app.webhook.post import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.campaign import Case
    from app.capacity.formats import Lang
    from app.capacity.planner import Judgement, Verdict

EXIT_CODES: Final[Mapping[Verdict, int]] = {"GO": 0, "GO_IF": 10, "NO_GO": 20, "RETEST": 30}
TITLES: Final[Mapping[Lang, str]] = {"ko": "발송 판정이 바뀌었습니다", "en": "Verdicts on sends have turned"}
MORE: Final[Mapping[Lang, str]] = {"ko": "외 {count}건", "en": "and {count} more"}
MOST_PLAYED: Final = 60_000  # campaign-seconds to play beyond the ceiling; they take a command some seconds


@click.group()
def capacity() -> None:
    """Play and judge planned sends by Braze's rules."""


@capacity.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.option(
    "--case",
    type=click.Choice(["low", "likely", "high"]),
    default="likely",
    show_default=True,
    help="Which demand.",
)
def play(*, plan: Path, for_programs: bool, case: Case) -> None:
    """Play PLAN (docs/plan-file.md) minute by minute: messages, calls, retries, aborts, and when it ends."""
    with progress_bar() as progress:
        report = play_file(read_text(plan, "plan"), case=case, progress=partial(progress, "play"))
    click.echo(
        json.dumps(report.as_json(), ensure_ascii=False, indent=2) if for_programs else report.as_text()
    )


@capacity.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option(
    "--evidence",
    "evidence_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A load test's evidence file; may be given more than once.",
)
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.option(
    "--lang", type=click.Choice(["ko", "en"]), default="en", show_default=True, help="Of the sentences."
)
@click.option(
    "--now", "now_text", help="Judge as of this instant (ISO 8601; without an offset in the plan's zone)."
)
@click.pass_context
def check(
    context: click.Context,
    *,
    plan: Path | None,
    evidence_files: tuple[Path, ...],
    for_programs: bool,
    lang: Lang,
    now_text: str | None,
) -> None:
    """Judge PLAN (docs/planner.md): may it be sent, what to type into Braze, when it ends, and why.

    Without PLAN it judges the campaigns on record against the evidence on record and what runs now. With PLAN it
    needs no database, and so does not know what runs. Exit codes: 0 GO, 10 GO IF, 20 NO-GO, 30 RETEST.
    """
    given = [_read_measured(file) for file in evidence_files]
    judgement = _judge_register(given, now_text) if plan is None else _judge_file(plan, given, now_text)
    if for_programs:
        click.echo(json.dumps(as_json(judgement), ensure_ascii=False, indent=1))
    else:
        click.echo(as_text(judgement, lang), nl=False)
    context.exit(EXIT_CODES[judgement.verdict])


@capacity.command()
@click.option("--dry-run", is_flag=True, help="Print the message; send and keep nothing.")
def watch(*, dry_run: bool) -> None:
    """Judge the coming campaigns, and tell a Slack or Teams webhook (CJ_WATCH_WEBHOOK) which verdicts changed.

    A verdict that turned, a load test that will be too old on the day, or another program or settings: one message for
    all. For a nightly cron. A message is sent at least once: killed between sending and keeping what was seen, the next
    run sends it again. Exit codes: 0 told, or nothing to tell; 1 not told, and one sentence says why.
    """
    settings = Settings.from_env()
    if settings.watch_webhook is None and not dry_run:
        raise CommandError(
            "CJ_WATCH_WEBHOOK is not set: give the webhook's URL there, or CJ_WATCH_WEBHOOK_FILE, or use --dry-run."
        )
    url = settings.watch_webhook
    webhook = None if url is None else Webhook(url=url, private=settings.watch_private)
    with database_engine() as engine, engine.begin() as connection:
        if not lock_watch(connection):
            raise CommandError("Another `capacity watch` is at it: wait until it has ended.")
        register = PostgresRegister(engine)
        found = judge_window(
            register, PostgresEvidence(engine), now=select_now(connection), work=ONLY_VERDICTS
        )
        kept = select_seen(connection)
        before = None if kept is None else Seen.of_json(kept)
        now = look(before, found, register.running().fingerprints)
        lang = settings.watch_lang
        lines = turned(before, now, found, lang)
        if dry_run:
            click.echo("\n".join([TITLES[lang], *lines]) if lines else "Nothing turned: no message.")
            return
        if lines and webhook is not None:
            message = ChannelMessage(TITLES[lang], lines, MORE[lang])
            webhook.post(payload(message, settings.watch_kind or kind_of(webhook.host)))
        update_seen(connection, now.as_json())
    click.echo(f"Told {len(lines)}." if lines else "Nothing turned: no message.")


def _judge_file(plan: Path, measured: Sequence[MeasuredCeiling], now_text: str | None) -> Judgement:
    read = parse_question(read_text(plan, "plan"))
    now = _now(now_text, read.workspace.time_zone, otherwise=datetime.now(UTC))
    by_tests = partial(judge, measured=measured, running=None, now=now)
    return judge_question(read, lambda one, **work: by_tests(one, **({"most_played": MOST_PLAYED} | work)))


def _judge_register(measured: Sequence[MeasuredCeiling], now_text: str | None) -> Judgement:
    """Judge the campaigns on record that are not over; evidence given here replaces the evidence on record."""
    with database_engine() as engine:
        register = PostgresRegister(engine)
        with engine.connect() as connection:
            otherwise = select_now(connection)
        now = _now(now_text, register.workspace().time_zone, otherwise=otherwise)
        evidence = _GivenEvidence(measured) if measured else PostgresEvidence(engine)
        found = judge_window(register, evidence, now=now, work={"most_played": MOST_PLAYED})
    for one in found.left_out:
        click.echo(f"Not judged: campaign {one.campaign.id}, {one.campaign.name}. {one.sentence()}", err=True)
    if found.judgement is None:
        raise CommandError(
            "No campaign is on record from now on: give a PLAN file, or see `connected-jobs campaigns add --help`."
        )
    return found.judgement


@dataclass(frozen=True)
class _GivenEvidence:
    """Load tests given on the command line, in place of those on record."""

    tests: Sequence[MeasuredCeiling]

    def measured(self) -> Sequence[MeasuredCeiling]:
        """Return all load tests that were given."""
        return self.tests


def _read_measured(file: Path) -> MeasuredCeiling:
    try:
        evidence, _ = read_evidence(read_text(file, "evidence"))
    except EvidenceError as error:
        raise CommandError(f"{file}: {error}") from error
    return MeasuredCeiling.of(evidence)


def _now(text: str | None, time_zone: str, *, otherwise: datetime) -> datetime:
    if text is None:
        return otherwise
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--now is {text!r}; write an instant such as 2026-11-23T08:00+09:00.") from error
    return given if given.tzinfo else given.replace(tzinfo=ZoneInfo(time_zone))


COMMANDS = (capacity,)
