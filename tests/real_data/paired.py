"""The lists of two versions of the code on the same held-out activity: `python -m tests.real_data.paired --help`.

`ranks` fits the board less one posting of each member and writes where in the member's list that posting stands, by the
code as it is checked out. `difference` compares two folders of such files, member by member. In memory, without
Postgres; nothing of it is a test.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.features.same_job import same_jobs
from app.recommend.options import Options
from app.recommend.recommender import fit
from tests.real_data import in_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.board.model import ActivityLog
    from app.recommend.recommender import Recommender
    from tests.real_data.in_memory import Board

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ABSENT = 1_000  # the place of a posting that is not in the list
_DEPTHS = (5, 10, 20)
_DRAWS = 1_000
_RANKED_AT_ONCE = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Write ranks, or compare what was written."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_data.paired", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ranks = commands.add_parser("ranks", help="fit, rank, and write a file into OUT")
    ranks.add_argument("set", choices=("applications", "views", "generated"))
    ranks.add_argument("src", type=Path, help="the data as found, or the folder that `generate` wrote")
    ranks.add_argument("out", type=Path)
    ranks.add_argument(
        "--random", type=int, metavar="SEED", help="a random posting of each member, not the last"
    )
    ranks.add_argument("--at-least", type=int, default=3, help="postings of a member of whom one is held out")
    ranks.add_argument("--seed", type=int, default=0, help="of the fit")
    ranks.add_argument("--members", type=int, help="hold out of so many members only")
    difference = commands.add_parser("difference", help="paired differences of files with the same name")
    difference.add_argument("before", type=Path)
    difference.add_argument("after", type=Path)
    difference.add_argument("--files", default="*.npz", help="only these")
    asked = parser.parse_args(arguments)
    if asked.command == "difference":
        for line in compared(asked.before, asked.after, asked.files):
            say(line)
    else:
        _write_ranks(asked)
    return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def chosen(log: ActivityLog, *, random: int | None, at_least: int, members: int | None) -> NDArray[np.int64]:
    """One (member, posting) of each member with at least so many postings: pairs x 2, sorted by member.

    The last posting that the member came to for the first time, or a random one drawn with the seed `random`. With
    `members`, of so many members drawn by chance.
    """
    count = int(log.posting.max(initial=0)) + 1
    _, first = np.unique(log.member.astype(np.int64) * count + log.posting, return_index=True)
    first.sort()
    member, posting = log.member[first], log.posting[first]
    starts = np.flatnonzero(np.r_[True, np.diff(member) > 0])
    lengths = np.diff(np.r_[starts, len(member)])
    enough = np.flatnonzero(lengths >= at_least)
    if members is not None and members < len(enough):
        enough = np.sort(np.random.default_rng(0).choice(enough, members, replace=False))
    steps = lengths[enough] - 1
    if random is not None:
        steps = np.random.default_rng(random).integers(0, lengths[enough])
    pairs = starts[enough] + steps
    return np.stack([member[pairs], posting[pairs]], axis=1).astype(np.int64)


def _write_ranks(asked: argparse.Namespace) -> None:
    board = _board(asked.set, asked.src)
    held = chosen(board.activity, random=asked.random, at_least=asked.at_least, members=asked.members)
    count = len(board.postings)
    of_pair = board.activity.member.astype(np.int64) * count + board.activity.posting
    kept = board.less(np.isin(of_pair, held @ np.array([count, 1])))
    began_s = time.process_time()
    model = fit(
        kept.postings,
        kept.member_ids,
        kept.activity,
        kept.profiles,
        now=NOW,
        options=Options(seed=asked.seed),
    )
    fit_s, peak_kb = time.process_time() - began_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.process_time()
    by_id, by_job = _places(model, kept, held)
    rank_s = time.process_time() - began_s
    how = "last" if asked.random is None else f"random{asked.random}"
    asked.out.mkdir(parents=True, exist_ok=True)
    name = f"{asked.set}-{how}-{asked.at_least}-seed{asked.seed}"
    np.savez(
        asked.out / f"{name}.npz", member=held[:, 0], by_id=by_id, by_job=by_job, new_job=_new_job(kept, held)
    )
    told = {
        "members": len(held),
        **{f"recall@{k}": round(float((by_id < k).mean()), 4) for k in _DEPTHS},
        "fit_cpu_s": round(fit_s, 1),
        "rank_cpu_ms": round(1_000 * rank_s / len(held), 2),
        "peak_mb": peak_kb // 1_024,
    }
    (asked.out / f"{name}.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    say(f"{name}: {told}")


def _board(name: str, src: Path) -> Board:
    if name == "generated":
        return in_memory.load(src)
    with tempfile.TemporaryDirectory(prefix="connected-jobs-paired-") as folder:
        importlib.import_module(f"tests.real_data.{name}").convert(src, Path(folder))
        return in_memory.load(Path(folder))


def _places(
    model: Recommender, board: Board, held: NDArray[np.int64]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """The place of each held-out posting in the member's list, from 0, and that of any posting of its job."""
    position = {posting.id: at for at, posting in enumerate(board.postings)}
    job = _jobs(board)
    by_id, by_job = np.full((2, len(held)), ABSENT, np.int16)
    for start in range(0, len(held), _RANKED_AT_ONCE):
        part = held[start : start + _RANKED_AT_ONCE]
        members = part[:, 0].tolist()
        for row, ranked in enumerate(model.rank(members, board.profiles(members)), start):
            listed = np.array([position[each.posting_id] for each in ranked], np.int64)
            for places, found in (
                (by_id, listed == held[row, 1]),
                (by_job, job[listed] == job[held[row, 1]]),
            ):
                if found.any():
                    places[row] = found.argmax()
    return by_id, by_job


