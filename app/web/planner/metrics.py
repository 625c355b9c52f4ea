"""What is measured of the planner: its requests, what it says of the week ahead, and how syncs stand."""

from __future__ import annotations

import time
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Final

from flask import Flask, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.capacity.on_record import judge_window
from app.capacity.planner import ONLY_VERDICTS
from app.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from flask import Response

    from app.capacity.on_record import LoadTests
    from app.capacity.register.ports import Register
    from app.sync.record import SyncOnRecord

AHEAD: Final = timedelta(days=7)
VERDICTS: Final = ("GO", "GO_IF", "NO_GO", "RETEST")
WHYS: Final = ("unreadable", "unfinished", "too_many", "too_much")
PARTS: Final = ("pages", "api", "other")
CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
OF_SYNCS: Final = {
    Metric.SYNC_OVERDUE: "Since when a run should have come to its end; 0 in time, and while a person paused it",
    Metric.SYNC_RUNNING: "How long the run under way has taken",
    Metric.SYNC_REFUSED_SHARE: "The part of the last run's rows or events that was refused",
    Metric.SYNC_OLDEST_EVENT: "How long ago the oldest event happened that waits to be sent",
    Metric.SYNC_PAUSED: "Since when a person has paused it",
}
BUCKETS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class PlannerInstruments:
    """The planner's metrics; it is one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            Metric.PLANNER_REQUESTS, "Requests answered", ["part", "status"], registry=registry
        )
        self._seconds = Histogram(
            Metric.PLANNER_SECONDS, "Time to answer", ["part"], buckets=BUCKETS, registry=registry
        )
        for part in PARTS:  # counted from 0 on, so that the first failure is an increase
            self._seconds.labels(part)
            for status in CLASSES:
                self._requests.labels(part, status)
        self._campaigns = Gauge(
            Metric.PLANNER_CAMPAIGNS,
            "Campaigns that may send in the next 7 days and have not begun",
            ["verdict"],
            registry=registry,
        )
        self._left_out = Gauge(
            Metric.PLANNER_LEFT_OUT, "Campaigns on record that are not judged", ["why"], registry=registry
        )
        self._forecast = Gauge(
            Metric.PLANNER_FORECAST, "The busiest second of the next 7 days as planned", registry=registry
        )
        self._usable = Gauge(
            Metric.PLANNER_USABLE, "Calls/s that may be planned on; 0 where nothing holds", registry=registry
        )
        self._age = Gauge(
            Metric.PLANNER_EVIDENCE_AGE,
            "Of the load test that verdicts go by; infinite where none holds",
            registry=registry,
        )
        self._judged_at = Gauge(
            Metric.PLANNER_JUDGED_AT, "When these were last found out, in Unix time", registry=registry
        )

        self._syncs = {
            name: Gauge(name, about, ["sync"], registry=registry) for name, about in OF_SYNCS.items()
        }

    def measure_requests(self, app: Flask) -> None:
        """Measure the application's requests."""

        def begin() -> None:
            g.began_s = time.perf_counter()

        def end(response: Response) -> Response:
            part = {"pages": "pages", "capacity_api": "api"}.get(request.blueprint or "", "other")
            self._requests.labels(part, f"{response.status_code // 100}xx").inc()
            if "began_s" in g:
                self._seconds.labels(part).observe(time.perf_counter() - g.began_s)
            return response

        app.before_request(begin)
        app.after_request(end)

    def update(self, register: Register, evidence: LoadTests, now: datetime) -> None:
        """Find out what the week ahead looks like; may raise `RegisterUnavailableError` and `DefinitionError`."""
        found = judge_window(register, evidence, now=now, window=(now, now + AHEAD), work=ONLY_VERDICTS)
        judged = found.judgement
        ahead = [one for one in judged.campaigns if one.state == "planned"] if judged else []
        for verdict in VERDICTS:
            self._campaigns.labels(verdict).set(sum(one.verdict == verdict for one in ahead))
        for why in WHYS:
            self._left_out.labels(why).set(sum(one.why == why for one in found.left_out))
        if judged is not None:
            ceiling = judged.ceiling
            holds = ceiling.usable_rps is not None and not ceiling.retest
            usable = ceiling.usable_at(judged.judged_at)
            self._usable.set(usable if holds and usable is not None else 0.0)
            self._age.set(ceiling.age_days * 86_400 if holds and ceiling.age_days is not None else inf)
        self._forecast.set(judged.planned.peak_rps if judged else 0)
        self._judged_at.set(now.timestamp())

    def update_syncs(self, syncs: Sequence[SyncOnRecord], now: datetime) -> None:
        """Take over how syncs stand: they are commands of their own, and only the tables outlive them."""
        for gauge in self._syncs.values():
            gauge.clear()  # of a sync that was forgotten nothing is told
        for one in syncs:
            last, begun_at = one.last, one.last.started_at if one.last.state == "running" else now
            told = {
                Metric.SYNC_OVERDUE: one.overdue(now).total_seconds(),
                Metric.SYNC_RUNNING: (now - begun_at).total_seconds(),
                Metric.SYNC_REFUSED_SHARE: last.refused_share or 0.0,
                Metric.SYNC_OLDEST_EVENT: (now - (one.oldest_event_at or now)).total_seconds(),
                Metric.SYNC_PAUSED: (now - one.pause.at).total_seconds() if one.pause else 0.0,
            }
            for name, value in told.items():
                self._syncs[name].labels(one.name).set(max(value, 0.0))

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)
