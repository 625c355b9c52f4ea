"""The door that a sync file to Braze asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.braze.rest.catalog import BrazeCatalog, catalog_limits
from app.braze.rest.track import BrazeAttributes, BrazeEvents, track_limits
from app.braze.rest.workspace import BrazeWorkspace, read_options
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from app.sync.definition import SyncDefinition


def open_workspace(definition: SyncDefinition, *, key: str | None, private: bool) -> BrazeWorkspace:
    """The workspace that a sync file names.

    Raises:
        SyncError: its options do not fit, or there is no key.
    """
    options = read_options(definition)
    if key is None:
        raise SyncError(
            "CJ_BRAZE_KEY is not set: give the workspace's REST key, there or in the file that CJ_BRAZE_KEY_FILE names."
        )
    return BrazeWorkspace(options, key, private, definition.limits.connections)


def open_rows_door(definition: SyncDefinition, workspace: BrazeWorkspace) -> BrazeAttributes | BrazeCatalog:
    """The door for attributes or a catalog's items."""
    objects = definition.limits.objects
    if definition.kind == "catalog":
        return BrazeCatalog(workspace, catalog_limits(objects))
    return BrazeAttributes(workspace, track_limits(objects))


def open_events_door(definition: SyncDefinition, workspace: BrazeWorkspace) -> BrazeEvents:
    """The door for events."""
    return BrazeEvents(workspace, track_limits(definition.limits.objects), definition.event or "")
