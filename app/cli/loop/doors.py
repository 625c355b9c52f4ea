"""The door to a sync's destination, with the key that the settings have for it; each destination is named here once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.analytics.airbridge import open_airbridge
from app.analytics.amplitude.deletion import open_deletion
from app.analytics.amplitude.upload import open_amplitude
from app.braze.rest.doors import open_events_door, open_rows_door, open_workspace
from app.cli.database import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.settings import Settings
    from app.sync.definition import SyncDefinition
    from app.sync.door import Door


def _to_braze(definition: SyncDefinition, settings: Settings) -> Door[Any]:
    workspace = open_workspace(definition, key=settings.braze_key, private=settings.braze_private)
    opener = open_events_door if definition.kind == "events" else open_rows_door
    return opener(definition, workspace)


def _to_amplitude(definition: SyncDefinition, settings: Settings) -> Door[Any]:
    return open_amplitude(definition, key=settings.amplitude_key, private=settings.amplitude_private)


def _to_airbridge(definition: SyncDefinition, settings: Settings) -> Door[Any]:
    return open_airbridge(definition, token=settings.airbridge_token, private=settings.airbridge_private)


_OPENERS: Final[Mapping[str, Callable[[SyncDefinition, Settings], Door[Any]]]] = {
    "braze": _to_braze,
    "amplitude": _to_amplitude,
    "airbridge": _to_airbridge,
}


def open_door(definition: SyncDefinition, settings: Settings) -> Door[Any]:
    """Return the door to a sync's destination.

    Raises:
        SyncError: the file's options do not fit, or the destination's key is missing.
    """
    return _OPENERS[definition.destination](definition, settings)


def open_amplitude_deletion(definition: SyncDefinition, settings: Settings) -> Callable[[str], str | None]:
    """Return what asks for a member's deletion in a sync file's project of Amplitude, and gives its day, None for a stranger.

    Raises:
        SyncError: the file's options do not fit, or a key is missing.
    """
    return open_deletion(
        definition,
        key=settings.amplitude_key,
        secret=settings.amplitude_secret_key,
        private=settings.amplitude_private,
    ).ask


def check_goes_to(definition: SyncDefinition, destination: str, what: str) -> None:
    """Refuse what only one destination has.

    Raises:
        CommandError: the sync goes elsewhere.
    """
    if definition.destination != destination:
        raise CommandError(
            f"The sync {definition.name!r} goes to {definition.destination}: {what} a sync file to {destination.title()}."
        )
