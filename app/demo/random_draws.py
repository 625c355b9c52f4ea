"""Random draws for code that builds one value at a time."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Weighted(Generic[T]):
    """Things to choose from, each with a chance in proportion to its weight."""

    things: tuple[T, ...]
    cumulative: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[T, float]]) -> Weighted[T]:
        """From (thing, weight) pairs; weights need not sum to 1, and a thing of weight 0 is left out."""
        kept = [(thing, weight) for thing, weight in pairs if weight > 0]
        return cls(tuple(thing for thing, _ in kept), tuple(accumulate(weight for _, weight in kept)))


class RandomStream:
    """A stream of draws; the same seed and name give the same stream, whatever other streams are drawn."""

    def __init__(self, seed: int, name: str) -> None:
        self._units = _units(generator(seed, name))

    def random(self) -> float:
        """A number in [0, 1)."""
        return next(self._units)

    def chance(self, share: float) -> bool:
        """True in this share of draws."""
        return self.random() < share

    def randint(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def choice(self, things: Sequence[T]) -> T:
        """One of them, each as likely."""
        return things[int(self.random() * len(things))]

    def weighted_choice(self, among: Weighted[T]) -> T:
        """One of them, by their weights."""
        at = bisect_right(among.cumulative, self.random() * among.cumulative[-1])
        return among.things[min(at, len(among.things) - 1)]

    def sample(self, things: Sequence[T], count: int) -> list[T]:
        """Up to `count` different ones, in their order."""
        left, need, chosen = len(things), min(count, len(things)), []
        for thing in things:
            if self.random() * left < need:
                chosen.append(thing)
                need -= 1
            left -= 1
        return chosen


def _units(numbers: np.random.Generator) -> Iterator[float]:
    while True:
        yield from numbers.random(_BLOCK).tolist()


def generator(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A numpy generator of its own for a seed, a purpose and any further numbers (a chunk's)."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *numbers])
