"""How many instances a wish needs, from ceilings measured at several numbers of them."""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

from app.capacity.evidence.scaling import FEWEST_SIZES, FURTHEST, Point, ScalingError, fit
from app.capacity.planner.judgement import Instances
from app.capacity.planner.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.capacity.evidence.ceiling import MeasuredCeiling

Row = tuple[int, float, float, float]


def instances_needed(
    wanted_rps: float, decides: MeasuredCeiling | None, measured: Sequence[MeasuredCeiling]
) -> Instances:
    """Return the instances whose surely sustained rate reaches `wanted_rps` (the usable share already counted in).

    Only ceilings of the same fingerprint as the test that decides are compared. All tests of a size count: they say by how
    much two runs differ.
    """
    if decides is None:
        return Instances(wanted_rps=wanted_rps, why=Reason(ReasonCode.INSTANCES_NO_EVIDENCE))
    if wanted_rps <= decides.low_rps:
        return Instances(
            wanted_rps=wanted_rps, needed=decides.instances, why=Reason(ReasonCode.INSTANCES_ENOUGH)
        )
    rows = _rows(decides, measured)
    sizes = tuple(sorted({size for size, *_ in rows}))
    if len(sizes) < FEWEST_SIZES:
        few = Reason(
            ReasonCode.INSTANCES_TOO_FEW_SIZES,
            {"sizes": sizes, "fewest": FEWEST_SIZES, "measure": _to_measure(sizes)},
        )
        at_least = _plain_bound(wanted_rps, rows)
        return Instances(wanted_rps=wanted_rps, at_least=at_least, sizes=sizes, why=few)
    needed, probable = _fitted(rows, wanted_rps, decides.instances or 0)
    why = None
    if needed is None:
        numbers = {"furthest": FURTHEST * sizes[-1], "largest": sizes[-1]}
        why = (
            Reason(ReasonCode.INSTANCES_BEYOND_MEASURED, numbers)
            if probable is None
            else Reason(ReasonCode.INSTANCES_NOT_SURE, {**numbers, "probable": probable})
        )
    return Instances(wanted_rps=wanted_rps, needed=needed, probable=probable, sizes=sizes, why=why)


def _rows(decides: MeasuredCeiling, measured: Sequence[MeasuredCeiling]) -> tuple[Row, ...]:
    return tuple(
        sorted(
            (test.instances, test.rps, min(test.low_rps, test.rps), max(test.high_rps or test.rps, test.rps))
            for test in measured
            if test.kind == "ceiling"
            and test.fingerprint == decides.fingerprint
            and test.instances is not None
            and test.low_rps > 0
        )
    )


def _to_measure(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Name the sizes to measure next: doubling, as the law asks for spread."""
    wanted = [size for size in (1, 2, 4, 8) if size not in sizes]
    return tuple(wanted[: FEWEST_SIZES - len(sizes)])


def _plain_bound(wanted_rps: float, rows: tuple[Row, ...]) -> int | None:
    """Fewer would not do even if each added as much as the best one measured: a bound, no forecast."""
    best_each = max((high / size for size, _, _, high in rows), default=0)
    return ceil(wanted_rps / best_each) if best_each > 0 else None


@lru_cache(maxsize=64)
def _fitted(rows: tuple[Row, ...], wanted_rps: float, too_few: int) -> tuple[int | None, int | None]:
    """Return how many surely do, and where none does how many do as likely as not."""
    scaling = fit([Point(*row) for row in rows])
    try:
        return scaling.size_for(wanted_rps, above=too_few), None
    except ScalingError:
        return None, scaling.probable_size_for(wanted_rps, above=too_few)
