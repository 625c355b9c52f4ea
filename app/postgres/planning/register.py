"""The register of campaigns as the planner sees it: see `app.capacity.register.plans.Register`."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from app.capacity.register.campaigns import EditedMeanwhileError, NameTakenError, NoSuchCampaignError
from app.capacity.register.series import added_weeks, carried_on, changed_in_turn, in_order
from app.capacity.register.series import following as those_following
from app.capacity.watch import Seen
from app.postgres import audit
from app.postgres.planning import campaigns, instances, send_counts, sessions
from app.postgres.planning.campaign_search import select_page
from app.postgres.planning.table_sizes import select_row_estimates
from app.postgres.planning.watch import select_seen
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from app.capacity.calibration import MeasuredSend
    from app.capacity.evidence.ceiling import RunningService
    from app.capacity.register.campaigns import (
        AuditEntry,
        Change,
        Draft,
        RegisteredCampaign,
        WorkspaceSettings,
    )
    from app.capacity.register.search import CampaignPage, CampaignSearch

SIZES_AGE_S = 10 * 60.0


class PostgresRegister:
    """Campaigns on record, in Postgres."""

    def __init__(self, engine: Engine, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._timer = timer
        self._sizes: tuple[float, dict[str, int]] | None = None

    def campaigns(self, *, removed: bool = False) -> Sequence[RegisteredCampaign]:
        """The living campaigns by number, or the removed ones."""
        with planner_transaction(self._engine) as connection:
            return campaigns.select_campaigns(connection, removed=removed)

    def campaign(self, number: int) -> RegisteredCampaign | None:
        """One campaign, living or removed."""
        with planner_transaction(self._engine) as connection:
            return campaigns.select_campaign(connection, number)

    def search(self, search: CampaignSearch) -> CampaignPage:
        """A page of the campaigns that are asked for."""
        with planner_transaction(self._engine) as connection:
            return select_page(connection, search)

    def series(self, one: RegisteredCampaign) -> Sequence[RegisteredCampaign]:
        """The campaigns of a weekly series that are not removed, in order, this one among them; empty if it is in no series."""
        if one.series is None:
            return ()
        with planner_transaction(self._engine) as connection:
            return in_order(campaigns.select_series(connection, one.series))

    def add(self, draft: Draft, *, by: str) -> RegisteredCampaign:
        """Put a campaign on record, with those of the weeks that it is repeated in; raises `NameTakenError`."""
        with planner_transaction(self._engine) as connection:
            added = _add(connection, draft, by=by)
            return _repeat(connection, added, draft, by=by)

    def edit(
        self, number: int, draft: Draft, *, version: int, by: str, following: bool = False
    ) -> RegisteredCampaign:
        """Save an edit made from `version`; one that changes nothing makes no new version.

        `following` carries it on to those of its series that begin after it; weeks that the draft asks for beyond the
        series' last are put on record.
        """
        with planner_transaction(self._engine) as connection:
            in_series = following or bool(draft.repeats)
            current, others = _lock_current(connection, number, version, in_series=in_series)
            before, others = current.draft(), others if following else []
            drafts = {current.id: draft} | {one.id: carried_on(before, draft, one) for one in others}
            for one in changed_in_turn(before, draft, [current, *others]):
                _save(connection, one, drafts[one.id], by=by)
            edited = campaigns.select_campaign(connection, number) or current
            return _repeat(connection, edited, draft, by=by)

    def remove(self, number: int, *, version: int, by: str, following: bool = False) -> RegisteredCampaign:
        """Take a campaign off the plan, its record kept; `following` those of its series that begin after it, too."""
        with planner_transaction(self._engine) as connection:
            current, others = _lock_current(connection, number, version, in_series=following)
            removed = _remove(connection, current, by=by)
            for one in others:
                _remove(connection, one, by=by)
            return removed

    def changes(self, number: int) -> Sequence[Change]:
        """Who changed a campaign and how, the newest first."""
        with planner_transaction(self._engine) as connection:
            return campaigns.select_changes(connection, number)

    def workspace(self) -> WorkspaceSettings:
        """What all campaigns share."""
        with planner_transaction(self._engine) as connection:
            return campaigns.select_workspace(connection)

    def edit_workspace(self, definition: Mapping[str, Any], *, version: int, by: str) -> WorkspaceSettings:
        """Save an edit made from `version`; one that changes nothing makes no new version."""
        with planner_transaction(self._engine) as connection:
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
        with planner_transaction(self._engine) as connection:
            return campaigns.select_changes(connection, None)

    def sends(self, key: str) -> Sequence[MeasuredSend]:
        """What was counted of each send of a key, the newest first, the running one included."""
        with planner_transaction(self._engine) as connection:
            return send_counts.select_sends(connection, key)

    def seconds(self, key: str, send: str) -> Sequence[tuple[datetime, int, int]]:
        """A send's seconds with calls, in order; kept for 14 days."""
        with planner_transaction(self._engine) as connection:
            return send_counts.select_seconds(connection, key, send)

    def enter_sent(self, key: str, send: str, sent: int | None, *, by: str) -> MeasuredSend | None:
        """Note how many messages Braze says it sent; None for an unknown send."""
        with planner_transaction(self._engine) as connection:
            known = send_counts.update_sent(connection, key, send, sent, by=by)
            return send_counts.select_send(connection, key, send) if known else None

    def last_verdicts(self) -> Mapping[int, str]:
        """What `capacity watch` last said of each campaign before it began, by its number."""
        with planner_transaction(self._engine) as connection:
            seen = select_seen(connection)
        return {} if seen is None else Seen.of_json(seen).last_verdicts()

    def audit_log(self, *, most: int = 200) -> Sequence[AuditEntry]:
        """Who changed what, the newest first."""
        with planner_transaction(self._engine) as connection:
            return audit.select_audit_log(connection, most=most)

    def running(self) -> RunningService:
        """What runs now; the tables' sizes are up to ten minutes old."""
        with planner_transaction(self._engine) as connection:
            return instances.running_service(connection, self._row_estimates(connection))

    def _row_estimates(self, connection: Connection) -> dict[str, int]:
        now_s = self._timer()
        if self._sizes is None or self._sizes[0] < now_s - SIZES_AGE_S:
            self._sizes = (now_s, select_row_estimates(connection))
        return self._sizes[1]

    def tidy(self) -> None:
        """Measure the sends that are over and delete what is no longer needed; raises `RegisterUnavailableError`."""
        with planner_transaction(self._engine) as connection:
            send_counts.close_sends(connection)
            send_counts.delete_old_counts(connection)
            instances.delete_ended_instances(connection)
            sessions.delete_ended_sessions(connection)


