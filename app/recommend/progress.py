"""How far a long piece of work is: a share of it, from 0 to 1, told as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class SubProgress:
    """Progress of a part, told as that of the whole: from one share of it to another."""

    progress: Callable[[float], None]
    first: float
    last: float

    def __call__(self, share: float) -> None:
        """Tell what share of the part is done."""
        self.progress(self.first + share * (self.last - self.first))


def no_progress(_share: float) -> None:
    """Tell nobody."""
