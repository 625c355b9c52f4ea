"""The whole chain on outside data, beside known methods: `python -m tests.real_data.proof applications SRC`.

Holds out, converts, imports into an embedded Postgres, refreshes, and measures what members would be served. Prints
tables in Markdown. Takes minutes; nothing of it is a test.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.cli.evaluating import _judge, _serve
from app.postgres import migrate
from app.postgres.board.load import load
from app.postgres.embedded import embedded_postgres
from app.postgres.engines import batch_engine
from app.recommend.evaluation import RankedList, compare, evaluate
from app.recommend.options import Options
from app.recommend.recommender import fit
from app.refresh.whole import refresh
from tests.integration.small_board import run_of
from tests.real_data import in_memory, reference
from tests.real_data.hold_out import HOLDOUT, hold_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.recommend.evaluation import Evaluation, MetricEstimate
    from app.recommend.recommender import Recommender
    from tests.real_data.in_memory import Board

Lists = dict[str, RankedList]
_KEEP = 50
_STRATA = ((0, 3), (4, 7), (8, 15), (16, 10**9))
_SHOWN = ("recall@5", "recall@10", "recall@20", "ndcg@10", "coverage@10", "gini@10", "most_exposed@10")
_CAPS = (1.0, 0.05, 0.03, 0.02, 0.01)
_FEWEST_IN_CITY = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chain and print what it gives."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_data.proof", description=__doc__)
    parser.add_argument("set", choices=("applications", "views"))
    parser.add_argument("src", type=Path)
    parser.add_argument("--strangers", type=int, metavar="SEED")
    parser.add_argument("--caps", action="store_true", help="also the curve of the congestion cap")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="connected-jobs-proof-") as folder:
        Path(folder).chmod(0o711)
        _prove(asked.set, asked.src, Path(folder), strangers=asked.strangers, caps=asked.caps)
    return 0


def _prove(name: str, src: Path, folder: Path, *, strangers: int | None, caps: bool) -> None:
    held = hold_out(name, src, folder / "kept", strangers=strangers)
    convert = importlib.import_module(f"tests.real_data.{name}").convert
    convert(folder / "kept", folder / "import")
    board, wanted = in_memory.load(folder / "import"), _wanted(folder / "kept" / HOLDOUT)
    say(f"## {name}: {len(wanted):,} members, {held:,} pairs held out")
    ours = _served(folder, wanted)
    _table({"served": ours}, wanted, board)
    if strangers is None:
        theirs = _references(board, wanted)
        _table(theirs, wanted, board)
        _gains(ours, theirs, wanted)
        _strata({"served": ours, **theirs}, wanted, board)
    if name == "views":
        _spread_off(board, wanted)
    if caps:
        _curve(board, wanted)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _wanted(path: Path) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            wanted.setdefault(row["member_id"], set()).add(row["posting_id"])
    return wanted


def _served(folder: Path, wanted: Mapping[str, object]) -> Lists:
    """What the members would be served after an import and a refresh."""
    options = {"fsync": "off", "shared_buffers": "256MB"}
    with embedded_postgres(folder / "postgres", options=options) as server:
        engine = batch_engine(server.url)
        migrate.upgrade(engine, "board")
        migrate.upgrade(engine, "service")
        loaded = load(engine, folder / "import", rejects=folder / "rejects.csv")
        report = refresh(engine, progress=lambda _stage, _share: None)
        say(
            f"rejected rows: {loaded.rejects or 'none'}; refresh of {report.members:,} members: {report.seconds}"
        )
        served = _serve(server.url, run_of(engine, report.run_id), wanted, _KEEP)
        say(f"first ten places that misfit plainly: {_judge(engine, served)[0].to_json()}")
        engine.dispose()
    return served


def _references(board: Board, wanted: Mapping[str, object]) -> dict[str, Lists]:
    log = board.activity
    ones = np.ones(len(log.member))
    done = sparse.csr_array(
        (ones, (log.member, log.posting)), shape=(len(board.members), len(board.postings))
    )
    done.data[:] = 1
    members = np.array([at for at, member in enumerate(board.member_ids) if member in wanted])
    found: dict[str, Lists] = {}
    for name, method in reference.METHODS.items():
        found[name] = {}
        for part in np.array_split(members, max(1, len(members) // 500)):
            lists = reference.lists(method(done, part), done, part, keep=_KEEP)
            for at, one in zip(part.tolist(), lists.tolist(), strict=True):
                found[name][board.member_ids[at]] = RankedList(
                    [board.postings[each].id for each in one], name
                )
    return found


def _told(metric: MetricEstimate) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"


def _table(lists: Mapping[str, Lists], wanted: Mapping[str, set[str]], board: Board) -> None:
    say("| | " + " | ".join(_SHOWN) + " |")
    for name, served in lists.items():
        _row(name, evaluate(served, wanted, catalogue_size=len(board.postings)))


def _row(name: str, measured: Evaluation) -> None:
    say(f"| {name} | " + " | ".join(_told(measured.metrics[each]) for each in _SHOWN) + " |")


def _gains(ours: Lists, theirs: Mapping[str, Lists], wanted: Mapping[str, set[str]]) -> None:
    say("gain of what is served, member by member:")
    for name, served in theirs.items():
        gain = compare(ours, served, wanted)
        say(f"| {name} | " + " | ".join(_told(gain[each]) for each in _SHOWN[:4]) + " |")


def _strata(lists: Mapping[str, Lists], wanted: Mapping[str, set[str]], board: Board) -> None:
    counts = np.bincount(board.activity.posting, minlength=len(board.postings))
    often = {posting.id: int(count) for posting, count in zip(board.postings, counts, strict=True)}
    say("Recall@10 by how many acted on the held-out posting:")
    for least, most in _STRATA:
        some = {
            member: kept
            for member, each in wanted.items()
            if (kept := {posting for posting in each if least <= often[posting] <= most})
        }
        recalls = [
            f"{name} {_told(evaluate(served, some, catalogue_size=len(board.postings)).metrics['recall@10'])}"
            for name, served in lists.items()
        ]
        say(f"| {least} to {most if most < 10**9 else 'all'} ({len(some)}) | " + " | ".join(recalls) + " |")


def _ranked(model: Recommender, board: Board, wanted: Mapping[str, object]) -> Lists:
    positions = [at for at, member in enumerate(board.member_ids) if member in wanted]
    ranked = model.rank(positions, board.profiles(positions))
    return {
        board.member_ids[at]: RankedList([each.posting_id for each in one], "in memory")
        for at, one in zip(positions, ranked, strict=True)
    }


def _fit(board: Board, options: Options, known: Recommender | None = None) -> Recommender:
    return fit(
        board.postings,
        board.member_ids,
        board.activity,
        board.profiles,
        now=datetime.now(UTC),
        options=options,
        known=known.weights if known else None,
    )


def _spread_off(board: Board, wanted: Mapping[str, set[str]]) -> None:
    """Lists without the company spread, and the members whose last viewed city has many other postings."""
    model = _fit(board, Options())
    lists = {
        "spread on": _ranked(model, board, wanted),
        "spread off": _ranked(replace(model, options=Options(per_company=_KEEP)), board, wanted),
    }
    say("in memory, without Postgres:")
    _table(lists, wanted, board)
    cities = [posting.regions for posting in board.postings]
    in_city: dict[tuple[str, ...], int] = {}
    for city in cities:
        in_city[city] = in_city.get(city, 0) + 1
    log = board.activity
    last_city = {
        int(member): cities[posting] for member, posting in zip(log.member, log.posting, strict=True)
    }
    hard = {
        member: wanted[member]
        for at, member in enumerate(board.member_ids)
        if member in wanted and at in last_city and in_city[last_city[at]] > _FEWEST_IN_CITY
    }
    say(f"hard subset, {len(hard)} members:")
    _table(lists, hard, board)


def _curve(board: Board, wanted: Mapping[str, set[str]]) -> None:
    """What the cap on congestion costs and gains, for all members' lists."""
    first = _fit(board, Options(congestion_share=1.0))
    say("cap:")
    for share in _CAPS:
        model = _fit(board, Options(congestion_share=share), first)
        _row(
            f"{share:.0%}",
            evaluate(_ranked(model, board, wanted), wanted, catalogue_size=len(board.postings)),
        )


if __name__ == "__main__":
    sys.exit(main())