def _lock_current(
    connection: Connection, number: int, version: int, *, in_series: bool
) -> tuple[RegisteredCampaign, list[RegisteredCampaign]]:
    """A living campaign, kept from others' changes, if `version` is its newest.

    `in_series` keeps its series, too, and returns those of it that begin after the campaign. Rows are locked in one
    order, so that two edits never wait for each other.
    """
    found = campaigns.select_campaign(connection, number)
    series: list[RegisteredCampaign] = []
    if in_series and found is not None and found.series is not None:
        series = campaigns.select_series(connection, found.series, to_change=True)
    current = campaigns.select_campaign(connection, number, to_change=True)
    if current is None or current.removed_at is not None:
        raise NoSuchCampaignError(f"There is no campaign {number} on record: it may have been removed.")
    if current.version != version:
        raise EditedMeanwhileError(current)
    return current, those_following(current, series)


def _add(connection: Connection, draft: Draft, *, by: str, series: int | None = None) -> RegisteredCampaign:
    with _raise_name_taken(draft):
        added = campaigns.insert_campaign(connection, draft, by=by, series=series)
    campaigns.insert_change(
        connection,
        campaign_id=added.id,
        who=by,
        what="added",
        before=None,
        after=draft.values(),
    )
    return added


def _save(connection: Connection, current: RegisteredCampaign, draft: Draft, *, by: str) -> None:
    before, after = current.draft().values(), draft.values()
    if before == after:
        return
    with _raise_name_taken(draft):
        campaigns.update_campaign(connection, current.id, draft, by=by)
    campaigns.insert_change(
        connection, campaign_id=current.id, who=by, what="edited", before=before, after=after
    )


def _remove(connection: Connection, current: RegisteredCampaign, *, by: str) -> RegisteredCampaign:
    removed = campaigns.update_campaign_removed(connection, current.id, by=by)
    campaigns.insert_change(
        connection,
        campaign_id=current.id,
        who=by,
        what="removed",
        before=current.draft().values(),
        after=None,
    )
    return removed


def _repeat(connection: Connection, one: RegisteredCampaign, draft: Draft, *, by: str) -> RegisteredCampaign:
    """Put the weeks that a draft asks for on record, one series with the campaign."""
    if not draft.repeats:
        return one
    series = one.series or one.id
    so_far = campaigns.select_series(connection, series, to_change=True)
    if one.series is None:
        campaigns.update_series(connection, one.id, series)
    for week in added_weeks(draft, [one, *so_far]):
        _add(connection, week, by=by, series=series)
    return replace(one, series=series)


@contextmanager
def _raise_name_taken(draft: Draft) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise NameTakenError(
            f"Another campaign is called {draft.definition['name']!r}: give this one a name of its own."
        ) from error
