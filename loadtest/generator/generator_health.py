"""The generator watches itself: was it punctual enough for its measurements to be about the service?"""

import time
from collections.abc import Iterable
from typing import Self

import gevent
import msgspec

TICK_S = 0.02
BUSY_CPU_SHARE = 0.9
LAGGING_P99_MS = 50.0
LATE_SHARE = 0.01
LATE_AFTER_S = 0.05


class GeneratorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One load phase's generator: CPU seconds per second, how late its event loop ran, how many calls started late."""

    cpu_share: float
    loop_lag_p99_ms: float
    loop_lag_max_ms: float
    late_starts: int
    late_share: float

    @property
    def complaint(self) -> str | None:
        """Why the generator may have been the bottleneck; None if it was not."""
        if self.cpu_share > BUSY_CPU_SHARE:
            return f"the generator used {self.cpu_share:.0%} of a core"
        if self.loop_lag_p99_ms > LAGGING_P99_MS:
            return f"the generator's event loop ran {self.loop_lag_p99_ms:.0f} ms late (p99)"
        if self.late_share > LATE_SHARE:
            return f"{self.late_share:.1%} of the calls started more than {LATE_AFTER_S * 1000:.0f} ms late"
        return None

    @classmethod
    def of_processes(cls, parts: Iterable[Self]) -> Self:
        """Several processes' health: the worst of each, late starts added up."""
        every = list(parts)
        return cls(
            cpu_share=max((part.cpu_share for part in every), default=0.0),
            loop_lag_p99_ms=max((part.loop_lag_p99_ms for part in every), default=0.0),
            loop_lag_max_ms=max((part.loop_lag_max_ms for part in every), default=0.0),
            late_starts=sum(part.late_starts for part in every),
            late_share=max((part.late_share for part in every), default=0.0),
        )


class GeneratorMonitor:
    """Samples loop lag and CPU from `start` on."""

    def __init__(self) -> None:
        self._lags_s: list[float] = []
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._began = self._cpu_began = 0.0
        self._elapsed_s = self._cpu_s = 0.0

    def start(self) -> None:
        """Forget what was seen and begin."""
        self.stop()
        self._lags_s = []
        self._began, self._cpu_began = time.perf_counter(), time.process_time()
        self._greenlet = gevent.spawn(self._sample)

    def stop(self) -> None:
        """Sample no more; what was seen stays."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
            self._measure()

    def health(self, *, started: int, late: int) -> GeneratorHealth:
        """What was seen since `start`, of a generator that started so many calls, so many of them late."""
        if self._greenlet is not None:
            self._measure()
        lags = sorted(self._lags_s) or [0.0]
        return GeneratorHealth(
            cpu_share=self._cpu_s / max(self._elapsed_s, TICK_S),
            loop_lag_p99_ms=lags[int(0.99 * (len(lags) - 1))] * 1000,
            loop_lag_max_ms=lags[-1] * 1000,
            late_starts=late,
            late_share=late / started if started else 0.0,
        )

    def _measure(self) -> None:
        self._elapsed_s = time.perf_counter() - self._began
        self._cpu_s = time.process_time() - self._cpu_began

    def _sample(self) -> None:
        while True:
            due = time.perf_counter() + TICK_S
            gevent.sleep(TICK_S)
            self._lags_s.append(max(time.perf_counter() - due, 0.0))
