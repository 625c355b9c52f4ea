"""Load phases, one after the other: each is begun, looked at while it runs, and ended with all its calls counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import gevent

from loadtest.generator.arrivals import RateCurve, Spacing
from loadtest.generator.generators import LoadGenerator
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.generator.stats import LoadStats

AHEAD_S = 0.1  # the first call lies so far ahead that every process knows of it
AHEAD_SEVERAL_S = 0.7
LOOK_EVERY_S = 0.25
ENDING_EVERY_S = 0.05

Progress = Callable[[str, float, float, LoadStats, int], None]
"""Told a few times a second: phase, calls/s, seconds left, the stats and the calls in flight."""


@dataclass
class PhaseRunner:
    """Runs load phases whose calls ask for members that no phase before asked for.

    Attributes:
        generator: makes the calls.
        sender: says whom they go to, as whom.
        send: begins the name of each phase's send.
        inside_s: latency that counts as inside the pass line.
        spacing: of arrivals.
        seed: of the first phase's arrivals.
        processes: that generate the load.
        progress: told of the phase under way.
        clock: seconds since the epoch.
        sleep: waits so many seconds by that clock.
        messages: of all phases that ended.
        stopped_at: when the last phase was ended.
    """

    generator: LoadGenerator
    sender: Sender
    send: str
    inside_s: float
    spacing: Spacing = "poisson"
    seed: int = 1
    processes: int = 1
    progress: Progress = lambda *_: None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = gevent.sleep
    messages: int = 0
    stopped_at: float = 0.0

    def __post_init__(self) -> None:
        self._begun = 0
        self._next_message = 0

    def begin(self, curve: RateCurve) -> LoadPhase:
        """Begin a load phase."""
        self._begun += 1
        load_phase = LoadPhase(
            number=self._begun,
            spacing=self.spacing,
            seed=self.seed + self._begun,
            curve=curve,
            starts_at=self.clock() + (AHEAD_S if self.processes == 1 else AHEAD_SEVERAL_S),
            send=f"{self.send}-{self._begun}",
            first_message=self._next_message,
            inside_s=self.inside_s,
        )
        self.generator.begin(load_phase)
        return load_phase

    def look(self, name: str, load_phase: LoadPhase, seconds: float) -> LoadStats | None:
        """Wait a little; the stats so far, or None when `seconds` of the phase are over."""
        self.sleep(LOOK_EVERY_S)
        left_s = load_phase.starts_at + seconds - self.clock()
        stats = self.generator.stats
        self.progress(name, load_phase.curve.rps[0], max(left_s, 0.0), stats, self.generator.in_flight)
        return stats if left_s > 0 else None

    def finish(self) -> LoadStats:
        """End the load phase; the stats with every call that was started."""
        self.stopped_at = self.clock()
        self.generator.stop()
        until = self.clock() + self.sender.traffic.cut_off_s + 2
        self.sleep(0)
        while not self.generator.is_done and self.clock() < until:
            self.sleep(ENDING_EVERY_S)
        stats = self.generator.stats
        self.messages += stats.messages
        self._next_message = max(self._next_message, stats.next_message)
        return stats

    def lasted_s(self, load_phase: LoadPhase) -> float:
        """Seconds for which calls were started in a phase that ended."""
        seconds = max(self.stopped_at - load_phase.starts_at, LOOK_EVERY_S)
        curve = load_phase.curve
        return min(seconds, curve.starts_s[-1]) if curve.rps[-1] == 0 else seconds
