"""How many different members called, kept in 16 KB however many they are, and added up over workers and instances."""

from __future__ import annotations

import logging
import zlib
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from hyperloglog import HyperLogLog  # type: ignore[import-untyped] # it has no types

from app.capacity.campaign import Range

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

_log = logging.getLogger("connected_jobs.sends")
ASKED_ERROR = 0.01  # makes 2^14 registers, each a byte
ERROR = 1.96 * 1.04 / sqrt(2**14)  # 1.6 %: what 95 % of estimates keep to (Flajolet et al. 2007)
_FASTEST = 1  # most registers of a small send are 0, which packs well at any level


class Distinct:
    """A sketch of the members seen: HyperLogLog++ (Heule et al. 2013)."""

    def __init__(self) -> None:
        self._sketch = HyperLogLog(ASKED_ERROR)

    def add(self, members: Collection[str]) -> None:
        """Note members; again and again makes no difference."""
        if members:
            self._sketch.add_bulk(members)

    def packed(self) -> bytes:
        """The sketch as bytes, to keep."""
        return zlib.compress(self._sketch.M.astype(np.int8).tobytes(), _FASTEST)


def _unpacked(packed: bytes) -> NDArray[np.int8]:
    """The registers of a packed sketch; none of what is no sketch."""
    try:
        return np.frombuffer(zlib.decompress(packed), dtype=np.int8)
    except (zlib.error, TypeError):
        return np.zeros(0, dtype=np.int8)


def estimate(sketches: Iterable[bytes]) -> Range:
    """How many members all of the packed sketches saw together: the bounds of 95 % and the likely number."""
    together = HyperLogLog(ASKED_ERROR)
    for packed in sketches:
        other = HyperLogLog(ASKED_ERROR)
        registers = _unpacked(packed)
        if len(registers) != len(other.M):
            _log.warning("a sketch of a send's members cannot be read, and is left out")
            continue
        other.M = registers
        together.update(other)
    members = float(together.card())
    return Range(members * (1 - ERROR), members, members * (1 + ERROR))
