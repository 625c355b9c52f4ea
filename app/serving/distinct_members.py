"""Counts distinct members in 16 KB however many they are; sketches are merged over workers and instances."""

from __future__ import annotations

import logging
import zlib
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from hyperloglog import HyperLogLog  # type: ignore[import-untyped] # it has no types

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

_log = logging.getLogger("connected_jobs.sends")
TARGET_ERROR = 0.01  # gives 2^14 registers of a byte each
ERROR = 1.96 * 1.04 / sqrt(2**14)  # 1.6 %: the error of 95 % of estimates is below (Flajolet et al. 2007)
_FASTEST = 1  # most registers of a small send are 0, which compresses well at any level


class Estimate(NamedTuple):
    """An estimated number of members, with its 95 % interval."""

    low: float
    likely: float
    high: float


class DistinctMembers:
    """A sketch of the members seen: HyperLogLog++ (Heule et al. 2013)."""

    def __init__(self) -> None:
        self._sketch = HyperLogLog(TARGET_ERROR)

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """The sketch that was packed; an empty one where what was packed cannot be read."""
        made = cls()
        registers = _unpack(packed)
        if len(registers) == len(made._sketch.M):
            made._sketch.M = registers.astype(made._sketch.M.dtype)
        else:
            _log.warning("a sketch cannot be read, and is begun anew")
        return made

    def add(self, members: Collection[str]) -> None:
        """Add members; adding one again has no effect."""
        if members:
            self._sketch.add_bulk(members)

    def pack(self) -> bytes:
        """Return the sketch's registers, compressed."""
        return zlib.compress(self._sketch.M.astype(np.int8).tobytes(), _FASTEST)


def _unpack(packed: bytes) -> NDArray[np.int8]:
    """Return the registers of a packed sketch, `(2^14,) int8`; none where it is not a sketch."""
    try:
        return np.frombuffer(zlib.decompress(packed), dtype=np.int8)
    except (zlib.error, TypeError):
        return np.zeros(0, dtype=np.int8)


def estimate(sketches: Iterable[bytes]) -> Estimate:
    """Estimate how many different members all of the packed sketches saw together."""
    merged = HyperLogLog(TARGET_ERROR)
    for packed in sketches:
        other = HyperLogLog(TARGET_ERROR)
        registers = _unpack(packed)
        if len(registers) != len(other.M):
            _log.warning("a sketch of a send's members cannot be read, and is left out")
            continue
        other.M = registers
        merged.update(other)
    members = float(merged.card())
    return Estimate(members * (1 - ERROR), members, members * (1 + ERROR))
