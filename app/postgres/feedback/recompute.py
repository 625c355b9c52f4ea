"""Outcomes recomputed, by whole days: whose clicks are people's, what is credited, what sends and experiments came to."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Final

import psycopg

from app.board.veto import board_day
from app.feedback.attribution import Windows
from app.postgres.engines import driver_of
from app.postgres.feedback.experiment_tally import put_experiment_counts
from app.postgres.feedback.outcomes import put_outcomes
from app.postgres.feedback.persons import judge_clicks
from app.postgres.feedback.retention import first_day
from app.postgres.feedback.send_tally import mailed_days, put_send_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

DAYS: Final = 8  # a click may be read days late, and opens an application of up to 7 days before
ONE_RECOMPUTES: Final = 4_250_112_035  # an advisory lock's number, as in `refresh_lock`


class OutcomesError(Exception):
    """Outcomes cannot be recomputed; the sentence says why and what to do."""


@dataclass(slots=True, kw_only=True)
class OutcomesReport:
    """What was recomputed: clicks found to be another's than before, credits, rows that changed, and seconds by stage."""

    first: date
    last: date
    judged: int = 0
    credited: int = 0
    changed: int = 0
    sends: int = 0
    experiments: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def recompute_outcomes(
    engine: Engine,
    *,
    now: datetime,
    days: int = DAYS,
    windows: Windows = Windows(),  # noqa: B008 - it is frozen
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> OutcomesReport:
    """Recompute the last days in UTC, today's among them, and the sends of the same days where the board is; each day is a transaction, so that one killed anywhere leaves whole days.

    Raises:
        OutcomesError: another does so.
    """
    last = now.astimezone(UTC).date()
    first = last - timedelta(days=days - 1)
    report = OutcomesReport(first=first, last=last)
    all_days = [first + timedelta(days=number) for number in range(days)]
    with _only_one(engine), engine.connect() as one, engine.connect() as other:
        driver = driver_of(one)
        for connection in (driver, driver_of(other)):
            connection.autocommit = True
        with _timed(report, "clicks"):
            report.judged = judge_clicks(driver_of(other), driver, first, last)
        progress("clicks", 1.0)
        with _timed(report, "credit"):
            for number, day in enumerate(all_days, 1):
                credited, changed = put_outcomes(driver, day, windows)
                report.credited += credited
                report.changed += changed
                progress("credit", number / days)
        with _timed(report, "sends"):
            mailed = mailed_days(
                driver, _board_days(first, now), kept_from=first_day("exposure", now.astimezone(UTC).date())
            )
            for number, day in enumerate(mailed, 1):
                report.sends += len(put_send_counts(driver, day))
                progress("sends", number / len(mailed))
        with _timed(report, "experiments"):
            report.experiments = put_experiment_counts(driver, all_days, now)
        for connection in (driver, driver_of(other)):
            connection.autocommit = False
    return report


def _board_days(first: date, now: datetime) -> list[date]:
    """The board's days from one on to today's, which may be tomorrow's in UTC."""
    return [first + timedelta(days=number) for number in range((board_day(now) - first).days + 1)]


@contextmanager
def _timed(report: OutcomesReport, stage: str) -> Iterator[None]:
    begun = perf_counter()
    yield
    report.seconds[stage] = perf_counter() - begun


@contextmanager
def _only_one(engine: Engine) -> Iterator[None]:
    with engine.connect() as connection:
        driver = driver_of(connection)
        driver.autocommit = True
        row = driver.execute("SELECT pg_try_advisory_lock(%s)", [ONE_RECOMPUTES]).fetchone()
        if row is None or not row[0]:
            raise OutcomesError("Outcomes are being recomputed on this database: wait for that to end.")
        try:
            yield
        finally:
            with suppress(psycopg.Error):
                driver.execute("SELECT pg_advisory_unlock(%s)", [ONE_RECOMPUTES])
