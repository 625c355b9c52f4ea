"""Erased members: a worker drops their lists, so that an outage does not bring them back."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from app.serving.member_lists import MemberLists


class ErasureStore(Protocol):
    """Tells which members were erased; may raise `UnavailableError`."""

    def erased(self, within_s: float) -> AbstractSet[bytes]:
        """Hashes of the members erased within so many seconds before now."""


def member_hash(member_id: str) -> bytes:
    """The SHA-256 hash of a member's id, which is all that is kept of an erased member."""
    return sha256(member_id.encode()).digest()


class Erasures:
    """Drops the lists of erased members from a worker's memory.

    Args:
        store: Tells who was erased.
        member_lists: The worker's lists.
        kept_s: The longest time a list is kept.
    """

    def __init__(self, store: ErasureStore, member_lists: MemberLists, *, kept_s: float) -> None:
        self._store = store
        self._member_lists = member_lists
        self._kept_s = kept_s
        self._known: AbstractSet[bytes] = frozenset()
        self._new: AbstractSet[bytes] = frozenset()

    def update(self) -> None:
        """Drop the lists of members erased since; raises `UnavailableError`.

        Each is dropped in two updates: a call that read a list before the erasure may store it after the first one.
        """
        erased = self._store.erased(self._kept_s)
        new = erased - self._known
        if forgotten := new | self._new:
            self._member_lists.forget(forgotten)
        self._known, self._new = erased, new
