"""What Braze does with the objects of a request; each rule names its page.

Pages: [track] braze.com/docs/api/endpoints/user_data/post_user_track, [attributes] …/api/objects_filters/user_attributes_object,
[event] …/api/objects_filters/event_object, [nested] …/custom_attributes/nested_custom_attribute_support,
[delete] …/api/endpoints/user_data/post_user_delete. What no page says is an assumption, named so.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

IDENTIFIERS = ("external_id", "user_alias", "braze_id", "email", "phone")
CONTROL = {"_update_existing_only", "_merge_objects", "push_token_import", *IDENTIFIERS}
MOST_TEXT = 255  # [event], and custom attributes by data_types
MOST_NESTED = 100_000  # bytes, [nested]
MOST_EVENT = 50_000  # bytes of properties with arrays or objects, [event]
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$")


class RefusedError(Exception):
    """One object is not taken; its text is the error's `type`. The texts are assumptions: no page has them all."""


@dataclass
class StoredEvent:
    """An event as Braze keeps it: doubles are events of their own [track]."""

    member: str
    name: str
    time: str
    properties: dict[str, Any]


@dataclass
class Profiles:
    """A workspace's members.

    Args:
        members: The profiles by external_id, their custom attributes each.
        array_items: Elements kept of an array: 25, by request up to 100 [attributes].
        blocked: Ids that are "blacklisted and disallowed" [track].
    """

    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    array_items: int = 25
    blocked: set[str] = field(default_factory=set)
    events: list[StoredEvent] = field(default_factory=list)
    made: int = 0
    data_points: int = 0
    written: dict[str, int] = field(default_factory=dict)

    def checked_attributes(self, given: Any) -> dict[str, Any]:
        """An attributes object, or why it is not taken."""
        member = self._member(given)
        for name, value in given.items():
            if name in CONTROL:
                continue
            if not name or len(name) > MOST_TEXT or name.startswith("$"):
                raise RefusedError("attribute name is not valid")
            _check_text(value)
        return {"member": member, **given}

    def checked_event(self, given: Any) -> dict[str, Any]:
        """An event object, or why it is not taken."""
        member = self._member(given)
        name, time = given.get("name"), given.get("time")
        if not isinstance(name, str) or not 0 < len(name) <= MOST_TEXT or name.startswith("$"):
            raise RefusedError("'name' is not valid")
        if not isinstance(time, str) or not ISO.match(time):
            raise RefusedError("'time' is not a valid datetime")
        datetime.fromisoformat(time)
        properties = given.get("properties", {})
        if not isinstance(properties, dict):
            raise RefusedError("'properties' is not an object")
        nested = any(isinstance(value, (dict, list)) for value in properties.values())
        if nested and len(json.dumps(properties, ensure_ascii=False).encode()) > MOST_NESTED:
            raise RefusedError("'properties' is too large")
        for key, value in properties.items():
            if not key or len(key) > MOST_TEXT or key.startswith("$") or key in ("time", "event_name"):
                raise RefusedError("property name is not valid")  # reserved: [event]
            _check_text(value)
            if isinstance(value, list) and any(
                isinstance(one, str) and "T" in one and ISO.match(one) for one in value
            ):
                raise RefusedError("an array cannot include datetimes")  # [event]
        return {"member": member, **given}

    def _member(self, given: Any) -> str:
        if not isinstance(given, dict):
            raise RefusedError("object is not valid")
        identifiers = [name for name in ("external_id", "user_alias", "braze_id") if name in given]
        if len(identifiers) != 1:  # one primary identifier an object [track]
            raise RefusedError("one of 'external_id', 'user_alias' or 'braze_id' is required")
        member = given.get("external_id")
        if not isinstance(member, str) or not member or len(member.encode()) > 997:
            raise RefusedError("'external_id' is not valid")
        if member in self.blocked:
            raise RefusedError("provided external_id is blacklisted and disallowed")
        return member

    def apply_attributes(self, given: dict[str, Any]) -> None:
        """Put a checked object into its profile."""
        profile = self._profile(given)
        if profile is None:
            return
        self.written[given["member"]] = self.written.get(given["member"], 0) + 1
        for name, value in given.items():
            if name in CONTROL or name == "member":
                continue
            self.data_points += 1  # changed or not, on contracts that bill them (user_guide/data/data_points)
            if value is None:
                profile.pop(name, None)  # null removes [attributes]
            elif isinstance(value, list):
                kept = _kept_array(value, self.array_items)
                if kept is not None:
                    profile[name] = kept
            elif isinstance(value, dict):
                if _nested_is_valid(value):
                    profile[name] = value  # replaced unless _merge_objects [nested]
            else:
                profile[name] = value

    def apply_event(self, given: dict[str, Any]) -> None:
        """Keep an event; each that comes is a new one."""
        if self._profile(given) is not None:
            self.data_points += 1
            self.events.append(
                StoredEvent(given["member"], given["name"], given["time"], given.get("properties", {}))
            )

    def _profile(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """The member's profile; an unknown id makes one unless it is told not to [attributes]."""
        found = self.members.get(given["member"])
        if found is None and not given.get("_update_existing_only", False):
            self.made += 1
            found = self.members[given["member"]] = {}
        return found


def _check_text(value: Any) -> None:
    if isinstance(value, str) and len(value) > MOST_TEXT:
        raise RefusedError("string value is too long")
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN, which JSON has not
        raise RefusedError("number is not valid")


def _kept_array(values: list[Any], most: int) -> list[Any] | None:
    """Arrays are one-dimensional sets; what is over the most is cut [attributes]. None where the update is dropped."""
    if any(isinstance(one, list) for one in values):
        return None
    if any(isinstance(one, dict) and not _nested_is_valid(one) for one in values):
        return None
    kept: list[Any] = []
    for one in values:
        if one in kept:
            kept.remove(one)
        kept.append(one)
    return kept[:most]


def _nested_is_valid(value: dict[str, Any]) -> bool:
    """One invalid value drops all nested updates of the attribute [track]; keys by [nested]."""
    if len(json.dumps(value, ensure_ascii=False).encode()) > MOST_NESTED:
        return False
    return _is_valid_within(value)


def _is_valid_within(value: Any) -> bool:
    if isinstance(value, dict):
        return all(
            0 < len(key) <= MOST_TEXT and not set(key) & set(".$ ") and _is_valid_within(one)
            for key, one in value.items()
        )
    if isinstance(value, list):
        return all(_is_valid_within(one) for one in value)
    return value is not None and not (isinstance(value, str) and len(value) > MOST_TEXT)
