"""Hyperparameters of the factor models: those of every board, and those that depend on its size."""

from __future__ import annotations

from dataclasses import dataclass

ALPHA = 40.0  # alpha of Hu, Koren and Volinsky: the confidence of a pair of average weight
REGULARIZATION = 4.0  # lambda of the same, for each pair
# The confidence of what a profile says, a fifth of that of a pair; on applications 12 is as good, 4 and 18 are worse.
PROFILE_ALPHA = 8.0
_FACTORS = 128
_SMALL_BOARD, _LARGE_BOARD = 20_000, 400_000  # members and postings together
_NEVER = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Hyperparameters of the factor models.

    Attributes:
        models: How many are fitted, each from a seed of its own, and merged into one.
        factors: How many each model has.
        rounds: Alternations from random factors on.
        warm_rounds: Alternations from the factors of nearly the same interactions on.
        steps: Steps of conjugate gradients in a round.
        cold_start_below: Predictions from profiles are used for members who acted on fewer postings than this; for others
            they add nothing to the history.
        with_profiles: Whether profile features are factorised together with activity; all profiles are then read.
    """

    models: int
    factors: int
    rounds: int
    warm_rounds: int
    steps: int
    cold_start_below: int = _NEVER
    with_profiles: bool = False

    @classmethod
    def for_size(cls, members: int, postings: int) -> Hyperparameters:
        """Three models of 128 factors on a small board (together they are steadier), one of 64 on a large one."""
        if members + postings <= _SMALL_BOARD:
            factors = max(16, min(_FACTORS, min(members, postings) // 8))
            # In fewer factors what profiles say would crowd out what was done.
            return cls(
                models=3,
                factors=factors,
                rounds=6,
                warm_rounds=3,
                steps=2,
                with_profiles=factors == _FACTORS,
            )
        if members + postings <= _LARGE_BOARD:
            return cls(models=1, factors=_FACTORS, rounds=5, warm_rounds=2, steps=2, cold_start_below=10)
        return cls(models=1, factors=64, rounds=5, warm_rounds=1, steps=2, cold_start_below=10)