def _jobs(board: Board) -> NDArray[np.int64]:
    """For each posting the first of its job."""
    job = np.arange(len(board.postings))
    for group in same_jobs(board.postings):
        job[group] = group[0]
    return job


def _new_job(board: Board, held: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the member never came to the held-out posting's job under another id."""
    job, log = _jobs(board), board.activity
    known = log.member.astype(np.int64) * len(job) + job[log.posting]
    return ~np.isin(held[:, 0] * len(job) + job[held[:, 1]], known)


def compared(before: Path, after: Path, files: str = "*.npz") -> list[str]:
    """Rows of a table: recall before, after, and the difference with its 95 % interval.

    Files of the same name are paired row by row; the bootstrap draws members, with all the rows they have.
    """
    pairs = [
        (np.load(path), np.load(after / path.name))
        for path in sorted(before.glob(files))
        if (after / path.name).exists()
    ]
    if not pairs:
        raise SystemExit(f"No {files} is in {before} and in {after}.")
    lines = ["| | rows | before | after | difference (95 %) |", "|---|---|---|---|---|"]
    for which in ("by_id", "by_job"):
        for k in _DEPTHS:
            member, first, second = [], [], []
            for one, other in pairs:
                keep = one["new_job"] if which == "by_job" else np.ones(len(one["member"]), np.bool_)
                member.append(one["member"][keep])
                first.append((one[which] < k)[keep].astype(np.float64))
                second.append((other[which] < k)[keep].astype(np.float64))
            was, is_ = np.concatenate(first), np.concatenate(second)
            low, high = interval(np.concatenate(member), is_ - was)
            name = f"Recall@{k}" + (", by job" if which == "by_job" else "")
            change = f"{(is_ - was).mean():+.4f} ({low:+.4f} to {high:+.4f})"
            lines.append(f"| {name} | {len(was):,} | {was.mean():.4f} | {is_.mean():.4f} | {change} |")
    return lines


def interval(member: NDArray[np.integer], values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of the mean, from 1,000 draws of members."""
    _, row = np.unique(member, return_inverse=True)
    total, rows = np.bincount(row, weights=values), np.bincount(row)
    random = np.random.default_rng(0)
    means = [
        float(drawn @ total / (drawn @ rows))
        for drawn in (random.multinomial(len(rows), np.full(len(rows), 1 / len(rows))) for _ in range(_DRAWS))
    ]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
