"""Members who were erased: what a worker keeps of them goes, so that an outage does not bring them back."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from app.serving.member_lists import MemberLists


class ErasureStore(Protocol):
    """Where it stands who was erased; may raise `UnavailableError`."""

    def erased(self, within_s: float) -> AbstractSet[bytes]:
        """Hashes of the members erased within so many seconds before now."""


def member_hash(member_id: str) -> bytes:
    """What is kept of an erased member's id."""
    return sha256(member_id.encode()).digest()


class Erasures:
    """Drops the lists of erased members from a worker's memory.

    Args:
        store: Where it stands who was erased.
        member_lists: What the worker keeps.
        kept_s: How long it keeps a list at most.
    """

    def __init__(self, store: ErasureStore, member_lists: MemberLists, *, kept_s: float) -> None:
        self._store = store
        self._member_lists = member_lists
        self._kept_s = kept_s
        self._known: AbstractSet[bytes] = frozenset()
        self._new: AbstractSet[bytes] = frozenset()

    def update(self) -> None:
        """Let go of who was erased since; raises `UnavailableError`.

        Each twice: a call that had read the list before it was erased may have kept it after the first time.
        """
        erased = self._store.erased(self._kept_s)
        new = erased - self._known
        if forgotten := new | self._new:
            self._member_lists.forget(forgotten)
        self._known, self._new = erased, new
