"""Build the planner from its settings: the second application, which `connected-jobs planner` serves."""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.braze.calls import StoredCredential
from app.braze.mails import Mails
from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.campaigns import RegisterUnavailableError
from app.credentials import CREDENTIAL_POLL_S, CredentialBook
from app.postgres.engines import planner_engine
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.experiments import PostgresExperiments
from app.postgres.planning.random_member import draw_random_member
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.results import PostgresResults
from app.postgres.planning.sessions import PostgresSessions
from app.postgres.planning.shares import PostgresShares
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import CLOCK, CREDENTIALS, PostgresStore
from app.postgres.syncs.register import PostgresSyncs
from app.runtime.background import PeriodicTask, Scheduler
from app.runtime.clock import StoreClock
from app.runtime.errors import UnavailableError
from app.settings import Settings
from app.web.limits import CallLimits
from app.web.observability.logs import configure_logging, log_uncaught
from app.web.pages import pages
from app.web.planner.app import create_planner_app
from app.web.planner.metrics import PlannerInstruments
from app.web.planner.parts import PlannerParts, SessionCookie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Flask
    from sqlalchemy import Engine

CLOCK_POLL_S = 10.0
TIDY_EVERY_S = 60 * 60.0
JUDGE_EVERY_S = 5 * 60.0
JUDGE_AFTER_S = 5.0  # of the start, which waits for nothing but the credentials
UNKNOWN_RPS = 5  # wrong credentials a second, all together: a person types one
KEY_CHARS = 32
STATEMENT_MS = 5_000
KEY = "connected_jobs_planner"
_log = logging.getLogger("connected_jobs.planner")


@dataclass(frozen=True, slots=True)
class PlannerBackground:
    """What runs beside the requests: connections and the scheduler."""

    engine: Engine
    pool: ServingPool
    scheduler: Scheduler

    def stop(self) -> None:
        """End the scheduler and close the connections."""
        self.scheduler.stop()
        self.pool.close()
        self.engine.dispose()


def create_planner(settings: Settings | None = None) -> Flask:
    """The application, its background scheduler not yet started (see `start`); nothing is connected to.

    Raises:
        SettingsError: a variable is missing or does not fit.
    """
    settings = settings or Settings.from_env()
    configure_logging()
    engine = planner_engine(settings.required_database_url, through_pgbouncer=settings.pgbouncer)
    register, evidence = PostgresRegister(engine), PostgresEvidence(engine)
    pool = _pool(settings)
    store, clock = PostgresStore(pool), StoreClock()
    book = CredentialBook(store)
    limits = CallLimits(hard_rps=0, soft_rps=0, unknown_rps=UNKNOWN_RPS, workers=1)
    instruments = PlannerInstruments()
    measure = partial(_measure, instruments, register, evidence, PostgresSyncs(engine), clock)
    scheduler = Scheduler(
        [
            PeriodicTask("clock", CLOCK_POLL_S, lambda: _follow_clock(clock, store)),
            PeriodicTask("credentials", CREDENTIAL_POLL_S, book.update),
            PeriodicTask("tidy", TIDY_EVERY_S, partial(_tidy, register)),
            PeriodicTask("verdicts", JUDGE_EVERY_S, measure, due_s=time.monotonic() + JUDGE_AFTER_S),
        ]
    )
    parts = PlannerParts(
        register=register,
        evidence=evidence,
        book=book,
        limits=limits,
        cookie=SessionCookie(key=_session_key(settings), https_only=settings.planner_https_only),
        readiness=partial(_readiness, book),
        clock=clock.now,
        instruments=instruments,
        results=PostgresResults(engine),
        random_member=partial(draw_random_member, engine),
    )
    app = create_planner_app(
        parts,
        pages=pages(
            parts,
            sessions=PostgresSessions(engine),
            shares=PostgresShares(engine),
            experiment_register=PostgresExperiments(engine),
            sync_register=PostgresSyncs(engine),
            previews=_previews(settings),
            loadtest_command=settings.loadtest_command,
        ),
    )
    app.extensions[KEY] = PlannerBackground(engine, pool, scheduler)
    return app


def _pool(settings: Settings) -> ServingPool:
    return ServingPool(
        settings.required_database_url,
        (CREDENTIALS, CLOCK),
        size=1,
        wait_s=settings.pool_wait_ms / 1000,
        statement_timeout_ms=STATEMENT_MS,
        through_pgbouncer=settings.pgbouncer,
    )


def _follow_clock(clock: StoreClock, store: PostgresStore) -> None:
    clock.follow(store.clock)


def _tidy(register: PostgresRegister) -> None:
    try:
        register.tidy()
    except RegisterUnavailableError as error:
        raise UnavailableError("register") from error


def _measure(
    instruments: PlannerInstruments,
    register: PostgresRegister,
    evidence: PostgresEvidence,
    syncs: PostgresSyncs,
    clock: StoreClock,
) -> None:
    try:
        instruments.update_syncs(syncs.syncs(), clock.now())
        instruments.update(register, evidence, clock.now())
    except RegisterUnavailableError as error:
        raise UnavailableError("register") from error
    except DefinitionError as error:
        _log.warning("what is on record cannot be judged: %s", error)


def start(app: Flask) -> PlannerBackground:
    """Read the credentials and keep them fresh; call it once, in the process that serves."""
    background: PlannerBackground = app.extensions[KEY]
    background.pool.open()
    background.scheduler.start()
    return background


def started() -> Flask:
    """What gunicorn's worker serves."""
    app = create_planner()
    log_uncaught()
    start(app)
    return app


def _session_key(settings: Settings) -> bytes:
    """The key from the settings; without one, one of this process's own."""
    if settings.session_key is None:
        _log.info("CJ_SESSION_KEY is not set: sessions end when the planner restarts")
        return secrets.token_bytes(KEY_CHARS)
    return settings.session_key.encode()


def _previews(settings: Settings) -> Mails | None:
    """Previews against a running service; None without a credential for it."""
    if settings.preview_credential is None:
        return None
    name, _, secret = settings.preview_credential.partition(":")
    return Mails(
        base_url=settings.preview_url,
        credential=StoredCredential(name, secret),
        public_host=settings.public_host,
    )


def _readiness(book: CredentialBook) -> tuple[bool, Sequence[str]]:
    missing = [] if book.loaded else ["No credentials could be read yet."]
    return book.loaded, missing
