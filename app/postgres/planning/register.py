"""The register and the evidence as the planner sees them: see `app.capacity.register.plans`."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.capacity.evidence.file import EvidenceError, read_evidence, refuse_future
from app.capacity.register.plans import (
    EditedMeanwhileError,
    EvidenceSummary,
    NameTakenError,
    NoSuchCampaignError,
    RegisterUnavailableError,
)
from app.postgres import audit
from app.postgres.planning import campaigns, evidence, instances, send_counts, sessions
from app.postgres.planning.table_sizes import select_row_estimates
from app.postgres.refusals import is_transient, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy import Connection, Engine

    from app.capacity.calibration import MeasuredSend
    from app.capacity.evidence.ceiling import Measured, Running
    from app.capacity.register.plans import Change, Deed, Draft, RegisteredCampaign, WorkspaceSettings

STATEMENT_MS = 10_000
SIZES_AGE_S = 10 * 60.0
_NOT_NOW = "Postgres cannot be used now: try again in a moment; nothing was changed."
COMMAND_LINE = "command line"


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction; whatever keeps it from its end, but for what its caller expects, is one error."""
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_MS}"))
            yield connection
    except (DataError, IntegrityError):
        raise
    except PoolTimeoutError as error:
        raise RegisterUnavailableError(_NOT_NOW) from error
    except DBAPIError as error:
        cause = error.orig
        if isinstance(cause, psycopg.Error) and not is_transient(cause):
            raise RegisterUnavailableError(refusal(cause)) from error
        raise RegisterUnavailableError(_NOT_NOW) from error


