"""What generates the load of a phase: this process, or all of Locust's workers as one arrival process."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import gevent
import msgspec

from loadtest.generator.arrivals import WHOLE, ArrivalShare, RateCurve
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.sender import IDLE, LoadPhase, Sender
from loadtest.generator.stats import LoadStats

if TYPE_CHECKING:  # importing Locust patches the standard library, which is for the process that runs it
    from locust.env import Environment
    from locust.runners import MasterRunner, WorkerRunner

BEGIN, AMEND, STOP, REPORT = "loadtest_begin", "loadtest_amend", "loadtest_stop", "loadtest_report"
REPORT_EVERY_S = 0.5
NOBODYS_PART = -1


class LoadGenerator(Protocol):
    """Runs one load phase at a time."""

    def begin(self, load_phase: LoadPhase) -> None:
        """Start a load phase."""

    def amend(self, curve: RateCurve) -> None:
        """Go on with another curve."""

    def stop(self) -> None:
        """Start no more calls."""

    @property
    def stats(self) -> LoadStats:
        """Counts and times of the load phase so far."""

    @property
    def health(self) -> GeneratorHealth:
        """The health of the generator in this load phase."""

    @property
    def in_flight(self) -> int:
        """Calls under way."""

    @property
    def is_done(self) -> bool:
        """Whether every call of the load phase was started and ended."""


class LocalGenerator:
    """This process alone."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def begin(self, load_phase: LoadPhase) -> None:
        """Start a load phase."""
        self._sender.begin(load_phase)

    def amend(self, curve: RateCurve) -> None:
        """Go on with another curve."""
        self._sender.amend(curve, WHOLE)

    def stop(self) -> None:
        """Start no more calls."""
        self._sender.stop()

    @property
    def stats(self) -> LoadStats:
        """Counts and times of the load phase so far."""
        return self._sender.stats

    @property
    def health(self) -> GeneratorHealth:
        """The health of the generator in this load phase."""
        return self._sender.health

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._sender.in_flight

    @property
    def is_done(self) -> bool:
        """Whether every call of the load phase was started and ended."""
        return self._sender.is_done


