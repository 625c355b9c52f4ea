"""The Prometheus metrics of the service."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.runtime.errors import UnavailableError
from app.telemetry import Metric
from app.web.observability.campaign_labels import CampaignLabels
from app.web.observability.counts_file import CountsFile, count_where_there_is_room
from app.web.observability.metrics_dir import METRICS_DIR
from app.web.observability.multiprocess import exposition, merge_dead_workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.serving.answering import Answer

# Bounds in seconds; they are close together below 2 s, where Braze gives up, so that p99.9 can be read.
BUCKETS = (0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0)
MOST_CAMPAIGNS = 100
OTHER_CAMPAIGN = "(other)"
# Counters start at 0: Prometheus sees no increase when a counter first appears, so the first failures would not show.
STATUSES = ("400", "401", "403", "404", "429", "500", "503")
LINES = ("hard", "unknown")  # limits; calls over the soft limit are answered, and counted as degraded
LEFT_OUT = (
    *(("posting", column) for column in ("id", "title", "company", "url", "row")),
    ("member", "row"),
)
POSTGRES_KINDS = ("broken", "deadline", "held back", "lost", "pool", "refused", "shared", "timeout")

_PROC = Path("/proc/self")
_Mode = Literal["livesum", "livemax", "liveall"]
_GAUGES: tuple[tuple[Metric, str, _Mode], ...] = (
    (Metric.RUN_AGE_SECONDS, "Since the lists in force were made; 0 where there are none", "livemax"),
    (Metric.RUN_ROWS_LEFT_OUT, "Rows of the board that the lists in force were made without", "livemax"),
    (Metric.CARDS_KEPT, "Posting cards in memory, all workers", "livesum"),
    (Metric.LISTS_KEPT, "Members' lists in memory, all workers", "livesum"),
    (Metric.POOL_SIZE, "Connections to Postgres, all workers", "livesum"),
    (Metric.POOL_IDLE, "Connections to Postgres that wait for work", "livesum"),
    (Metric.POOL_WAITING, "Calls that wait for a connection", "livesum"),
    (Metric.BREAKER_OPEN, "Workers that hold calls back from Postgres", "livesum"),
    (Metric.COUNTS_WAITING, "Seconds of sends counted and not yet in Postgres, all workers", "livesum"),
    (Metric.WORKER_MEASURED_AT, "When the worker's scheduler last came round, in Unix time", "liveall"),
    (Metric.WORKER_CPU, "CPU time the worker has used", "liveall"),
    (Metric.WORKER_RESIDENT, "Memory the worker holds, what it shares with others included", "liveall"),
    (Metric.WORKER_OPEN_FILES, "Files and connections the worker holds open", "liveall"),
)


class Instruments:
    """The service's metrics, kept across workers where PROMETHEUS_MULTIPROC_DIR is set."""

    def __init__(self, build: Mapping[str, str] | None = None) -> None:
        """Make them; `build` is what `cj_build_info` tells of the code that runs."""
        self._build = build or {}
        count_where_there_is_room()
        registry = CollectorRegistry()
        self._registry = registry

        def counter(name: Metric, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=registry)

        self._answers = counter(Metric.ANSWERS, "Calls answered", "campaign", "source", "degraded")
        self._seconds = Histogram(
            Metric.ANSWER_SECONDS,
            "From first sight of a call to its answer",
            buckets=BUCKETS,
            registry=registry,
        )
        self._errors = counter(Metric.ERRORS, "Calls answered with an error", "status")
        self._limited = counter(Metric.LIMITED, "Calls refused over a line of rate limit", "line")
        self._task_failures = counter(Metric.TASK_FAILURES, "Background reads that failed", "task", "kind")
        self._postgres_failures = counter(Metric.POSTGRES_FAILURES, "Reads for an answer that failed", "kind")
        self._lists = counter(Metric.LISTS, "Members' lists by how they were had", "cache")
        self._cards_read = counter(Metric.CARDS_READ, "Posting cards read because they were not in memory")
        self._fallback = counter(Metric.LIMITS_FALLBACK, "Failures of the shared limits' storage")
        self._counts_lost = counter(
            Metric.COUNTS_LOST, "Calls of sends that could not be counted for planning"
        )
        self._left_out = counter(
            Metric.ROWS_LEFT_OUT, "Reads of a row of the board that cannot be used", "relation", "column"
        )
        self._gauges: dict[Metric, Gauge] = {}
        self._list_counters = {cache: self._lists.labels(cache) for cache in ("hit", "miss", "stale", "none")}
        self._line_counters = {line: self._limited.labels(line) for line in LINES}
        self._count_from_zero()
        directory = os.environ.get(METRICS_DIR)
        self._directory = Path(directory) if directory else None
        self._campaigns = CampaignLabels(
            MOST_CAMPAIGNS, self._directory / "campaigns" if self._directory else None
        )
        self._bound: dict[tuple[str, str, str | None], Counter] = {}

    def _count_from_zero(self) -> None:
        for relation, column in LEFT_OUT:
            self._left_out.labels(relation, column)
        for status in STATUSES:
            self._errors.labels(status)
        for kind in POSTGRES_KINDS:
            self._postgres_failures.labels(kind)

    def count_answer(self, answer: Answer, seconds: float) -> None:
        """Count an answer under its campaign, source and degradation."""
        key = (answer.request.options.campaign, answer.source, answer.degraded)
        counter = self._bound.get(key)
        if counter is None:
            counter = self._bind(*key)
        counter.inc()
        self._list_counters[answer.cache].inc()
        self._seconds.observe(seconds)

    def _bind(self, campaign: str, source: str, degraded: str | None) -> Counter:
        """The counter for these labels; at most `MOST_CAMPAIGNS` campaigns have their own, so that no caller can flood it."""
        if not self._campaigns.admits(campaign):
            return self._answers.labels(OTHER_CAMPAIGN, source, degraded or "")
        counter = self._answers.labels(campaign, source, degraded or "")
        self._bound[campaign, source, degraded] = counter
        return counter

    def count_error(self, status: int) -> None:
        """Count an error answer."""
        self._errors.labels(str(status)).inc()

    def count_refused_call(self, line: str) -> None:
        """Count a call refused over one of `LINES`."""
        self._line_counters[line].inc()

    def count_task_failure(self, task: str, kind: str) -> None:
        """Count a background read that failed."""
        self._task_failures.labels(task, kind).inc()

    def count_postgres_failure(self, kind: str) -> None:
        """Count a read for an answer that failed."""
        self._postgres_failures.labels(kind).inc()

    def count_cards_read(self, count: int) -> None:
        """Count cards that had to be read."""
        self._cards_read.inc(count)

    def count_row_left_out(self, relation: str, column: str) -> None:
        """Count a read of a row of the board that cannot be used."""
        self._left_out.labels(relation, column).inc()

    def count_limits_fallback(self) -> None:
        """Count a failure of the shared limits' storage."""
        self._fallback.inc()

    def count_lost_counts(self, calls: int) -> None:
        """Count calls that could not be counted for planning."""
        self._counts_lost.inc(calls)

    def set_gauges(self, values: Mapping[Metric, float]) -> None:
        """Set gauges, among them those of what this process uses.

        The gauges are made at the first call, so that gunicorn's master, which loads the application and never calls
        this, does not appear as a worker with all gauges at 0.
        """
        self._gauges = self._gauges or self._make_gauges()
        for name, value in {**values, **_of_this_process()}.items():
            self._gauges[name].set(value)

    def _make_gauges(self) -> dict[Metric, Gauge]:
        if self._build:
            what = "1, for each build whose workers run: its version, and a fingerprint of code, packages and settings"
            info = Gauge(
                Metric.BUILD_INFO, what, [*self._build], registry=self._registry, multiprocess_mode="livemax"
            )
            info.labels(**self._build).set(1)
        return {
            name: Gauge(name, what, registry=self._registry, multiprocess_mode=mode)
            for name, what, mode in _GAUGES
        }

    def tidy(self) -> None:
        """Move counts in memory to the disk if it has room, and merge the counts of dead workers.

        Without this a service that nobody scrapes would keep a file for each worker there ever was.

        Raises:
            UnavailableError: the disk is still full; counting goes on in memory.
        """
        if self._directory:
            merge_dead_workers(self._directory)
            if not CountsFile.find_room():
                raise UnavailableError("disk")

    def exposition(self) -> bytes:
        """The metrics of all workers in Prometheus's text format."""
        return exposition(self._directory) if self._directory else generate_latest(self._registry)


def _of_this_process() -> dict[Metric, float]:
    used = {Metric.WORKER_MEASURED_AT: time.time(), Metric.WORKER_CPU: time.process_time()}
    try:
        resident_pages = int((_PROC / "statm").read_text().split()[1])
        open_files = sum(1 for _ in (_PROC / "fd").iterdir())
    except OSError:  # not every system has it
        return used
    return used | {
        Metric.WORKER_RESIDENT: resident_pages * os.sysconf("SC_PAGE_SIZE"),
        Metric.WORKER_OPEN_FILES: open_files,
    }
