"""Measuring the quality of lists as the serving path would give them."""

from __future__ import annotations

import csv
import json
import time
from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.database import CommandError, database, unreadable
from app.plurals import counted
from app.postgres.board.snapshot import count_open_postings, profiles, snapshot
from app.postgres.engines import batch_engine, driver_of
from app.postgres.feedback.mailed import select_shown
from app.postgres.lists.runs import ReadyRun, select_ready_runs
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS
from app.recommend.evaluation import RankedList, RepeatShare, compare, evaluate, repeat_share
from app.recommend.features.catalogue import build_catalogue
from app.recommend.misfit_share import MisfitShare, misfit_share, shown_lists
from app.recommend.scoring.discount import SHOWN_WITHIN_DAYS
from app.runtime.deadline import Deadline
from app.serving.request import CallContext, RecommendationRequest, RequestOptions
from app.serving.store import Publication, Run
from app.serving_parts import build_serving
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from app.serving.answering import Answering

PATIENCE_S = 30.0
# Cards of the whole board, and no member's list twice.
_SETTINGS = Settings(
    cards=1_000_000, card_ttl_s=86_400, lists=1, list_fresh_s=0, list_stale_s=1, send_hold_s=0
)


@click.command("evaluate")
@click.option(
    "--holdout", type=click.Path(path_type=Path), required=True, help="CSV with member_id and posting_id."
)
@click.option("--k", "depths", default="5,10,20", show_default=True, help="Depths of recall and NDCG.")
@click.option("--run", "run_id", type=int, help="Which run (default: the one published last).")
@click.option("--compare", "other_id", type=int, help="Also the difference to this run, member by member.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def evaluate_(*, holdout: Path, depths: str, run_id: int | None, other_id: int | None, as_json: bool) -> None:
    """Measure the lists that members would be served against held-out activity in HOLDOUT."""
    ks = _depths(depths)
    held_out = _pairs(holdout)
    with database() as url:
        engine = batch_engine(url)
        with engine.connect() as connection:
            rows = {row.run.id: row for row in select_ready_runs(connection)}
            postings = count_open_postings(connection)
        chosen = _choose(rows, run_id)
        served = _serve(url, chosen.run, held_out, max(ks))
        report: dict[str, Any] = {
            "run": chosen.run.id,
            **evaluate(served, held_out, catalogue_size=postings, ks=ks).to_json(),
            "refresh_members_per_s": round(chosen.members / chosen.refresh_s, 1)
            if chosen.refresh_s
            else None,
        }
        if other_id is not None:
            other = _serve(url, _choose(rows, other_id).run, held_out, max(ks))
            difference = compare(served, other, held_out, ks=ks)
            report["compared_with"] = other_id
            report["difference"] = {name: metric.to_json() for name, metric in difference.items()}
        misfits, repeats = _judge(engine, served)
        report |= {"misfits": misfits.to_json(), "repeats": repeats.to_json()}
    click.echo(json.dumps(report, ensure_ascii=False, indent=2) if as_json else _table(report))


def _depths(depths: str) -> list[int]:
    try:
        ks = sorted({int(part) for part in depths.split(",")})
    except ValueError:
        ks = []
    if not ks or not 1 <= ks[0] <= ks[-1] <= 50:  # noqa: PLR2004 - a list's length
        raise CommandError(f"--k {depths} does not fit: give whole numbers from 1 to 50, such as 5,10,20.")
    return ks


def _pairs(path: Path) -> dict[str, set[str]]:
    """Return held-out postings by member."""
    held_out: dict[str, set[str]] = defaultdict(set)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := {"member_id", "posting_id"} - set(rows.fieldnames or ()):
                raise CommandError(
                    f"{path} has no column {' and '.join(sorted(missing))}: its first line names the columns."
                )
            for row in rows:
                held_out[row["member_id"]].add(row["posting_id"])
    except csv.Error as error:
        raise CommandError(f"The hold-out {path} is not CSV: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, "hold-out", error) from error
    if not held_out:
        raise CommandError(f"{path} holds no pairs: there is nothing to measure.")
    return held_out


def _choose(rows: Mapping[int, ReadyRun], run_id: int | None) -> ReadyRun:
    if not rows:
        raise CommandError("No run is there to evaluate: run `connected-jobs refresh` first.")
    if run_id is None:
        return next(iter(rows.values()))
    if run_id not in rows:
        raise CommandError(
            f"Run {run_id} has no lists: those that have are {', '.join(map(str, sorted(rows)))}."
        )
    return rows[run_id]


def _judge(engine: Engine, served: Mapping[str, RankedList]) -> tuple[MisfitShare, RepeatShare]:
    """Judge what each member would be shown against their profile, their activity and their past mails."""
    with snapshot(engine) as board:
        postings, member_ids = board.postings(), board.member_ids()
        log = board.activity([posting.id for posting in postings])
        ids = sorted(served.keys() & set(member_ids))
        people = profiles(driver_of(board.connection), ids, board.left_out)
        since = board.taken_at - timedelta(days=SHOWN_WITHIN_DAYS)
        shown = list(select_shown(driver_of(board.connection), ids, since=since, until=board.taken_at))
    catalogue = build_catalogue(postings, board.taken_at)
    job_of = dict(zip(catalogue.ids, catalogue.lead.tolist(), strict=True))
    ignored: dict[str, set[int]] = defaultdict(set)
    for row in shown:
        ignored[row.member_id].add(job_of.get(row.posting_id, -1))
    lists = {member_id: one.postings for member_id, one in served.items()}
    misfits = misfit_share(shown_lists(people, lists, catalogue, log, member_ids), catalogue)
    return misfits, repeat_share(served, ignored, job_of)


def _serve(url: str, run: Run, members: Collection[str], limit: int) -> dict[str, RankedList]:
    """Return each member's answer from a run: the path of a call without HTTP."""
    options = RequestOptions("evaluation", "evaluation", None, limit, "ko")
    with _answering(url, run) as (answering, now):
        served = {}
        for member_id in members:
            context = CallContext(now, Deadline(time.monotonic() + PATIENCE_S))
            answer = answering.answer(RecommendationRequest(member_id, options), context=context)
            if answer.degraded:
                raise CommandError("Postgres stopped answering: nothing was measured.")
            served[member_id] = RankedList([card.id for card, _ in answer.places], answer.source)
        return served


@contextmanager
def _answering(url: str, run: Run) -> Iterator[tuple[Answering, datetime]]:
    """Yield the answering part on one run, published or not, and the current time by the store's clock."""
    pool = ServingPool(
        url, STATEMENTS, size=1, wait_s=PATIENCE_S, statement_timeout_ms=round(PATIENCE_S * 1000)
    )
    pool.open()
    try:
        parts = build_serving(_SETTINGS, pool)
        parts.publications.log = [Publication(0, run, run.generated_at)]
        parts.shelves.update(run)
        yield parts.answering, parts.register.clock()
    finally:
        pool.close()


def _table(report: Mapping[str, Any]) -> str:
    """Return the measures for people, each with its 95 % interval."""
    lines = [
        f"run {report['run']}: {counted(report['members'], 'member')}, {counted(report['pairs'], 'held-out pair')}"
    ]
    lines += [f"{name:<28} {part:8.1%} of members" for name, part in report["sources"].items()]
    lines += _measures(report)
    lines += [
        f"{'misfits@10, ' + name:<28} {part:8.1%} of places"
        for name, part in report["misfits"].items()
        if name != "places"
    ]
    lines.append(f"{'shown before and ignored@10':<28} {report['repeats']['ignored']:8.1%} of places")
    if "difference" in report:
        lines += [f"difference to run {report['compared_with']}:", *_measures(report["difference"])]
    if report["refresh_members_per_s"]:
        lines.append(f"{'refresh':<28} {report['refresh_members_per_s']:8.1f} members/s")
    return "\n".join(lines)


def _measures(values: Mapping[str, Any]) -> Sequence[str]:
    return [
        f"{name:<28} {metric['value']:8.4f}  [{metric['low']:.4f}, {metric['high']:.4f}]"
        for name, metric in values.items()
        if isinstance(metric, dict) and "low" in metric
    ]


COMMANDS = (evaluate_,)