class DistributedGenerator:
    """Locust's workers, led from its master: all run the same load phase, each its share of the arrivals.

    When a worker comes or goes, the arrivals from a moment later on are shared anew. What a lost worker should have
    sent until then is missing from the offered rate, and shows there.
    """

    def __init__(self, runner: "MasterRunner", *, clock: Callable[[], float] = time.time) -> None:
        self._runner = runner
        self._clock = clock
        self._load_phase = IDLE
        self._assignments: list[tuple[float, tuple[str, ...]]] = []
        self._reports: dict[str, dict[str, Any]] = {}
        runner.register_message(REPORT, self._on_report)

    @property
    def workers(self) -> tuple[str, ...]:
        """Ids of the workers that are there, in an order that stays."""
        clients = self._runner.clients
        return tuple(sorted(node.id for node in clients.ready + clients.spawning + clients.running))

    def begin(self, load_phase: LoadPhase) -> None:
        """Start a load phase."""
        self._load_phase, self._reports = load_phase, {}
        self._assignments = [(0.0, self.workers)]
        for worker in self.workers:
            self._tell_begin(worker)

    def amend(self, curve: RateCurve) -> None:
        """Go on with another curve."""
        self._load_phase = replace(self._load_phase, curve=curve)
        self._tell_amended()

    def rebalance(self, *, in_s: float) -> bool:
        """Share the arrivals from `in_s` on among those who are there now; whether that changes anything."""
        workers = self.workers
        if not self._assignments or not workers or workers == self._assignments[-1][1]:
            return False
        known = {worker for _from_s, assigned in self._assignments for worker in assigned}
        self._assignments.append((max(self._clock() + in_s - self._load_phase.starts_at, 0.0), workers))
        for worker in set(workers) - known:
            self._tell_begin(worker)
        self._tell_amended()
        return True

    def stop(self) -> None:
        """Start no more calls."""
        self._runner.send_message(STOP, {})

    @property
    def stats(self) -> LoadStats:
        """What the workers reported, added up."""
        total = LoadStats(inside_s=self._load_phase.inside_s)
        for report in self._reports.values():
            total.add(LoadStats.from_message(report["stats"]))
        return total

    @property
    def health(self) -> GeneratorHealth:
        """The worst of the workers."""
        return GeneratorHealth.of_processes(
            msgspec.convert(report["health"], GeneratorHealth) for report in self._reports.values()
        )

    @property
    def in_flight(self) -> int:
        """Calls under way at all workers."""
        return sum(report["in_flight"] for report in self._reports.values())

    @property
    def is_done(self) -> bool:
        """Whether every worker that is there has reported the end of its part."""
        return all(self._reports.get(worker, {}).get("done", False) for worker in self.workers)

    def _shares(self, worker: str) -> list[tuple[float, int, int]]:
        return [
            (from_s, workers.index(worker) if worker in workers else NOBODYS_PART, len(workers))
            for from_s, workers in self._assignments
        ]

    def _tell_begin(self, worker: str) -> None:
        self._runner.send_message(
            BEGIN,
            {"load_phase": self._load_phase.to_message(), "shares": self._shares(worker)},
            client_id=worker,
        )

    def _tell_amended(self) -> None:
        curve = [self._load_phase.curve.starts_s, self._load_phase.curve.rps]
        for worker in self.workers:
            self._runner.send_message(
                AMEND, {"curve": curve, "shares": self._shares(worker)}, client_id=worker
            )

    def _on_report(self, environment: "Environment", msg: Any) -> None:
        del environment
        if msg.data["number"] == self._load_phase.number:
            self._reports[msg.node_id] = msg.data


class WorkerNode:
    """A worker's side of a distributed generator."""

    def __init__(self, runner: "WorkerRunner", *, make_sender: Callable[[], Sender]) -> None:
        self._runner = runner
        self._make_sender = make_sender
        self._sender: Sender | None = None
        self._phase_number = -1
        self._reporter: gevent.Greenlet[..., None] | None = None
        runner.register_message(BEGIN, self._on_begin)
        runner.register_message(AMEND, self._on_amend)
        runner.register_message(STOP, self._on_stop)

    def stop(self) -> None:
        """Start no more calls."""
        if self._sender is not None:
            self._sender.stop()

    def forget(self) -> None:
        """Make the next load phase's sender anew: options may have changed since the last one's."""
        if self._sender is not None:
            self._sender.abandon()
            self._sender = None

    def _on_begin(self, environment: "Environment", msg: Any) -> None:
        del environment
        if self._sender is None:
            self._sender = self._make_sender()
        load_phase = LoadPhase.from_message(msg.data["load_phase"])
        self._phase_number = load_phase.number
        self._sender.begin(load_phase, [ArrivalShare(*share) for share in msg.data["shares"]])
        if self._reporter is None:
            self._reporter = gevent.spawn(self._report)

    def _on_amend(self, environment: "Environment", msg: Any) -> None:
        del environment
        if self._sender is not None:
            starts_s, rps = msg.data["curve"]
            shares = [ArrivalShare(*share) for share in msg.data["shares"]]
            self._sender.amend(RateCurve(tuple(starts_s), tuple(rps)), shares)

    def _on_stop(self, environment: "Environment", msg: Any) -> None:
        del environment, msg
        self.stop()

    def _report(self) -> None:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            sender = self._sender
            if sender is not None:
                self._runner.send_message(
                    REPORT,
                    {
                        "number": self._phase_number,
                        "stats": sender.stats.to_message(),
                        "health": msgspec.to_builtins(sender.health),
                        "in_flight": sender.in_flight,
                        "done": sender.is_done,
                    },
                )
