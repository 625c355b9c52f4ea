"""Campaigns on record in Postgres, the workspace they share, and who changed what; one statement a verb."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import bindparam

from app.capacity.register.campaigns import Change, RegisteredCampaign, WorkspaceSettings
from app.capacity.register.in_braze import InBraze
from app.postgres.stored import instant, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from app.capacity.register.campaigns import Draft, What

COLUMNS = f"""
    id, key, owner, braze_campaign_id, definition::text AS definition, version, series,
    {instant("created_at")}, created_by, {instant("updated_at")}, updated_by,
    CASE WHEN removed_at IS NULL THEN NULL WHEN isfinite(removed_at) THEN removed_at ELSE now() END AS removed_at,
    (SELECT row_to_json(b)::text FROM connected_jobs.campaign_in_braze AS b WHERE b.campaign_id = campaign.id) AS in_braze
"""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def select_campaigns(connection: Connection, *, removed: bool = False) -> list[RegisteredCampaign]:
    """The living campaigns, or the removed ones."""
    rows = connection.execute(
        text(f"""
            SELECT {COLUMNS}
            FROM connected_jobs.campaign
            WHERE (removed_at IS NOT NULL) = :removed
            ORDER BY id
        """),
        {"removed": removed},
    )
    return [campaign_of(row) for row in rows]


def select_campaign(
    connection: Connection, number: int, *, to_change: bool = False
) -> RegisteredCampaign | None:
    """One campaign, living or removed; `to_change` keeps others from changing it until the transaction ends."""
    row = connection.execute(
        text(f"""
            SELECT {COLUMNS}
            FROM connected_jobs.campaign
            WHERE id = :number
            {"FOR UPDATE" if to_change else ""}
        """),
        {"number": number},
    ).one_or_none()
    return None if row is None else campaign_of(row)


def select_series(
    connection: Connection, series: int, *, to_change: bool = False
) -> list[RegisteredCampaign]:
    """The living campaigns of a series, by number; `to_change` as for one."""
    rows = connection.execute(
        text(f"""
            SELECT {COLUMNS}
            FROM connected_jobs.campaign
            WHERE series = :series AND removed_at IS NULL
            ORDER BY id
            {"FOR UPDATE" if to_change else ""}
        """),
        {"series": series},
    )
    return [campaign_of(row) for row in rows]


def update_series(connection: Connection, number: int, series: int) -> None:
    """Make a campaign one of a series."""
    connection.execute(
        text("UPDATE connected_jobs.campaign SET series = :series WHERE id = :number"),
        {"number": number, "series": series},
    )


def insert_campaign(
    connection: Connection, draft: Draft, *, by: str, series: int | None = None
) -> RegisteredCampaign:
    """Put a campaign on record; a name that a living one has is an IntegrityError."""
    row = connection.execute(
        text(f"""
            INSERT INTO connected_jobs.campaign
                (key, owner, braze_campaign_id, definition, series, created_by, updated_by)
            VALUES (:key, :owner, :braze_campaign_id, :definition, :series, :by, :by)
            RETURNING {COLUMNS}
        """).bindparams(_DEFINITION),
        {**draft.values(), "series": series, "by": by},
    ).one()
    return campaign_of(row)


def update_campaign(connection: Connection, number: int, draft: Draft, *, by: str) -> RegisteredCampaign:
    """Save an edit as the next version; same IntegrityError."""
    row = connection.execute(
        text(f"""
            UPDATE connected_jobs.campaign
            SET key = :key, owner = :owner, braze_campaign_id = :braze_campaign_id, definition = :definition,
                version = version + 1, updated_at = now(), updated_by = :by
            WHERE id = :number
            RETURNING {COLUMNS}
        """).bindparams(_DEFINITION),
        {**draft.values(), "number": number, "by": by},
    ).one()
    return campaign_of(row)


def update_campaign_removed(connection: Connection, number: int, *, by: str) -> RegisteredCampaign:
    """Take a campaign off the plan."""
    row = connection.execute(
        text(f"""
            UPDATE connected_jobs.campaign
            SET removed_at = now(), version = version + 1, updated_at = now(), updated_by = :by
            WHERE id = :number
            RETURNING {COLUMNS}
        """),
        {"number": number, "by": by},
    ).one()
    return campaign_of(row)


def insert_change(
    connection: Connection,
    *,
    campaign_id: int | None,
    who: str,
    what: What,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Write down a change; of the workspace where there is no campaign."""
    connection.execute(
        text("""
            INSERT INTO connected_jobs.campaign_change (campaign_id, who, what, before, after)
            VALUES (:campaign_id, :who, :what, :before, :after)
        """).bindparams(
            bindparam("before", type_=JSON(none_as_null=True)),
            bindparam("after", type_=JSON(none_as_null=True)),
        ),
        {"campaign_id": campaign_id, "who": who, "what": what, "before": before, "after": after},
    )


def select_changes(connection: Connection, campaign_id: int | None) -> list[Change]:
    """Who changed a campaign (or the workspace) and how, the newest first."""
    rows = connection.execute(
        text("""
            SELECT at, who, what, before::text, after::text
            FROM connected_jobs.campaign_change
            WHERE campaign_id IS NOT DISTINCT FROM :campaign_id AND isfinite(at)
            ORDER BY id DESC
        """),
        {"campaign_id": campaign_id},
    )
    return [
        Change(at=at, who=who, what=what, before=table(before), after=table(after))
        for at, who, what, before, after in rows
    ]


def select_workspace(connection: Connection, *, to_change: bool = False) -> WorkspaceSettings:
    """What all campaigns share."""
    row = connection.execute(
        text(f"""
            SELECT definition::text AS definition, version, {instant("updated_at")}, updated_by
            FROM connected_jobs.workspace
            {"FOR UPDATE" if to_change else ""}
        """)
    ).one()
    return _workspace(row)


def update_workspace(connection: Connection, definition: Mapping[str, Any], *, by: str) -> WorkspaceSettings:
    """Save an edit as the next version."""
    row = connection.execute(
        text("""
            UPDATE connected_jobs.workspace
            SET definition = :definition, version = version + 1, updated_at = now(), updated_by = :by
            RETURNING definition::text AS definition, version, updated_at, updated_by
        """).bindparams(_DEFINITION),
        {"definition": definition, "by": by},
    ).one()
    return _workspace(row)


_DEFINITION = bindparam("definition", type_=JSON)


def campaign_of(row: Row[Any]) -> RegisteredCampaign:
    """A campaign; of one whose definition cannot be read that is empty, and its reader says so."""
    values = row._asdict()
    instants = {name: values[name] or _NEVER for name in ("created_at", "updated_at")}
    read = {"definition": table(row.definition) or {}, "in_braze": _in_braze(table(row.in_braze))}
    return RegisteredCampaign(**values | instants | read)


def _in_braze(values: Mapping[str, Any] | None) -> InBraze | None:
    """What Braze says; of a row that cannot be read nothing."""
    if values is None:
        return None
    try:
        return msgspec.convert({**values, "id": values["braze_id"]}, InBraze)
    except (msgspec.ValidationError, KeyError):
        return None


def _workspace(row: Row[Any]) -> WorkspaceSettings:
    values = row._asdict()
    return WorkspaceSettings(
        **values | {"definition": table(row.definition) or {}, "updated_at": row.updated_at or _NEVER}
    )
