"""How much is spent on factors, by the size of the board."""

from __future__ import annotations

from dataclasses import dataclass

_FACTORS = 128
_SMALL_BOARD, _LARGE_BOARD = 20_000, 400_000  # members and postings together
_NEVER = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """How much is spent on the factors, by the size of the board.

    Attributes:
        models: How many are made, each from a seed of its own, and combined into one.
        factors: Of each model.
        rounds: From chance on.
        warm_rounds: From the factors of nearly the same history on.
        steps: Of conjugate gradients a round.
        cold_start_below: Postings a member acted on from which on their history says all that like profiles would.
        with_profiles: Whether what profiles say is factorised along with what members did: all profiles are read for that.
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
