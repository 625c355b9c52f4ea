"""Build the service from its settings: what gunicorn serves."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, cast

from app.credentials import CREDENTIAL_POLL_S
from app.fingerprint import fingerprint
from app.postgres.connecting import ConnectionTarget, read_database_url
from app.postgres.serving.heartbeat import PostgresSendCounts, select_campaign_keys, send_heartbeat
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import OF_THE_PRIMARY, STATEMENTS
from app.runtime.background import PeriodicTask, Scheduler
from app.runtime.errors import UnavailableError
from app.runtime.instance import BEAT_EVERY_S, this_instance
from app.serving.send_counts import COUNT_EVERY_S, FLUSH_EVERY_S, SendCounter
from app.serving.sends import UPDATE_EVERY_S
from app.serving.snapshot import SnapshotFile, SnapshotKeeper
from app.serving_parts import Observers, build_serving
from app.settings import Settings, SettingsError
from app.telemetry import Metric
from app.web.content.app import create_app
from app.web.content.parts import ContentParts
from app.web.limits import CallLimits
from app.web.observability.logs import AccessLog, configure_logging
from app.web.observability.metrics import Instruments
from app.web.workers.health_server import HealthServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Flask
    from gunicorn.workers.base import Worker

    from app.runtime.instance import Instance
    from app.serving_parts import ServingParts

PRIMARY_POLL_S = 10.0
LAG_POLL_S = 10.0
SHELF_POLL_S = 5.0
ERASURE_POLL_S = 2.0
CONNECTED_WITHIN_S = 2.0  # before the first call; later ones are made while others answer
KEYS_EVERY_S = 30.0  # a campaign is put on record well before its send
KEEP_S = 60.0
PRUNE_EVERY_S = 300.0
MEASURE_S = 5.0
TIDY_S = 10.0
WRITING_CONNECTIONS = 2  # one for claims of sends that calls wait for, one for the rest
UNKNOWN_RPS = (
    20  # wrong credentials a second, all together: guessing 256 bits stays hopeless and cheap to refuse
)
KEY = "connected_jobs"
_log = logging.getLogger("connected_jobs.serving")


@dataclass(frozen=True, slots=True)
class ServiceBackground:
    """What runs beside the calls: connections, the scheduler, and the counts that it adds to Postgres."""

    pool: ServingPool
    write_pool: ServingPool
    scheduler: Scheduler
    counter: SendCounter
    health: Callable[[], HealthServer] | None

    def finish_counting(self) -> None:
        """Add what was counted last; with Postgres away it is lost."""
        with contextlib.suppress(UnavailableError):
            self.counter.finish()

    def stop(self) -> None:
        """End the scheduler and close the connections."""
        self.scheduler.stop()
        self.finish_counting()
        for pool in {self.pool, self.write_pool}:
            pool.close()


def create(settings: Settings | None = None) -> Flask:
    """The application, its background scheduler not yet started (see `start`); nothing is connected to.

    Raises:
        SettingsError: a variable is missing or does not fit.
    """
    settings = settings or Settings.from_env()
    configure_logging()
    target = _connection_target(settings)
    build = fingerprint(settings)
    instruments = Instruments({"version": version("connected-jobs"), "fingerprint": build})
    observers = Observers(
        on_row_left_out=instruments.count_row_left_out,
        on_cards_read=instruments.count_cards_read,
        on_read_failed=instruments.count_postgres_failure,
    )
    parts = build_serving(settings, _pool(settings), write_pool=_write_pool(settings), observers=observers)
    counter = SendCounter(PostgresSendCounts(parts.write_pool), on_lost=instruments.count_lost_counts)
    tasks = _read_tasks(settings, parts)
    tasks += _primary_tasks(target, parts)
    tasks += _metric_tasks(parts, counter, instruments)
    if settings.counting:
        instance = this_instance(settings, fingerprint=build, started_at=datetime.now(UTC))
        tasks += _planner_tasks(parts, counter, instance)
    scheduler = Scheduler(tasks, on_failure=instruments.count_task_failure)
    readiness = partial(_readiness, parts, scheduler)
    app = create_app(
        ContentParts(
            answering=parts.answering,
            book=parts.book,
            instruments=instruments,
            limits=_limits(settings, instruments),
            access_log=AccessLog(settings.log_per_s),
            readiness=readiness,
            clock=parts.clock.now,
            deadline_s=settings.deadline_ms / 1000,
            trust_request_start=settings.trust_request_start,
            on_answer=counter.note if settings.counting else _count_nothing,
        )
    )
    health = partial(HealthServer, settings.health_bind, readiness) if settings.health_bind else None
    app.extensions[KEY] = ServiceBackground(parts.pool, parts.write_pool, scheduler, counter, health)
    return app


def _pool(settings: Settings) -> ServingPool:
    return ServingPool(
        settings.required_database_url,
        STATEMENTS,
        size=settings.connections,
        wait_s=settings.pool_wait_ms / 1000,
        statement_timeout_ms=settings.deadline_ms,
        threads=settings.threads,
        through_pgbouncer=settings.pgbouncer,
    )


def _write_pool(settings: Settings) -> ServingPool | None:
    """A connection to the primary, for what is written in the background; None where all goes one way."""
    if settings.write_url is None or not settings.counting:
        return None
    return ServingPool(
        settings.write_url,
        OF_THE_PRIMARY,
        size=WRITING_CONNECTIONS,
        wait_s=settings.pool_wait_ms / 1000,
        statement_timeout_ms=settings.deadline_ms,
        through_pgbouncer=settings.pgbouncer,
    )


def _primary_tasks(target: ConnectionTarget, parts: ServingParts) -> list[PeriodicTask]:
    """What finds out that another host is the primary now."""
    followed = [parts.pool] if target.hosts > 1 and target.writable else []
    if parts.write_pool is not parts.pool:
        followed.append(parts.write_pool)
    return [PeriodicTask("primary", PRIMARY_POLL_S, pool.follow_primary) for pool in followed]


def _limits(settings: Settings, instruments: Instruments) -> CallLimits:
    return CallLimits(
        hard_rps=settings.hard_rps,
        soft_rps=settings.soft_rps,
        unknown_rps=UNKNOWN_RPS,
        workers=settings.workers,
        storage_uri=settings.limits_uri,
        on_fallback=instruments.count_limits_fallback,
        on_over=instruments.count_refused_call,
    )


def _read_tasks(settings: Settings, parts: ServingParts) -> list[PeriodicTask]:
    """What keeps a worker's memory near to what is in Postgres, in the order in which it starts."""
    snapshots = SnapshotKeeper(
        SnapshotFile(settings.snapshot_path),
        publications=parts.publications,
        experiments=parts.experiments,
        shelves=parts.shelves,
        book=parts.book,
    )
    return [
        PeriodicTask("publications", UPDATE_EVERY_S, parts.sends.update),
        PeriodicTask("shelves", UPDATE_EVERY_S, parts.update_shelves),
        PeriodicTask("credentials", CREDENTIAL_POLL_S, parts.book.update),
        PeriodicTask("erasures", ERASURE_POLL_S, parts.erasures.update),
        PeriodicTask("cards", settings.poll_s, parts.cards.update),
        PeriodicTask("restore", SHELF_POLL_S, snapshots.restore, asks_store=False),
        PeriodicTask("keep", KEEP_S, snapshots.keep, asks_store=False),
        PeriodicTask("old lists", KEEP_S, parts.member_lists.evict, asks_store=False),
    ]


