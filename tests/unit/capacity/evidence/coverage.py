"""How often the scaling law's interval holds the truth: synthetic services, searched and fitted many times.

`python -m tests.unit.capacity.evidence.coverage --times 60` prints the table of docs/measurements/ceiling.md.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from app.capacity.evidence.scaling import Law, Point, ScalingError, fit

BRACKET = 0.05  # what a search bisects to
ANSWERED = 0.99  # of a rate that held
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

    def add(self, other: "Outcomes") -> None:
        """Add another's counts."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def shares(self) -> tuple[float, ...]:
        """All but `fits`, over it."""
        counts = (self.inside_largest, self.inside_twice, self.too_small, self.refused)
        return tuple(count / self.fits for count in counts)


def searched(law: Law, sizes: tuple[int, ...], noise: float, runs: int, chance: random.Random) -> list[Point]:
    """Ceilings as searches would leave them: of a truth that differs between runs, the bracket somewhere around it."""
    return [_searched(law, size, noise, chance) for size in sizes for _ in range(runs)]


def _searched(law: Law, size: int, noise: float, chance: random.Random) -> Point:
    held = law.rps(size) * chance.lognormvariate(0, noise) / (1 + BRACKET * chance.random())
    return Point(size, held, ANSWERED * held, (1 + BRACKET) * held)


def outcome(law: Law, points: list[Point]) -> Outcomes:
    """One fit."""
    scaling = fit(points)
    largest = max(point.size for point in points)
    at_largest, at_twice = (
        low <= law.rps(size) <= high
        for size in (largest, 2 * largest)
        for low, high in [scaling.interval(size)]
    )
    wish = WISH * law.rps(largest)
    try:
        small, refused = law.rps(scaling.size_for(wish)) < wish, False
    except ScalingError:
        small, refused = False, True
    return Outcomes(1, at_largest, at_twice, small, refused)


def table(times: int, runs: int) -> Iterator[tuple[str, tuple[int, ...], float, Outcomes]]:
    """Every service, set of sizes and noise, `times` each with `runs` searches a size."""
    for name, law in TRUTHS.items():
        for sizes in SIZES:
            for noise in NOISES:
                chance, cell = random.Random(f"{name}{sizes}{noise}{runs}"), Outcomes()
                for _ in range(times):
                    cell.add(outcome(law, searched(law, sizes, noise, runs, chance)))
                yield name, sizes, noise, cell


def main() -> None:
    """Print the tables for one, two and three runs a size."""
    times = int(sys.argv[-1]) if sys.argv[1:] else 60
    for runs in (1, 2, 3):
        pooled = Outcomes()
        print(f"{runs} run(s) a size: inside at the largest, at twice it; advice too small; refused")  # noqa: T201 - a table
        for name, sizes, noise, cell in table(times, runs):
            pooled.add(cell)
            shares = "  ".join(f"{share:4.0%}" for share in cell.shares)
            print(f"{name:<12} {sizes!s:<13} noise {noise:3.0%}  {shares}")  # noqa: T201 - a table
        print("all together".ljust(37), "  ".join(f"{share:5.1%}" for share in pooled.shares))  # noqa: T201 - a table


if __name__ == "__main__":
    main()
