"""Attributes and events of members by `POST /users/track`; no profile is ever made by it.

Source: braze.com/docs/api/endpoints/user_data/post_user_track.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.braze.rest.workspace import MOST_BYTES, WHO
from app.sync.door import DoorLimits
from app.sync.rules import braze as rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.braze.rest.workspace import BrazeWorkspace
    from app.runtime.outgoing import HttpAnswer
    from app.sync.answers import BatchFate
    from app.sync.delta import ChangedRow
    from app.sync.door import OutboxEvent
    from app.sync.values import SourceColumn

PATH: Final = "/users/track"
OBJECTS: Final = 75  # in total; contracts of 2024 and 2025 take 50
REQUESTS: Final = 3_000  # in 3 s


def track_limits(objects: int | None) -> DoorLimits:
    """What the endpoint takes; a sync file may say fewer objects."""
    return DoorLimits(
        objects=objects or OBJECTS, most_bytes=MOST_BYTES, requests=REQUESTS, billed="data_points"
    )


@dataclass(frozen=True, slots=True)
class BrazeAttributes:
    """The door for members' attributes.

    Args:
        workspace: Where to.
        limits: What it takes.
    """

    workspace: BrazeWorkspace
    limits: DoorLimits
    who: str = WHO

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return self.workspace.identity

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where a name is none of a custom attribute."""
        rules.check_attribute_names(columns)

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with a member's row."""
        most = self.workspace.options.array_items
        return rules.member_problem(key) or rules.attributes_problem(values, array_items=most)

    def size(self, one: ChangedRow) -> int:
        """Bytes of a member's object."""
        return len(_attributes(one))

    def lane(self, one: ChangedRow) -> str:  # noqa: ARG002 - all go one way
        """All objects of this door may stand in one request."""
        return "attributes"

    def send(self, batch: Sequence[ChangedRow]) -> HttpAnswer:
        """Send one request."""
        body = b'{"attributes":[%b]}' % b",".join(_attributes(one) for one in batch)
        return self.workspace.exchange("POST", PATH, body)

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means."""
        return self.workspace.fate(answer, "attributes")


@dataclass(frozen=True, slots=True)
class BrazeEvents:
    """The door for members' events.

    Args:
        workspace: Where to.
        limits: What it takes.
        event: The events' name.
    """

    workspace: BrazeWorkspace
    limits: DoorLimits
    event: str
    who: str = WHO

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return self.workspace.identity

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where a name is none of an event's property, or the event's own name is none."""
        rules.check_event_name(self.event)
        rules.check_property_names(columns)

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with an event of the member `key`."""
        return rules.member_problem(key) or rules.properties_problem(values)

    def size(self, one: OutboxEvent) -> int:
        """Bytes of an event's object."""
        return len(self._object(one))

    def lane(self, one: OutboxEvent) -> str:  # noqa: ARG002 - all go one way
        """All objects of this door may stand in one request."""
        return "events"

    def send(self, batch: Sequence[OutboxEvent]) -> HttpAnswer:
        """Send one request."""
        body = b'{"events":[%b]}' % b",".join(self._object(one) for one in batch)
        return self.workspace.exchange("POST", PATH, body)

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means."""
        return self.workspace.fate(answer, "events")

    def _object(self, one: OutboxEvent) -> bytes:
        """An event; `cj_key` and `cj_attempt` make one that was sent twice visible."""
        return msgspec.json.encode(
            {
                "external_id": one.member,
                "_update_existing_only": True,
                "name": self.event,
                "time": one.time,
                "properties": {**one.properties, "cj_key": one.key, "cj_attempt": one.attempt},
            }
        )


def _attributes(one: ChangedRow) -> bytes:
    return msgspec.json.encode({"external_id": one.key, "_update_existing_only": True, **one.values})