def _metric_tasks(parts: ServingParts, counter: SendCounter, instruments: Instruments) -> list[PeriodicTask]:
    return [
        PeriodicTask("lag of the standby", LAG_POLL_S, parts.update_lag),
        PeriodicTask(
            "measure", MEASURE_S, partial(_set_gauges, parts, counter, instruments), asks_store=False
        ),
        PeriodicTask("metrics", TIDY_S, instruments.tidy, asks_store=False),
    ]


def _set_gauges(parts: ServingParts, counter: SendCounter, instruments: Instruments) -> None:
    stats, now = parts.pool.stats(), parts.clock.now()
    run = parts.publications.in_force(now)
    instruments.set_gauges(
        {
            Metric.RUN_AGE_SECONDS: (now - run.generated_at).total_seconds() if run else 0.0,
            Metric.RUN_ROWS_LEFT_OUT: run.rows_left_out if run else 0,
            Metric.CARDS_KEPT: len(parts.cards.view),
            Metric.LISTS_KEPT: len(parts.member_lists),
            Metric.POOL_SIZE: stats.get("pool_size", 0),
            Metric.POOL_IDLE: stats.get("pool_available", 0),
            Metric.POOL_WAITING: stats.get("requests_waiting", 0),
            Metric.BREAKER_OPEN: parts.breaker.is_open,
            Metric.COUNTS_WAITING: counter.waiting,
        }
    )


