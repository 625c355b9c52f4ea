"""A block's candidates with their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from app.recommend.scoring.pairs import Pairs
    from app.recommend.scoring.signals import BlockSignals
    from app.recommend.scoring.weights import Signal


@dataclass(frozen=True, slots=True)
class ScoredBlock:
    """The n_pairs candidates of a block, what each signal contributes to their scores, and the scores.

    Attributes:
        signals: The candidates and their signals.
        contributions: (n_pairs,) float32 by signal.
        scores: (n_pairs,) float32: the contributions summed, less what is taken off, with plain misfits held back.
    """

    signals: BlockSignals
    contributions: Mapping[Signal, NDArray[np.float32]]
    scores: NDArray[np.float32]

    @property
    def pairs(self) -> Pairs:
        """The candidates of each member."""
        return self.signals.pairs


def score_block(
    signals: BlockSignals, weights: Mapping[Signal, float], *, prices: NDArray[np.float32] | None = None
) -> ScoredBlock:
    """Score a block's candidates.

    Args:
        signals: Of the candidates.
        weights: Of the signals.
        prices: (n_pairs,) float32, taken off the scores.
    """
    contributions = signals.contributions(weights)
    total = np.zeros(len(signals.pairs.row), np.float32)
    for value in contributions.values():
        total += value
    return ScoredBlock(signals, contributions, signals.hold_back(total if prices is None else total - prices))