class PostgresRegister:
    """Campaigns on record, in Postgres."""

    def __init__(self, engine: Engine, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._timer = timer
        self._sizes: tuple[float, dict[str, int]] | None = None

    def campaigns(self, *, removed: bool = False) -> Sequence[RegisteredCampaign]:
        """The living campaigns by number, or the removed ones."""
        with _transaction(self._engine) as connection:
            return campaigns.select_campaigns(connection, removed=removed)

    def campaign(self, number: int) -> RegisteredCampaign | None:
        """One campaign, living or removed."""
        with _transaction(self._engine) as connection:
            return campaigns.select_campaign(connection, number)

    def add(self, draft: Draft, *, by: str) -> RegisteredCampaign:
        """Put a campaign on record; raises `NameTakenError`."""
        with _raise_name_taken(draft), _transaction(self._engine) as connection:
            added = campaigns.insert_campaign(connection, draft, by=by)
            after = campaigns.values_of(draft)
            campaigns.insert_change(
                connection, campaign_id=added.id, who=by, what="added", before=None, after=after
            )
            return added

    def edit(self, number: int, draft: Draft, *, version: int, by: str) -> RegisteredCampaign:
        """Save an edit made from `version`; one that changes nothing makes no new version."""
        with _raise_name_taken(draft), _transaction(self._engine) as connection:
            current = _lock_current(connection, number, version)
            before, after = campaigns.values_of(current.draft()), campaigns.values_of(draft)
            if before == after:
                return current
            edited = campaigns.update_campaign(connection, number, draft, by=by)
            campaigns.insert_change(
                connection, campaign_id=number, who=by, what="edited", before=before, after=after
            )
            return edited

    def remove(self, number: int, *, version: int, by: str) -> RegisteredCampaign:
        """Take a campaign off the plan, its record kept."""
        with _transaction(self._engine) as connection:
            before = campaigns.values_of(_lock_current(connection, number, version).draft())
            removed = campaigns.update_campaign_removed(connection, number, by=by)
            campaigns.insert_change(
                connection, campaign_id=number, who=by, what="removed", before=before, after=None
            )
            return removed

    def changes(self, number: int) -> Sequence[Change]:
        """Who changed a campaign and how, the newest first."""
        with _transaction(self._engine) as connection:
            return campaigns.select_changes(connection, number)

    def workspace(self) -> WorkspaceSettings:
        """What all campaigns share."""
        with _transaction(self._engine) as connection:
            return campaigns.select_workspace(connection)

    def edit_workspace(self, definition: Mapping[str, Any], *, version: int, by: str) -> WorkspaceSettings:
        """Save an edit made from `version`; one that changes nothing makes no new version."""
        with _transaction(self._engine) as connection:
            current = campaigns.select_workspace(connection, to_change=True)
            if current.version != version:
                raise EditedMeanwhileError(current)
            if current.definition == definition:
                return current
            edited = campaigns.update_workspace(connection, definition, by=by)
            campaigns.insert_change(
                connection,
                campaign_id=None,
                who=by,
                what="edited",
                before=current.definition,
                after=definition,
            )
            return edited

    def workspace_changes(self) -> Sequence[Change]:
        """Who changed the workspace and how, the newest first."""
        with _transaction(self._engine) as connection:
            return campaigns.select_changes(connection, None)

    def sends(self, key: str) -> Sequence[MeasuredSend]:
        """What was counted of each send of a key, the newest first, the running one included."""
        with _transaction(self._engine) as connection:
            return send_counts.select_sends(connection, key)

    def seconds(self, key: str, send: str) -> Sequence[tuple[datetime, int, int]]:
        """A send's seconds with calls, in order; kept for 14 days."""
        with _transaction(self._engine) as connection:
            return send_counts.select_seconds(connection, key, send)

    def enter_sent(self, key: str, send: str, sent: int | None, *, by: str) -> MeasuredSend | None:
        """Note how many messages Braze says it sent; None for an unknown send."""
        with _transaction(self._engine) as connection:
            known = send_counts.update_sent(connection, key, send, sent, by=by)
            return send_counts.select_send(connection, key, send) if known else None

    def deeds(self, *, most: int = 200) -> Sequence[Deed]:
        """Who changed what, the newest first."""
        with _transaction(self._engine) as connection:
            return audit.select_deeds(connection, most=most)

    def running(self) -> Running:
        """What runs now; the tables' sizes are up to ten minutes old."""
        with _transaction(self._engine) as connection:
            return instances.running_service(connection, self._row_estimates(connection))

    def _row_estimates(self, connection: Connection) -> dict[str, int]:
        now_s = self._timer()
        if self._sizes is None or self._sizes[0] < now_s - SIZES_AGE_S:
            self._sizes = (now_s, select_row_estimates(connection))
        return self._sizes[1]

    def tidy(self) -> None:
        """Measure the sends that are over and let go of what is no longer needed; raises as all else."""
        with _transaction(self._engine) as connection:
            send_counts.close_sends(connection)
            send_counts.delete_old_counts(connection)
            instances.delete_ended_instances(connection)
            sessions.delete_ended_sessions(connection)


class PostgresSessions:
    """Operators' sessions, in Postgres: see `app.web.pages.session.Sessions`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, secret_hash: bytes, lifetime: timedelta) -> str:
        """Begin a session of a credential; returns its id, which is kept nowhere else."""
        with _transaction(self._engine) as connection:
            return sessions.insert_session(connection, secret_hash, lifetime)

    def operator(self, session_id: str) -> str | None:
        """Whose session it is, None for one that has ended."""
        with _transaction(self._engine) as connection:
            return sessions.select_operator(connection, session_id)

    def end(self, session_id: str) -> None:
        """End a session, whoever holds a copy of its cookie."""
        with _transaction(self._engine) as connection:
            sessions.delete_session(connection, session_id)


class PostgresEvidence:
    """Evidence of load tests, in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> Sequence[EvidenceSummary]:
        """All load tests, the newest first."""
        with _transaction(self._engine) as connection:
            return evidence.select_evidence(connection)

    def document(self, evidence_id: str) -> Mapping[str, Any] | None:
        """The whole of one."""
        if not _is_storable(evidence_id):
            return None
        with _transaction(self._engine) as connection:
            return evidence.select_evidence_document(connection, evidence_id)

    def add(
        self, text: str, *, by: str = COMMAND_LINE, now: datetime | None = None
    ) -> tuple[EvidenceSummary, bool]:
        """Keep the evidence in a file's text, and say whether it is new; raises `EvidenceError`."""
        found, document = read_evidence(text)
        refuse_future(found, now or datetime.now(UTC))
        try:
            with _transaction(self._engine) as connection:
                added = evidence.insert_evidence(connection, found, document, by=by)
                summary = evidence.select_summary(connection, found.id)
        except DataError as error:
            raise EvidenceError(
                "The evidence holds a character or a number that Postgres cannot keep: give the file as it was written."
            ) from error
        return summary, added

    def remove(self, evidence_id: str, *, by: str) -> EvidenceSummary | None:
        """Take a load test back; None where there is none of this id. Who did it is kept."""
        if not _is_storable(evidence_id):
            return None
        with _transaction(self._engine) as connection:
            return evidence.delete_evidence(connection, evidence_id, by=by)

    def measured(self) -> Sequence[Measured]:
        """What a plan goes by, the newest first; what cannot be read is left out, and `all` names it."""
        with _transaction(self._engine) as connection:
            return list(evidence.select_evidence_for_planning(connection))


def _is_storable(text: str) -> bool:
    """Whether Postgres can hold a text at all."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _lock_current(connection: Connection, number: int, version: int) -> RegisteredCampaign:
    """A living campaign, kept from others' changes, if `version` is its newest."""
    current = campaigns.select_campaign(connection, number, to_change=True)
    if current is None or current.removed_at is not None:
        raise NoSuchCampaignError(f"There is no campaign {number} on record: it may have been removed.")
    if current.version != version:
        raise EditedMeanwhileError(current)
    return current


@contextmanager
def _raise_name_taken(draft: Draft) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise NameTakenError(
            f"Another campaign is called {draft.definition['name']!r}: give this one a name of its own."
        ) from error
