"""What the engine keeps between runs, as a port; Postgres has it (`app.postgres.syncs`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

    from app.sync.delta import ChangedRow, ClearedRow, KnownRows, RefusedRow
    from app.sync.door import OutboxEvent
    from app.sync.values import SourceColumn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SettledBatch(Generic[T]):
    """What became of one request.

    Args:
        status: Of HTTP; None where no answer came.
        taken: Objects that the destination acknowledged.
        refused: Objects that it refused, each with its sentence.
        unknown: Objects of which nobody knows.
    """

    status: int | None
    taken: Sequence[T] = ()
    refused: Sequence[tuple[T, str]] = ()
    unknown: Sequence[T] = ()


@dataclass(slots=True)
class RequestCounts:
    """The requests of a run."""

    requests: int = 0
    throttled: int = 0
    unknown: int = 0


class SourceRows(Protocol):
    """The query's rows, in a read-only transaction of their own."""

    def columns(self) -> Sequence[SourceColumn]:
        """Its columns; raises `SyncError` where it is no query that can run."""

    def rows(self, key: str) -> AbstractContextManager[Iterator[tuple[str, str]]]:
        """Each row's key and its other columns as JSON text, ordered by key; keys that are NULL are refused."""


class Ledger(Protocol):
    """What a destination acknowledged, what it refused, and what is to be sent once. Used by several threads."""

    def known(self) -> AbstractContextManager[KnownRows]:
        """What was acknowledged and refused, ordered by key."""

    def is_erased(self, member: str) -> bool:
        """Whether a member was erased here."""

    def note(self, differences: Sequence[RefusedRow | ClearedRow]) -> None:
        """Record rows that are refused before sending, or no longer."""

    def clear_others(self) -> None:
        """Refused rows that this run has not noted are given no more, or were sent: they are no longer listed."""

    def intend(self, batch: Sequence[ChangedRow]) -> None:
        """Before a batch leaves: what it overwrites is no longer known, until its answer is recorded."""

    def settle(self, batch: SettledBatch[ChangedRow]) -> None:
        """Record what became of a request, in one transaction."""

    def enqueue(self, events: Sequence[OutboxEvent]) -> int:
        """Put events into the outbox unless they were there before; a refused one waits again. Gives how many wait now."""

    def queued(self, keys: Collection[str], *, again: bool = False) -> frozenset[str]:
        """Which of these events were in the outbox before; `again` leaves out those that were refused."""

    def waiting(self) -> int:
        """How many events wait to be sent."""

    def recover(self) -> tuple[int, int]:
        """Events that a killed run left under way: how many wait again, and how many stay unknown for good."""

    def claim(self, most: int) -> list[OutboxEvent]:
        """Events to send now, marked as under way before they leave, so that a kill does not hide them."""

    def settle_events(self, batch: SettledBatch[OutboxEvent]) -> None:
        """Record what became of claimed events, in one transaction."""

    def unclaim(self, events: Sequence[OutboxEvent]) -> None:
        """Events that certainly did not leave: they wait again, as if they had not been claimed."""
