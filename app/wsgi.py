"""Build the service from its settings: what gunicorn serves."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, cast

from app.credentials import CredentialBook
from app.postgres.board.left_out import LeftOutRows
from app.postgres.connecting import ConnectionTarget, read_database_url
from app.postgres.serving.heartbeat import PostgresSendCounts, select_campaign_keys, send_heartbeat
from app.postgres.serving.lag import ReplicationLag
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS, PostgresReads
from app.postgres.serving.send_register import PostgresSendRegister
from app.recommend.reasons import NAMING
from app.runtime.background import PeriodicTask, Scheduler
from app.runtime.circuit_breaker import CircuitBreaker
from app.runtime.errors import UnavailableError
from app.runtime.instance import BEAT_EVERY_S, fingerprint, this_instance
from app.serving.answering import Answering
from app.serving.cards import Cards
from app.serving.clock import StoreClock
from app.serving.erasures import Erasures
from app.serving.member_lists import Plans
from app.serving.profiles import Profiles
from app.serving.publications import Runs
from app.serving.send_counts import COUNT_EVERY_S, FLUSH_EVERY_S, SendCounter
from app.serving.sends import UPDATE_EVERY_S, Sends
from app.serving.shelves import Shelves
from app.serving.snapshot import Safekeeping, SavedFile
from app.settings import Settings, SettingsError
from app.telemetry import Metric
from app.web.content.app import create_app
from app.web.limits import CallLimits
from app.web.observability.logs import AccessLog, configure_logging
from app.web.observability.metrics import Instruments
from app.web.workers.health_server import HealthDoor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Flask
    from gunicorn.workers.base import Worker

PRIMARY_POLL_S = 10.0
LAG_POLL_S = 10.0
SHELF_POLL_S = 5.0
CREDENTIAL_POLL_S = 10.0  # a revocation takes effect within 30 s
ERASURE_POLL_S = 2.0
CONNECTED_WITHIN_S = 2.0  # before the first call; later ones are made while others answer
KEYS_EVERY_S = 30.0  # a campaign is put on record well before its send
KEEP_S = 60.0
PRUNE_EVERY_S = 300.0
MEASURE_S = 5.0
TIDY_S = 10.0
UNKNOWN_RPS = (
    20  # wrong credentials a second, all together: guessing 256 bits stays hopeless and cheap to refuse
)
KEY = "connected_jobs"
_log = logging.getLogger("connected_jobs.serving")


@dataclass(frozen=True, slots=True)
class Background:
    """What runs beside the calls: connections, the scheduler, and the counts that it adds to Postgres."""

    pool: ServingPool
    scheduler: Scheduler
    counter: SendCounter
    health: Callable[[], HealthDoor] | None

    def finish_counting(self) -> None:
        """Add what was counted last; with Postgres away it is lost."""
        with contextlib.suppress(UnavailableError):
            self.counter.finish()

    def stop(self) -> None:
        """End the scheduler and close the connections."""
        self.scheduler.stop()
        self.finish_counting()
        self.pool.close()


def create(settings: Settings | None = None) -> Flask:
    """The application, its background scheduler not yet started (see `start`); nothing is connected to.

    Raises:
        SettingsError: a variable is missing or does not fit.
    """
    settings = settings or Settings.from_env()
    database_url = settings.required_database_url
    configure_logging()
    instruments = Instruments({"version": version("connected-jobs"), "fingerprint": fingerprint(settings)})
    door = _door(database_url, settings)
    pool = ServingPool(
        database_url,
        STATEMENTS,
        size=settings.connections,
        wait_s=settings.pool_wait_ms / 1000,
        statement_timeout_ms=settings.deadline_ms,
        threads=settings.threads,
        through_pgbouncer=settings.pgbouncer,
    )
    lag = ReplicationLag(pool)
    reads = PostgresReads(pool, LeftOutRows(instruments.row_left_out))
    runs, book, clock = Runs(reads), CredentialBook(reads), StoreClock()
    register = PostgresSendRegister(pool)
    sends = Sends(
        runs, register, clock, hold=timedelta(seconds=settings.send_hold_s), writes=settings.counting
    )
    cards = Cards(
        reads,
        size=settings.cards,
        ttl_s=settings.card_ttl_s,
        every_s=settings.poll_s,
        overlap_s=settings.overlap_s,
        on_read=instruments.cards_read,
    )
    shelves = Shelves(reads, cards, Profiles(reads).ranker)
    plans = Plans(size=settings.plans, fresh_s=settings.plan_fresh_s, stale_s=settings.plan_stale_s)
    erasures = Erasures(reads, plans, kept_s=settings.plan_stale_s)
    breaker = CircuitBreaker()
    safekeeping = Safekeeping(SavedFile(settings.saved_path), runs=runs, shelves=shelves, book=book)
    counter = SendCounter(PostgresSendCounts(pool), on_lost=instruments.counts_lost)
    instance = this_instance(settings, started_at=datetime.now(UTC))
    for_the_planner = [
        PeriodicTask("heartbeat", BEAT_EVERY_S, lambda: send_heartbeat(pool, instance)),
        PeriodicTask("counts", COUNT_EVERY_S, counter.count, asks_store=False),
        PeriodicTask("flush of counts", FLUSH_EVERY_S, counter.flush),
        PeriodicTask("old sends", PRUNE_EVERY_S, register.prune),
        PeriodicTask(
            "campaigns on record", KEYS_EVERY_S, lambda: counter.set_on_record(select_campaign_keys(pool))
        ),
    ]

    def follow_runs() -> None:
        now = clock.now()
        shelves.update(runs.in_force(now), [*runs.coming(now), *sends.held_runs(now)])

    def follow_lag() -> None:
        lag.update()
        reads.behind = lag.sentence is not None

    def measure() -> None:
        stats, now = pool.stats(), clock.now()
        run = runs.in_force(now)
        instruments.gauge(
            {
                Metric.RUN_AGE_SECONDS: (now - run.generated_at).total_seconds() if run else 0.0,
                Metric.RUN_ROWS_LEFT_OUT: run.rows_left_out if run else 0,
                Metric.CARDS_KEPT: len(cards.view),
                Metric.PLANS_KEPT: len(plans),
                Metric.POOL_SIZE: stats.get("pool_size", 0),
                Metric.POOL_IDLE: stats.get("pool_available", 0),
                Metric.POOL_WAITING: stats.get("requests_waiting", 0),
                Metric.BREAKER_OPEN: breaker.open,
                Metric.COUNTS_WAITING: counter.waiting,
            }
        )

    scheduler = Scheduler(
        [
            PeriodicTask("publications", UPDATE_EVERY_S, sends.update),
            PeriodicTask("shelves", UPDATE_EVERY_S, follow_runs),
            PeriodicTask("credentials", CREDENTIAL_POLL_S, book.update),
            PeriodicTask("erasures", ERASURE_POLL_S, erasures.update),
            PeriodicTask("cards", settings.poll_s, cards.update),
            PeriodicTask("restore", SHELF_POLL_S, safekeeping.restore, asks_store=False),
            PeriodicTask("keep", KEEP_S, safekeeping.keep, asks_store=False),
            PeriodicTask("old lists", KEEP_S, plans.let_go, asks_store=False),
            *(
                (PeriodicTask("primary", PRIMARY_POLL_S, pool.follow_primary),)
                if door.hosts > 1 and door.writable
                else ()
            ),
            PeriodicTask("lag of the standby", LAG_POLL_S, follow_lag),
            PeriodicTask("measure", MEASURE_S, measure, asks_store=False),
            PeriodicTask("metrics", TIDY_S, instruments.tidy, asks_store=False),
            *(for_the_planner if settings.counting else ()),
        ],
        on_failure=instruments.watch_failed,
    )
    readiness = _readiness(lag, runs, clock, shelves, book, scheduler)
    app = create_app(
        answering=Answering(
            reads=reads,
            sends=sends,
            cards=cards,
            shelves=shelves,
            plans=plans,
            breaker=breaker,
            named=[NAMING[kind] for kind in settings.named_in_reasons.split(",") if kind in NAMING],
            on_failure=instruments.postgres_failed,
        ),
        book=book,
        instruments=instruments,
        limits=CallLimits(
            hard_rps=settings.hard_rps,
            soft_rps=settings.soft_rps,
            unknown_rps=UNKNOWN_RPS,
            workers=settings.workers,
            storage_uri=settings.limits_uri,
            on_fallback=instruments.limits_fell_back,
            on_over=instruments.limited,
        ),
        access_log=AccessLog(settings.log_per_s),
        readiness=readiness,
        deadline_s=settings.deadline_ms / 1000,
        trust_request_start=settings.trust_request_start,
        clock=clock.now,
        noted=counter.note if settings.counting else _leave,
    )
    health = partial(HealthDoor, settings.health_bind, readiness) if settings.health_bind else None
    app.extensions[KEY] = Background(pool, scheduler, counter, health)
    return app


def _door(database_url: str, settings: Settings) -> ConnectionTarget:
    """How the database is reached; which of several hosts is asked is said, and must fit what is done there."""
    door = read_database_url(database_url)
    if door.of_a_standby and settings.counting:
        raise SettingsError(
            "target_session_attrs of DATABASE_URL asks for a standby, which takes no writes: set CJ_COUNTING=off, "
            "or ask for read-write."
        )
    if door.chosen:
        _log.warning(
            "DATABASE_URL names several hosts and no target_session_attrs: the primary is asked, as by read-write"
        )
    return door


def start(app: Flask, *, backlog: Callable[[], int] | None = None) -> Background:
    """Read what answering needs and keep it fresh; call it once in each process, after the fork.

    Args:
        app: What `create` made.
        backlog: How many calls wait for a thread, where that can be told.
    """
    background: Background = app.extensions[KEY]
    background.pool.open(backlog)
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


def _leave(_note: object) -> None:
    """Count nothing."""


def _readiness(
    lag: ReplicationLag,
    runs: Runs,
    clock: StoreClock,
    shelves: Shelves,
    book: CredentialBook,
    scheduler: Scheduler,
) -> Callable[[], tuple[bool, Sequence[str]]]:
    def readiness() -> tuple[bool, list[str]]:
        missing = [
            f"The last update of {name} failed: see the log and the metrics." for name in scheduler.failing
        ]
        if lag.sentence:
            missing.append(lag.sentence)
        if runs.in_force(clock.now()) is None:
            missing.append(
                "No refresh is published: run `connected-jobs refresh`; until then lists are the newest postings."
            )
        if not shelves.loaded:
            missing.append("No shelf could be read yet.")
        if not book.loaded:
            missing.append("No credentials could be read yet.")
        return shelves.loaded and book.loaded, missing

    return readiness
