"""How many different members called, kept in 16 KB however many they are, and added up over workers and instances."""

from __future__ import annotations

import logging
import zlib
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hyperloglog import HyperLogLog  # type: ignore[import-untyped] # it has no types

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

_log = logging.getLogger("connected_jobs.sends")
ASKED_ERROR = 0.01  # makes 2^14 registers, each a byte
ERROR = 1.96 * 1.04 / sqrt(2**14)  # 1.6 %: what 95 % of estimates keep to (Flajolet et al. 2007)
_FASTEST = 1  # most registers of a small send are 0, which packs well at any level


class Estimate(NamedTuple):
    """A number of members, with the bounds that 95 % of estimates keep to."""

    low: float
    likely: float
    high: float


class DistinctMembers:
    """A sketch of the members seen: HyperLogLog++ (Heule et al. 2013)."""

    def __init__(self) -> None:
        self._sketch = HyperLogLog(ASKED_ERROR)

    def add(self, members: Collection[str]) -> None:
        """Add members; one who is added again makes no difference."""
        if members:
            self._sketch.add_bulk(members)

    def pack(self) -> bytes:
        """Return the sketch's registers, compressed."""
        return zlib.compress(self._sketch.M.astype(np.int8).tobytes(), _FASTEST)


def _unpack(packed: bytes) -> NDArray[np.int8]:
    """Return the registers of a packed sketch, `(2^14,) int8`; none of what is no sketch."""
    try:
        return np.frombuffer(zlib.decompress(packed), dtype=np.int8)
    except (zlib.error, TypeError):
        return np.zeros(0, dtype=np.int8)


def estimate(sketches: Iterable[bytes]) -> Estimate:
    """Estimate how many different members all of the packed sketches saw together."""
    together = HyperLogLog(ASKED_ERROR)
    for packed in sketches:
        other = HyperLogLog(ASKED_ERROR)
        registers = _unpack(packed)
        if len(registers) != len(other.M):
            _log.warning("a sketch of a send's members cannot be read, and is left out")
            continue
        other.M = registers
        together.update(other)
    members = float(together.card())
    return Estimate(members * (1 - ERROR), members, members * (1 + ERROR))
