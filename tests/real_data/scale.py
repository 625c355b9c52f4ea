"""What fitting and ranking cost as a board grows: `python -m tests.real_data.scale 100000 50000 2000000`.

The board is generated, so nothing here says anything of quality. Members act mostly on postings of their field and
region, the popular ones more. Prints seconds by stage, CPU included, and peak memory.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import multiprocessing
import pstats
import resource
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind, ActivityLog, Education, Member, Posting
from app.recommend.options import Options
from app.recommend.recommender import fit
from app.recommend.scoring.weights import Weights
from app.refresh.chunks import CHUNK_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.recommend.recommender import Recommender

NOW = datetime(2026, 11, 22, tzinfo=UTC)
_FIELDS, _REGIONS, _DISTRICTS, _SKILLS = 20, 16, 12, 400
_STRAY = 0.2  # of the activity is anywhere
_YEAR_S = 365 * 86_400


@dataclass(frozen=True)
class Generated:
    """A board whose profiles are made when they are asked for."""

    postings: list[Posting]
    fields: NDArray[np.int64]
    regions: NDArray[np.int64]
    activity: ActivityLog

    def profiles(self, positions: Sequence[int]) -> list[Member]:
        """Profiles by position."""
        return [self._profile(position) for position in positions]

    def _profile(self, at: int) -> Member:
        field, region = int(self.fields[at]), int(self.regions[at])
        return Member(
            id=str(at),
            categories=(f"{field}",),
            regions=(f"{region}/{at % _DISTRICTS}",),
            career_years=float(at % 17),
            education=Education(at % 6),
            skills=tuple(f"skill{(field * 20 + step * at) % _SKILLS}" for step in (1, 3, 7)),
            updated_at=NOW - timedelta(days=at % 365),
        )


def generate(members: int, postings: int, activities: int, *, seed: int = 0) -> Generated:
    """A board of a size; the activity is a little less, for what comes twice is one."""
    random = np.random.default_rng(seed)
    field, region = random.integers(0, _FIELDS, postings), random.integers(0, _REGIONS, postings)
    cell = field * _REGIONS + region
    by_cell = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[by_cell], np.arange(_FIELDS * _REGIONS + 1))
    fields, regions = random.integers(0, _FIELDS, members), random.integers(0, _REGIONS, members)
    who = (members * random.random(activities) ** 1.5).astype(np.int64)
    where = fields[who] * _REGIONS + regions[who]
    stray = random.random(activities) < _STRAY
    where[stray] = random.integers(0, _FIELDS * _REGIONS, int(stray.sum()))
    size = starts[where + 1] - starts[where]
    what = by_cell[
        np.minimum(starts[where] + (size * random.random(activities) ** 2).astype(np.int64), postings - 1)
    ]
    at = int(NOW.timestamp()) - random.integers(0, _YEAR_S, activities)
    kind = random.choice(
        [ActivityKind.VIEW, ActivityKind.SCRAP, ActivityKind.APPLY], activities, p=[0.7, 0.1, 0.2]
    )
    order = np.lexsort((what, at, who))
    log = ActivityLog(
        who[order].astype(np.int32), what[order].astype(np.int32), kind[order].astype(np.int8), at[order]
    )
    return Generated(
        [_posting(number, int(field[number]), int(region[number])) for number in range(postings)],
        fields,
        regions,
        log,
    )


def _posting(number: int, field: int, region: int) -> Posting:
    opened = NOW - timedelta(days=number % 60)
    return Posting(
        id=f"{number:08}",
        title=f"field{field} role{number % 50} level{number % 7}",
        company_id=str(number // 5),
        company="company",
        categories=(f"{field}",),
        regions=(f"{region}/{number % _DISTRICTS}",),
        career_min_years=float(number % 8),
        education=Education(number % 5),
        skills=tuple(f"skill{(field * 20 + step * number) % _SKILLS}" for step in (1, 2, 5)),
        opened_at=opened,
        url="https://board.example",
        updated_at=opened,
    )


_ranked: list[tuple[Recommender, Generated]] = []  # filled, and frozen, before the fork, as a refresh does


def _rank(start: int) -> int:
    model, board = _ranked[0]
    positions = range(start, min(start + CHUNK_MEMBERS, len(board.fields)))
    return sum(map(len, model.rank(positions, board.profiles(positions))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, fit, rank, and say what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_data.scale", description=__doc__)
    parser.add_argument("members", type=int)
    parser.add_argument("postings", type=int)
    parser.add_argument("activities", type=int)
    parser.add_argument(
        "--chunks", type=int, help=f"rank so many chunks of {CHUNK_MEMBERS:,} members only, spread over all"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--stated", action="store_true", help="take the stated weights, which saves half the fit"
    )
    parser.add_argument("--profile", action="store_true", help="also tell where the fit's CPU time goes")
    parser.add_argument("--save", help="also write the activity for other programs, as numpy's .npz")
    asked = parser.parse_args(arguments)
    board = generate(asked.members, asked.postings, asked.activities)
    if asked.save:
        np.savez(asked.save, member=board.activity.member, posting=board.activity.posting)
    say(f"generated: {asked.members:,} x {asked.postings:,} x {asked.activities:,}, {_peak_gb():.2f} GB")
    weights = Weights() if asked.stated else None
    if asked.profile:
        profile = cProfile.Profile(time.process_time)
        model = profile.runcall(_timed_fit, board, asked.members, weights)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(40)
    else:
        model = _timed_fit(board, asked.members, weights)
    _timed_rank(model, board, asked.chunks, asked.processes)
    return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _timed_fit(board: Generated, members: int, known: Weights | None) -> Recommender:
    def mark(stage: str, share: float) -> None:
        wall_s = time.monotonic() - began_s
        say(
            f"  {stage} {share:.2f}: {wall_s:.1f} s, {time.process_time() - cpu_s:.1f} s CPU, {_peak_gb():.2f} GB"
        )

    began_s, cpu_s = time.monotonic(), time.process_time()
    ids = [str(at) for at in range(members)]
    model = fit(
        board.postings,
        ids,
        board.activity,
        board.profiles,
        now=NOW,
        options=Options(),
        known=known,
        progress=mark,
    )
    say(
        f"fit: {time.monotonic() - began_s:.1f} s, {time.process_time() - cpu_s:.1f} s CPU, {_peak_gb():.2f} GB"
    )
    return model


def _timed_rank(model: Recommender, board: Generated, chunks: int | None, processes: int) -> None:
    starts = list(range(0, len(board.fields), CHUNK_MEMBERS))
    if chunks is not None and chunks < len(starts):
        starts = starts[:: len(starts) // chunks][:chunks]
    _ranked.append((model, board))
    gc.freeze()
    began_s = time.monotonic()
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        places = sum(pool.imap_unordered(_rank, starts))
    wall_s = time.monotonic() - began_s
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    ranked = sum(min(CHUNK_MEMBERS, len(board.fields) - start) for start in starts)
    cpu_s = usage.ru_utime + usage.ru_stime
    say(
        f"rank: {ranked:,} members ({places:,} places) in {wall_s:.1f} s by {processes} processes, "
        f"{1_000 * cpu_s / ranked:.2f} ms CPU each; all would take {wall_s * len(board.fields) / ranked:.0f} s; "
        f"a process peaks at {usage.ru_maxrss / 1e6:.2f} GB, shared memory included"
    )


if __name__ == "__main__":
    sys.exit(main())
