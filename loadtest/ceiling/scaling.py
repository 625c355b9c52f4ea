"""Ceilings at several sizes: read from the command line and from evidence, fitted, described."""

import math
from collections.abc import Sequence
from pathlib import Path

from app.capacity.evidence.scaling import Law, Point, Scaling, ScalingError
from app.capacity.evidence.scaling import fit as fit_law
from loadtest.ceiling.evidence import read_evidence
from loadtest.errors import LoadtestError

__all__ = ("Law", "Point", "Scaling", "describe", "fit", "read_points")

PLAIN_UNCERTAINTY = 0.05  # of a ceiling given without bounds: what the search bisects to


def fit(points: Sequence[Point], *, seed: int = 1) -> Scaling:
    """Fit the law.

    Raises:
        LoadtestError: fewer than three sizes.
    """
    try:
        return fit_law(points, seed=seed)
    except ScalingError as error:
        raise LoadtestError(str(error)) from None


def read_points(words: Sequence[str]) -> list[Point]:
    """Read `SIZE=CALLS_PER_SECOND` or `SIZE=EVIDENCE.json`.

    Raises:
        LoadtestError: a word is neither.
    """
    return [_read_point(word) for word in words]


def _read_point(word: str) -> Point:
    size, _, value = word.partition("=")
    if not size.isdigit() or int(size) < 1 or not value:
        raise LoadtestError(
            f"{word!r} is no measured point: write SIZE=CALLS_PER_SECOND or SIZE=EVIDENCE.json."
        )
    try:
        rps = float(value)
    except ValueError:
        verdict = read_evidence(Path(value)).verdict
        if verdict.kind != "ceiling":
            raise LoadtestError(
                f"{value} found no ceiling ({verdict.kind}), and a lower bound cannot be fitted: measure it again."
            ) from None
        return Point(int(size), verdict.rps, verdict.low_rps, verdict.high_rps or verdict.rps)
    if not 0 < rps < math.inf:
        raise LoadtestError(f"{word!r}: a ceiling is a number of calls/s above 0.")
    return Point(int(size), rps, rps * (1 - PLAIN_UNCERTAINTY), rps * (1 + PLAIN_UNCERTAINTY))


def describe(scaling: Scaling, *, wanted_rps: float | None) -> str:
    """The answer in sentences.

    Raises:
        LoadtestError: no size that may be spoken of reaches `wanted_rps`.
    """
    law = scaling.law
    measured = max(point.size for point in scaling.points)
    peak = (
        f"it peaks at {max(int(law.peak), 1)} with {law.rps(max(int(law.peak), 1)):.0f} calls/s"
        if law.peak <= scaling.furthest
        else f"no peak up to {scaling.furthest}, twice the largest measured size"
    )
    noise = (
        f"Two runs at one size differ here by some {scaling.noise:.1%} (one standard deviation)."
        if scaling.is_repeated
        else f"No size was measured twice: two runs are taken to differ by some {scaling.noise:.1%}; repeat one to know."
    )
    lines = [
        f"One does {law.single_rps:.0f} calls/s; {law.sigma:.1%} of the work queues, mutual cost {law.kappa:.2g}; {peak}.",
        *(
            f"{size}: {law.rps(size):.0f} calls/s (90 % between {low:.0f} and {high:.0f})"
            f"{'' if size <= measured else ', not measured'}"
            for size in range(1, scaling.furthest + 1)
            for low, high in [scaling.interval(size)]
        ),
        noise,
    ]
    if wanted_rps is not None:
        lines.append(f"{wanted_rps:g} calls/s need {_size_for(scaling, wanted_rps)}.")
    return "\n".join(lines)


def _size_for(scaling: Scaling, wanted_rps: float) -> int:
    try:
        return scaling.size_for(wanted_rps)
    except ScalingError as error:
        raise LoadtestError(str(error)) from None
