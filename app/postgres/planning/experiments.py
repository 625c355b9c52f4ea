"""Experiments in Postgres: made, started and stopped, each with an entry in the audit log."""

from __future__ import annotations

import secrets
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import bindparam

from app.board.veto import BOARD_ZONE
from app.feedback.experiments.definition import arms_from, check_key
from app.feedback.experiments.refusals import ExperimentError, Refusal
from app.feedback.experiments.register import ExperimentState, RegisteredExperiment
from app.postgres.audit import insert_audit_entry
from app.postgres.lists.publications import select_is_serving, select_log, select_now
from app.postgres.transactions import planner_transaction
from app.serving.send_counts import NOT_COUNTED
from app.serving.sends import LEAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection, Engine

    from app.feedback.experiments.definition import Arm

LONGEST = timedelta(days=366)
_MOST_NAMED = 5
_COLUMNS = "key, campaign, state, arms::text, created_at, created_by, started_at, planned_end, stopped_at"


class PostgresExperiments:
    """The register of experiments on the planner's or a command's engine; see `ExperimentRegister`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[RegisteredExperiment]:
        """Every experiment, the newest first."""
        with planner_transaction(self._engine) as connection:
            rows = connection.execute(
                text(f"SELECT {_COLUMNS} FROM connected_jobs.experiment ORDER BY created_at DESC, key")
            ).all()
        return [_experiment(row) for row in rows]

    def create(
        self, key: str, campaign: str, arms: Sequence[Arm], *, until: date | None, by: str
    ) -> RegisteredExperiment:
        """Put a draft on record."""
        check_key(key, Refusal.EXPERIMENT_NAME)
        check_key(campaign, Refusal.CAMPAIGN_NAME)
        if key == campaign:
            raise ExperimentError(Refusal.NAMED_AS_CAMPAIGN, campaign=campaign)
        if campaign.startswith(NOT_COUNTED):
            raise ExperimentError(Refusal.NOT_MAILED, campaign=campaign)
        try:
            with planner_transaction(self._engine) as connection:
                planned_end = None if until is None else _end_of(connection, until)
                made = _insert(connection, key, campaign, arms, planned_end=planned_end, by=by)
                _audit(connection, "create", None, made, by)
                return made
        except IntegrityError as error:
            raise ExperimentError(Refusal.NAME_TAKEN, name=key) from error

    def start(self, key: str, *, by: str) -> RegisteredExperiment:
        """Split the sends that begin from an instant on."""
        campaign = ""
        try:
            with planner_transaction(self._engine) as connection:
                before = _select(connection, key)
                campaign = before.campaign
                _check_draft(before)
                _check_recipes(connection, before)
                _check_end(connection, before)
                after = _update(
                    connection, key, "state = 'running', started_at = :at", _effective(connection)
                )
                _audit(connection, "start", before, after, by)
                return after
        except IntegrityError as error:
            raise ExperimentError(
                Refusal.OTHER_RUNNING, campaign=campaign, name=self._running(campaign)
            ) from error

    def stop(self, key: str, *, by: str) -> RegisteredExperiment:
        """Split no further sends, or withdraw a draft."""
        with planner_transaction(self._engine) as connection:
            before = _select(connection, key)
            if before.stopped_at is not None:
                raise ExperimentError(Refusal.STOPPED, name=key, day=_day(before.stopped_at))
            at = _effective(connection)
            if before.started_at is not None:
                at = max(at, before.started_at)
            after = _update(connection, key, "state = 'stopped', stopped_at = :at", at)
            _audit(connection, "stop", before, after, by)
            return after

    def _running(self, campaign: str) -> str:
        going_on = (one.key for one in self.all() if one.state == ExperimentState.RUNNING)
        named = {one.key: one.campaign for one in self.all()}
        return next((key for key in going_on if named[key] == campaign), "another")


def _insert(
    connection: Connection,
    key: str,
    campaign: str,
    arms: Sequence[Arm],
    *,
    planned_end: datetime | None,
    by: str,
) -> RegisteredExperiment:
    row = connection.execute(
        text(f"""
            INSERT INTO connected_jobs.experiment (key, campaign, arms, salt, created_by, planned_end)
            VALUES (:key, :campaign, :arms, :salt, :by, :planned_end)
            RETURNING {_COLUMNS}
        """).bindparams(bindparam("arms", type_=JSONB)),
        {
            "key": key,
            "campaign": campaign,
            "arms": msgspec.to_builtins(arms),
            "salt": secrets.token_hex(16),
            "by": by,
            "planned_end": planned_end,
        },
    ).one()
    return _experiment(row)


def _select(connection: Connection, key: str) -> RegisteredExperiment:
    """An experiment, which nobody else changes until the transaction ends."""
    row = connection.execute(
        text(f"SELECT {_COLUMNS} FROM connected_jobs.experiment WHERE key = :key FOR UPDATE"), {"key": key}
    ).one_or_none()
    if row is not None:
        return _experiment(row)
    keys = connection.execute(
        text("SELECT key FROM connected_jobs.experiment ORDER BY created_at DESC, key LIMIT :most"),
        {"most": _MOST_NAMED},
    ).scalars()
    named = ", ".join(keys)
    raise ExperimentError(Refusal.UNKNOWN if named else Refusal.NONE_AT_ALL, name=key[:80], others=named)


def _update(connection: Connection, key: str, changes: str, at: datetime) -> RegisteredExperiment:
    row = connection.execute(
        text(f"UPDATE connected_jobs.experiment SET {changes} WHERE key = :key RETURNING {_COLUMNS}"),
        {"key": key, "at": at},
    ).one()
    return _experiment(row)


def _check_draft(one: RegisteredExperiment) -> None:
    if one.stopped_at is not None:
        raise ExperimentError(Refusal.STOPPED_FOR_GOOD, name=one.key, day=_day(one.stopped_at))
    if one.started_at is not None:
        raise ExperimentError(Refusal.STARTED, name=one.key, day=_day(one.started_at))


def _check_recipes(connection: Connection, one: RegisteredExperiment) -> None:
    for arm in one.arms:
        if arm.needs_run is not None and select_log(connection, arm.needs_run).in_force() is None:
            raise ExperimentError(Refusal.NO_LISTS, arm=arm.name, recipe=arm.needs_run)


def _check_end(connection: Connection, one: RegisteredExperiment) -> None:
    if one.planned_end is not None and one.planned_end <= select_now(connection):
        raise ExperimentError(Refusal.ENDED, name=one.key, day=_day(one.planned_end - timedelta(seconds=1)))


def _end_of(connection: Connection, until: date) -> datetime:
    """The end of a day in the board's zone, which must be to come and not too far away."""
    now = select_now(connection).astimezone(BOARD_ZONE)
    if not now.date() <= until <= (now + LONGEST).date():
        raise ExperimentError(Refusal.END_OUT_OF_REACH, day=until, today=now.date())
    return datetime.combine(until, time(), BOARD_ZONE) + timedelta(days=1)


def _effective(connection: Connection) -> datetime:
    """From when on a change holds: while instances run, so late that all of them know of it before."""
    return select_now(connection) + (LEAD if select_is_serving(connection) else timedelta(0))


def _audit(
    connection: Connection,
    what: str,
    before: RegisteredExperiment | None,
    after: RegisteredExperiment,
    by: str,
) -> None:
    insert_audit_entry(
        connection,
        who=by,
        what=f"experiment {what}",
        subject=after.key,
        before=None if before is None else msgspec.to_builtins(before),
        after=msgspec.to_builtins(after),
    )


def _experiment(row: Any) -> RegisteredExperiment:
    key, campaign, state, arms, created_at, created_by, started_at, planned_end, stopped_at = row
    return RegisteredExperiment(
        key=key,
        campaign=campaign,
        state=ExperimentState(state),
        arms=arms_from(arms),
        created_at=created_at,
        created_by=created_by,
        started_at=started_at,
        planned_end=planned_end,
        stopped_at=stopped_at,
    )


def _day(at: datetime) -> str:
    return f"{at.astimezone(BOARD_ZONE):%Y-%m-%d}"
