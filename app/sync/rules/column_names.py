"""Names of columns that no destination takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Collection

OF_OURS: Final = frozenset(
    {"cj_key", "cj_attempt"}
)  # of each event: which one, and how many times it was sent


def refuse_addresses(name: str, addresses: Collection[str]) -> None:
    """Refuse a column that would send an address of the member; `addresses` are lower-case names.

    Raises:
        SyncError: it would.
    """
    if name.lower() in addresses:
        raise SyncError(
            f"The column {name!r} would be an address of the member, which no sync sends: leave it out."
        )


def refuse_ours(name: str) -> None:
    """Refuse a property that the sync itself gives to each event.

    Raises:
        SyncError: it is one.
    """
    if name in OF_OURS:
        raise SyncError(
            f"The column {name!r} is given to each event by the sync itself: name yours otherwise."
        )
