"""How often the scaling law's interval holds the truth: synthetic services, searched and fitted many times.

`python -m tests.unit.capacity.evidence.coverage 60` prints the tables of docs/measurements/ceiling.md. The last two are of
somebody who knows by how much two runs differ, which nobody does: no rule that has to guess it can be better.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.capacity.evidence.scaling import NOISES as GUESSED
from app.capacity.evidence.scaling import Floats, Law, Point, ScalingError, fit

BRACKET = 0.05  # what a search bisects to
ANSWERED = 0.99  # of a rate that held
LEAST = 1e-4  # of a noise that is none
WISH = 1.15  # times the ceiling of the largest measured size
TRUTHS = {
    "linear": Law(400, 0.0, 0.0),
    "mild": Law(400, 0.03, 0.001),
    "queueing": Law(400, 0.15, 0.0),
    "peaks at 10": Law(400, 0.05, 0.0095),
}
SIZES = ((1, 2, 4), (1, 2, 4, 8))
NOISES = (0.0, 0.03, 0.07)


@dataclass
class Outcomes:
    """Counts of fits: the truth inside the interval, and what became of a wish that needs more than was measured."""

    fits: int = 0
    inside_largest: int = 0
    inside_twice: int = 0
    too_small: int = 0
    refused: int = 0
    beyond_reach: int = 0  # refused, and no size up to twice the largest would do
    probable: int = 0  # refused, with a size to measure
    probable_does: int = 0  # and that size would do

    def add(self, other: "Outcomes") -> None:
        """Add another's counts."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def shares(self) -> tuple[float, ...]:
        """All but `fits`, over it."""
        counts = list(vars(self).values())[1:]
        return tuple(count / self.fits for count in counts)


def searched(law: Law, sizes: tuple[int, ...], noise: float, runs: int, chance: random.Random) -> list[Point]:
    """Ceilings as searches would leave them: of a truth that differs between runs, the bracket somewhere around it."""
    return [_searched(law, size, noise, chance) for size in sizes for _ in range(runs)]


def _searched(law: Law, size: int, noise: float, chance: random.Random) -> Point:
    held = law.rps(size) * chance.lognormvariate(0, noise) / (1 + BRACKET * chance.random())
    return Point(size, held, ANSWERED * held, (1 + BRACKET) * held)


def outcome(law: Law, points: list[Point], noises: Floats = GUESSED) -> Outcomes:
    """One fit."""
    scaling = fit(points, noises=noises)
    largest = max(point.size for point in points)
    at_largest, at_twice = (
        low <= law.rps(size) <= high
        for size in (largest, 2 * largest)
        for low, high in [scaling.interval(size)]
    )
    wish = WISH * law.rps(largest)
    try:
        return Outcomes(1, at_largest, at_twice, law.rps(scaling.size_for(wish)) < wish)
    except ScalingError:
        probable = scaling.probable_size_for(wish)
    beyond = max(law.rps(size) for size in range(1, scaling.furthest + 1)) < wish
    does = probable is not None and law.rps(probable) >= wish
    return Outcomes(1, at_largest, at_twice, 0, 1, beyond, probable is not None, does)


def table(
    times: int, runs: int, *, noise_known: bool = False
) -> Iterator[tuple[str, tuple[int, ...], float, Outcomes]]:
    """Every service, set of sizes and noise, `times` each with `runs` searches a size."""
    for name, law in TRUTHS.items():
        for sizes in SIZES:
            for noise in NOISES:
                chance, cell = random.Random(f"{name}{sizes}{noise}{runs}"), Outcomes()
                noises = np.array([max(noise, LEAST)]) if noise_known else GUESSED
                for _ in range(times):
                    cell.add(outcome(law, searched(law, sizes, noise, runs, chance), noises))
                yield name, sizes, noise, cell


def main() -> None:
    """Print the tables for one, two and three runs a size, and for one and three where the noise is known."""
    times = int(sys.argv[-1]) if sys.argv[1:] else 60
    for runs, noise_known in ((1, False), (2, False), (3, False), (1, True), (3, True)):
        pooled = Outcomes()
        print(  # noqa: T201 - a table
            f"{runs} run(s) a size{', the noise known' if noise_known else ''}: inside at the largest, at twice it; advice "
            "too small; refused: all, of what no size does, with a size to measure, and it does"
        )
        for name, sizes, noise, cell in table(times, runs, noise_known=noise_known):
            pooled.add(cell)
            shares = "  ".join(f"{share:4.0%}" for share in cell.shares)
            print(f"{name:<12} {sizes!s:<13} noise {noise:3.0%}  {shares}", flush=True)  # noqa: T201 - a table
        print("all together".ljust(37), "  ".join(f"{share:5.1%}" for share in pooled.shares))  # noqa: T201 - a table


if __name__ == "__main__":
    main()