def _planner_tasks(parts: ServingParts, counter: SendCounter, instance: Instance) -> list[PeriodicTask]:
    """What the planner knows of a running service: that it runs, and what it counted of each send."""
    pool = parts.write_pool
    return [
        PeriodicTask("heartbeat", BEAT_EVERY_S, lambda: send_heartbeat(pool, instance)),
        PeriodicTask("counts", COUNT_EVERY_S, counter.count, asks_store=False),
        PeriodicTask("flush of counts", FLUSH_EVERY_S, counter.flush),
        PeriodicTask("old sends", PRUNE_EVERY_S, parts.register.prune),
        PeriodicTask(
            "campaigns on record", KEYS_EVERY_S, lambda: counter.set_on_record(select_campaign_keys(pool))
        ),
    ]


def _connection_target(settings: Settings) -> ConnectionTarget:
    """How the database is reached; which of several hosts is asked is said, and must fit what is done there."""
    target = read_database_url(settings.required_database_url)
    if target.of_a_standby and settings.counting and settings.write_url is None:
        raise SettingsError(
            "target_session_attrs of DATABASE_URL asks for a standby, which takes no writes: give the primary's URL as "
            "CJ_WRITE_URL, or set CJ_COUNTING=off, or ask for read-write."
        )
    if settings.write_url is not None and read_database_url(settings.write_url).of_a_standby:
        raise SettingsError(
            "target_session_attrs of CJ_WRITE_URL asks for a standby, which takes no writes: ask for read-write."
        )
    if target.chosen:
        _log.warning(
            "DATABASE_URL names several hosts and no target_session_attrs: the primary is asked, as by read-write"
        )
    return target


def start(app: Flask, *, backlog: Callable[[], int] | None = None) -> ServiceBackground:
    """Read what answering needs and keep it fresh; call it once in each process, after the fork.

    Args:
        app: What `create` made.
        backlog: Returns how many calls wait for a thread; None where the server does not report it.
    """
    background: ServiceBackground = app.extensions[KEY]
    background.pool.open(backlog)
    if background.write_pool is not background.pool:
        background.write_pool.open()
    background.scheduler.start()
    if not background.scheduler.failing:
        background.pool.await_connected(CONNECTED_WITHIN_S)
    if background.health:
        background.health().open()
    # Not atexit: the processes of Granian's workers end without it.
    Finalize(None, background.finish_counting, exitpriority=0)
    return background


def start_worker(worker: Worker, *, backlog: Callable[[], int] | None) -> None:
    """Start a gunicorn worker's scheduler when its application is loaded, before its first call."""
    start(cast("Flask", worker.app.wsgi()), backlog=backlog)


def _count_nothing(_note: object) -> None:
    """Count nothing."""


def _readiness(parts: ServingParts, scheduler: Scheduler) -> tuple[bool, Sequence[str]]:
    """Whether calls can be answered, and what is missing for the best answers."""
    missing = [
        f"The last update of {name} failed: see the log and the metrics." for name in scheduler.failing
    ]
    if parts.lag.sentence:
        missing.append(parts.lag.sentence)
    if parts.publications.in_force(parts.clock.now()) is None:
        missing.append(
            "No refresh is published: run `connected-jobs refresh`; until then lists are the newest postings."
        )
    if not parts.shelves.loaded:
        missing.append("No shelf could be read yet.")
    if not parts.book.loaded:
        missing.append("No credentials could be read yet.")
    return parts.shelves.loaded and parts.book.loaded, missing
