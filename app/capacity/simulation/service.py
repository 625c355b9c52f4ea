"""What answers Braze's calls: the contract, and behaviours to play a send against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from app.capacity.local_time import MINUTE_S

OK: Final = "ok"
CUT_OFF: Final = "cut_off"
DEGRADED: Final = "degraded"
NO_FAILURES: Final[Mapping[int, int]] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """How the calls of one second ended, in counts.

    `ok` and `degraded` are usable 2xx answers in time; `cut_off` took too long; `failed` is by status.
    """

    ok: int = 0
    degraded: int = 0
    cut_off: int = 0
    failed: Mapping[int, int] = field(default_factory=lambda: NO_FAILURES)

    def total(self) -> int:
        """Count all calls of the second."""
        return self.ok + self.degraded + self.cut_off + sum(self.failed.values())


class Service(Protocol):
    """Anything that can say how a second's calls end."""

    def answer(self, second: int, calls: int, /) -> Answer:
        """Account for every one of `calls` offered in unix second `second`.

        Seconds come in rising order; seconds without calls are left out.
        """
        ...


class Perfect:
    """Answers every call well and in time."""

    def answer(self, _second: int, calls: int, /) -> Answer:
        """Answer all of `calls`."""
        return Answer(ok=calls)


@dataclass(frozen=True, slots=True)
class ScriptedMinutes:
    """What goes wrong in minutes `first` to `last` of a send, both included, counted from 1.

    Keys are an HTTP status ("503"), "cut_off" or "degraded". `counts` go to the first calls of each
    minute; `shares` are each call's chance.
    """

    first: int
    last: int
    counts: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


class Scripted:
    """Another service, with failures by minute laid over it; unscripted calls reach the other."""

    def __init__(
        self,
        script: Sequence[ScriptedMinutes],
        inner: Service,
        *,
        first_minute: int,
        rng: np.random.Generator,
    ) -> None:
        self._script = script
        self._inner = inner
        self._first_minute = first_minute
        self._rng = rng
        self._minute = 0
        self._counts_left: dict[str, int] = {}

    def answer(self, second: int, calls: int, /) -> Answer:
        """Give some of `calls` their scripted outcomes, and let the inner service answer the others."""
        minute = second // MINUTE_S - self._first_minute + 1
        scripted = next((part for part in self._script if part.first <= minute <= part.last), None)
        if scripted is None:
            return self._inner.answer(second, calls)
        if minute != self._minute:
            self._minute, self._counts_left = minute, dict(scripted.counts)
        outcomes = self._counted(calls) if scripted.counts else self._drawn(scripted.shares, calls)
        return _merged(outcomes, self._inner.answer(second, calls - sum(outcomes.values())))

    def _counted(self, calls: int) -> dict[str, int]:
        outcomes = {}
        for outcome, left in self._counts_left.items():
            outcomes[outcome] = min(left, calls)
            calls -= outcomes[outcome]
            self._counts_left[outcome] = left - outcomes[outcome]
        return outcomes

    def _drawn(self, shares: Mapping[str, float], calls: int) -> dict[str, int]:
        spared = max(0.0, 1 - sum(shares.values()))
        drawn = self._rng.multinomial(calls, [*shares.values(), spared])
        return dict(zip(shares, drawn.tolist(), strict=False))  # the last one drawn is the spared


def _merged(outcomes: Mapping[str, int], inner: Answer) -> Answer:
    failed = dict(inner.failed)
    for outcome, count in outcomes.items():
        if count and outcome not in {CUT_OFF, DEGRADED}:
            failed[int(outcome)] = failed.get(int(outcome), 0) + count
    return Answer(
        ok=inner.ok,
        degraded=inner.degraded + outcomes.get(DEGRADED, 0),
        cut_off=inner.cut_off + outcomes.get(CUT_OFF, 0),
        failed=failed,
    )
