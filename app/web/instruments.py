"""What is measured, apart from what is done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.serving.answering import Answer

# Fine enough around the 2 s at which Braze gives up for a p99.9 to be read.
BUCKETS = (0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0)
MOST_CAMPAIGNS = 100
OTHER_CAMPAIGN = "(other)"
_GAUGES: tuple[tuple[Metric, str, Literal["livesum", "livemax"]], ...] = (
    (Metric.RUN_AGE_SECONDS, "Since the lists in force were made", "livemax"),
    (Metric.CARDS_KEPT, "Posting cards in memory, all workers", "livesum"),
    (Metric.PLANS_KEPT, "Members' lists in memory, all workers", "livesum"),
    (Metric.POOL_SIZE, "Connections to Postgres, all workers", "livesum"),
    (Metric.POOL_IDLE, "Connections to Postgres that wait for work", "livesum"),
    (Metric.POOL_WAITING, "Calls that wait for a connection", "livesum"),
    (Metric.BREAKER_OPEN, "Workers that hold calls back from Postgres", "livesum"),
)


class Instruments:
    """The service's metrics, kept across gunicorn's workers where PROMETHEUS_MULTIPROC_DIR is set."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._answers = Counter(
            Metric.ANSWERS, "Calls answered", ["campaign", "source", "degraded"], registry=registry
        )
        self._seconds = Histogram(
            Metric.ANSWER_SECONDS,
            "From first sight of a call to its answer",
            buckets=BUCKETS,
            registry=registry,
        )
        self._errors = Counter(Metric.ERRORS, "Calls answered with an error", ["status"], registry=registry)
        self._watch_failures = Counter(
            Metric.WATCH_FAILURES, "Background reads that failed", ["task", "kind"], registry=registry
        )
        self._postgres_failures = Counter(
            Metric.POSTGRES_FAILURES, "Reads for an answer that failed", ["kind"], registry=registry
        )
        self._plans = Counter(
            Metric.PLANS, "Members' lists by how they were had", ["cache"], registry=registry
        )
        self._fallback = Counter(
            Metric.LIMITS_FALLBACK, "Failures of the shared limits' storage", registry=registry
        )
        self._gauges = {
            name: Gauge(name, what, registry=registry, multiprocess_mode=mode) for name, what, mode in _GAUGES
        }
        self._plan_counters = {cache: self._plans.labels(cache) for cache in ("hit", "miss", "stale", "none")}
        self._campaigns: set[str] = set()
        self._bound: dict[tuple[str, str, str | None], Counter] = {}

    def answered(self, answer: Answer, seconds: float) -> None:
        """Count an answer under its campaign, source and degradation."""
        key = (answer.question.terms.campaign, answer.source, answer.degraded)
        counter = self._bound.get(key)
        if counter is None:
            counter = self._bind(*key)
        counter.inc()
        self._plan_counters[answer.cache].inc()
        self._seconds.observe(seconds)

    def _bind(self, campaign: str, source: str, degraded: str | None) -> Counter:
        """The counter for these labels; a worker names at most `MOST_CAMPAIGNS`, so that no caller can flood it."""
        if campaign not in self._campaigns and len(self._campaigns) >= MOST_CAMPAIGNS:
            return self._answers.labels(OTHER_CAMPAIGN, source, degraded or "")
        self._campaigns.add(campaign)
        counter = self._answers.labels(campaign, source, degraded or "")
        self._bound[campaign, source, degraded] = counter
        return counter

    def failed(self, status: int) -> None:
        """Count an error answer."""
        self._errors.labels(str(status)).inc()

    def watch_failed(self, task: str, kind: str) -> None:
        """Count a background read that failed."""
        self._watch_failures.labels(task, kind).inc()

    def postgres_failed(self, kind: str) -> None:
        """Count a read for an answer that failed."""
        self._postgres_failures.labels(kind).inc()

    def limits_fell_back(self) -> None:
        """Count a failure of the shared limits' storage."""
        self._fallback.inc()

    def gauge(self, values: Mapping[Metric, float]) -> None:
        """Set what is measured now and then."""
        for name, value in values.items():
            self._gauges[name].set(value)

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format, of every worker."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # prometheus_client has no types here
        return generate_latest(registry)
