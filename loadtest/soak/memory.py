"""Does a worker's memory grow? Resident memory of each worker from /proc, and the slope of it over time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from loadtest.proc import gunicorn_workers, resident_kb

KB_PER_MB = 1024
SECONDS_PER_MIN = 60
FEWEST_SAMPLES = 4
SURE_ERRORS = 2.0  # a slope so many standard errors from 0 is no chance


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """A straight line through memory over time; `standard_error` takes the samples as independent."""

    kb_per_min: float
    standard_error: float
    samples: int

    @property
    def grows(self) -> bool:
        """Whether it rises by more than chance explains."""
        return self.kb_per_min > SURE_ERRORS * self.standard_error


def slope(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Least squares through (seconds, KB); None with too few points or all at one moment."""
    n = len(points)
    if n < FEWEST_SAMPLES:
        return None
    mean_x, mean_y = (sum(values) / n for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return None
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    left = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
    error = math.sqrt(left / (n - 2) / spread)
    return Slope(kb_per_min=rise * SECONDS_PER_MIN, standard_error=error * SECONDS_PER_MIN, samples=n)


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One worker from its start to its end; `slope` begins when it is `settled`, None where it did not live so long."""

    pid: int
    seen_from_s: float
    seen_until_s: float
    first_mb: float
    last_mb: float
    slope: Slope | None


@dataclass
class Memory:
    """Samples of the workers below a demo, taken at seconds of a load phase.

    A worker's caches fill after its start, so its slope leaves out its first `settle_s`.
    """

    demo_pid: int
    settle_s: float
    proc: Path = Path("/proc")
    samples: dict[int, list[tuple[float, float]]] = field(default_factory=dict)

    def sample(self, at_s: float) -> None:
        """Look at each worker that lives now."""
        for pid in gunicorn_workers(self.demo_pid, proc=self.proc):
            kb = resident_kb(pid, proc=self.proc)
            if kb:
                self.samples.setdefault(pid, []).append((at_s, kb))

    def generations(self) -> tuple[Generation, ...]:
        """The workers there were, in the order of their start."""
        return tuple(
            Generation(
                pid=pid,
                seen_from_s=seen[0][0],
                seen_until_s=seen[-1][0],
                first_mb=seen[0][1] / KB_PER_MB,
                last_mb=seen[-1][1] / KB_PER_MB,
                slope=slope(self._settled(seen)),
            )
            for pid, seen in self.samples.items()
        )

    def whole(self) -> Slope | None:
        """Through all settled samples of all workers: what one generation leaves to the next shows here."""
        return slope([point for seen in self.samples.values() for point in self._settled(seen)])

    def within(self) -> Slope | None:
        """Through all settled samples, each worker's from its own mean: what grows while a worker lives."""
        centred: list[tuple[float, float]] = []
        for seen in self.samples.values():
            if settled := self._settled(seen):
                mean_x, mean_y = (sum(values) / len(settled) for values in zip(*settled, strict=True))
                centred += [(x - mean_x, y - mean_y) for x, y in settled]
        return slope(centred)

    def _settled(self, seen: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [point for point in seen if point[0] >= seen[0][0] + self.settle_s]
