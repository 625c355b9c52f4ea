"""Workers led as one arrival process, over a fake of Locust's messages."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec

from loadtest.generator import arrivals
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.generators import AMEND, BEGIN, REPORT, STOP, DistributedGenerator
from loadtest.generator.sender import LoadPhase
from loadtest.generator.stats import LoadStats

LOAD_PHASE = LoadPhase(
    number=1, spacing="poisson", seed=5, curve=arrivals.for_seconds(50, 4), starts_at=1000.0, send="s"
)


@dataclass
class FakeMaster:
    """Locust's master as far as a distributed generator uses it."""

    present: list[str]
    sent: list[tuple[str, str | None, Any]] = field(default_factory=list)
    listeners: dict[str, Callable[..., None]] = field(default_factory=dict)

    @property
    def clients(self) -> SimpleNamespace:
        """Workers that are there."""
        return SimpleNamespace(
            ready=[SimpleNamespace(id=name) for name in self.present], spawning=[], running=[]
        )

    def register_message(self, name: str, listener: Callable[..., None]) -> None:
        """Listen to a message."""
        self.listeners[name] = listener

    def send_message(self, name: str, data: Any, client_id: str | None = None) -> None:
        """Keep a message."""
        self.sent.append((name, client_id, data))

    def hear(self, worker: str, data: Any) -> None:
        """Pass a worker's report on."""
        self.listeners[REPORT](environment=None, msg=SimpleNamespace(node_id=worker, data=data))


def generator_of(master: FakeMaster, *, now: float = 1002.0) -> DistributedGenerator:
    """A distributed generator over a fake master."""
    return DistributedGenerator(master, clock=lambda: now)  # type: ignore[arg-type]  # the fake has what is used


def taken(master: FakeMaster) -> list[int]:
    """How many workers take each arrival, by the last shares that each was told."""
    shares = {worker: data["shares"] for name, worker, data in master.sent if name in {BEGIN, AMEND}}
    times = itertools.takewhile(
        lambda at: at < 4,
        map(LOAD_PHASE.curve.when, arrivals.unit_arrivals(LOAD_PHASE.spacing, seed=LOAD_PHASE.seed)),
    )
    return [
        sum(
            arrivals.share_at([arrivals.ArrivalShare(*share) for share in told], at).takes(number)
            for told in shares.values()
        )
        for number, at in enumerate(times)
    ]


def test_workers_take_every_arrival_once() -> None:
    master = FakeMaster(["b", "a", "c"])
    generator_of(master).begin(LOAD_PHASE)
    assert [(name, worker) for name, worker, _ in master.sent] == [(BEGIN, "a"), (BEGIN, "b"), (BEGIN, "c")]
    assert set(taken(master)) == {1}
    assert {LoadPhase.from_message(data["load_phase"]) for _, _, data in master.sent} == {LOAD_PHASE}


def test_a_worker_that_joins_is_told_the_play_and_gets_its_share_from_then_on() -> None:
    master = FakeMaster(["a", "b"])
    generator = generator_of(master)
    generator.begin(LOAD_PHASE)
    assert not generator.rebalance(in_s=0.5)
    master.present.append("c")
    assert generator.rebalance(in_s=0.5)
    assert [(name, worker) for name, worker, _ in master.sent[2:]] == [
        (BEGIN, "c"),
        (AMEND, "a"),
        (AMEND, "b"),
        (AMEND, "c"),
    ]
    assert [data["shares"] for name, worker, data in master.sent if worker == "c"][-1] == [
        (0.0, -1, 2),
        (2.5, 2, 3),
    ]
    assert set(taken(master)) == {1}


def test_what_a_lost_worker_would_have_sent_is_missing_only_until_the_others_take_over() -> None:
    master = FakeMaster(["a", "b"])
    generator = generator_of(master)
    generator.begin(LOAD_PHASE)
    master.present.remove("b")
    generator.rebalance(in_s=0.5)
    master.sent = [message for message in master.sent if message[1] != "b"]
    takers = taken(master)
    assert 0 in takers
    assert set(takers[-50:]) == {1}


def test_reports_add_up_and_those_of_another_play_are_ignored() -> None:
    master = FakeMaster(["a", "b"])
    generator = generator_of(master)
    generator.begin(LOAD_PHASE)
    stats = LoadStats(inside_s=0.5, started=3)
    stats.record(meant_s=0.1, latency_s=0.2, service_s=0.2, failure=None, degraded=None)
    health = GeneratorHealth(
        cpu_share=0.5, loop_lag_p99_ms=1, loop_lag_max_ms=2, late_starts=1, late_share=0.1
    )
    report = {"number": 1, "stats": stats.to_message(), "health": msgspec.to_builtins(health), "in_flight": 2}
    master.hear("a", report | {"done": True})
    before = generator.is_done
    master.hear("b", report | {"done": True})
    master.hear("b", report | {"number": 0, "done": False})
    assert (before, generator.is_done) == (False, True)
    assert (generator.stats.calls, generator.stats.started, generator.in_flight) == (2, 6, 4)
    assert (generator.health.late_starts, generator.health.cpu_share) == (2, 0.5)
    assert generator.health.complaint == "10.0% of the calls started more than 50 ms late"
    generator.stop()
    assert master.sent[-1] == (STOP, None, {})
