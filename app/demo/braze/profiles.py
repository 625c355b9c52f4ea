"""Braze's profiles of the members: its own ids, addresses that reach nobody, and what changes of them between sends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

TIME_ZONE: Final = "Asia/Seoul"
APP_GROUP: Final = "6512f0a1b2c3d4e5f6a7b8c0"


def braze_id(*parts: object) -> str:
    """An id of 24 hex digits, as Braze gives profiles and dispatches."""
    return _digest(parts, 12).hex()


def braze_uuid(*parts: object) -> str:
    """An id as Braze gives events, campaigns and variants."""
    return str(UUID(bytes=_digest(parts, 16), version=4))


def _digest(parts: tuple[object, ...], size: int) -> bytes:
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).digest()


@dataclass(slots=True)
class Profiles:
    """Which profile each member has in the workspace, and who must get no mail."""

    seed: int = 1
    unsubscribed: set[str] = field(default_factory=set)
    undeliverable: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    _replaced: Counter[str] = field(default_factory=Counter)

    def user_id(self, member_id: str) -> str:
        """Braze's own id of the member's profile, which Currents calls `user_id`."""
        return braze_id("profile", self.seed, member_id, self._replaced[member_id])

    def orphan(self, member_id: str, at_s: int) -> Mapping[str, Any]:
        """Give the member a new profile, and return the fields of the UserOrphan event that says so."""
        before = self.user_id(member_id)
        self._replaced[member_id] += 1
        return {
            "id": braze_uuid("orphan", before),
            "user_id": before,
            "external_user_id": member_id,
            "orphaned_by_id": self.user_id(member_id),
            "app_group_id": APP_GROUP,
            "time": at_s,
        }

    def deletion(self, member_id: str, at_s: int) -> Mapping[str, Any]:
        """The fields of the UserDeleteRequest event for the member's profile; it has no external id.

        Source: docs/user_guide/data/distribution/braze_currents/changelogs, version 10, and the sample of that version.
        """
        user_id = self.user_id(member_id)
        return {
            "id": braze_uuid("deletion", user_id),
            "user_id": user_id,
            "app_group_id": APP_GROUP,
            "time": at_s,
        }

    def may_get_mail(self, member_id: str) -> bool:
        """Whether the member has a profile, is subscribed and has an address that has not bounced for good."""
        return not any(member_id in those for those in (self.unsubscribed, self.undeliverable, self.deleted))

    def fields(self, member_id: str) -> dict[str, Any]:
        """What every event about the member says of them."""
        user_id = self.user_id(member_id)
        return {
            "user_id": user_id,
            "external_user_id": member_id,
            "timezone": TIME_ZONE,
            "app_group_id": APP_GROUP,
        }

    def address(self, member_id: str) -> str:
        """An e-mail address that reaches nobody (RFC 2606)."""
        return f"{braze_id('address', self.seed, member_id)[:12]}@mail.invalid"
