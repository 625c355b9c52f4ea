"""What the engine asks of a destination: what may be sent, how much at once, and what an answer means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.runtime.outgoing import HttpAnswer
    from app.sync.answers import BatchFate
    from app.sync.values import SourceColumn

T_contra = TypeVar("T_contra", contravariant=True)


class OutboxEvent(msgspec.Struct, frozen=True):
    """One event that waits to be sent.

    Args:
        key: By which it is told from every other event of its sync.
        member: The member's id.
        time: ISO 8601, with its zone.
        properties: Its values by name.
        attempt: 1 where it is sent for the first time.
    """

    key: str
    member: str
    time: str
    properties: dict[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """What a destination takes.

    Args:
        objects: Most of one request.
        most_bytes: Of one request, beneath what the destination refuses.
        requests: Requests of the short window, from everybody, as the documents say.
        billed: What a contract may bill, of which each value or each event that is sent counts as one; "" for nothing.
        oldest_s: Events that happened longer ago are too late; None takes all.
        margin_s: So long before that an event is not sent any more, for it may wait on the way.
        passing: Properties that are sent and not kept, such as a member's address: once an event's end is known they are
            forgotten, and nobody is shown them.
    """

    objects: int
    most_bytes: int
    requests: int
    billed: Literal["", "data_points", "events"] = ""
    oldest_s: float | None = None
    margin_s: float = 0.0
    passing: frozenset[str] = frozenset()

    def too_late(self, time: str, now: float, who: str) -> str | None:
        """Why an event is too late at a moment, as one sentence; None where it is not.

        Args:
            time: When it happened, in ISO 8601.
            now: Seconds of the epoch.
            who: The destination, as the sentence names it.
        """
        if (
            self.oldest_s is None
            or datetime.fromisoformat(time).timestamp() >= now - self.oldest_s + self.margin_s
        ):
            return None
        margin = f", with a margin of {self.margin_s / 60:g} minutes" if self.margin_s else ""
        return f"It happened more than {self.oldest_s / 3600:g} hours ago{margin}, and {who} takes none that old."


class Door(Protocol[T_contra]):
    """One destination for one kind of objects: rows that changed, or events."""

    @property
    def who(self) -> str:
        """The destination, as a sentence names it."""

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept: another workspace is another destination."""

    @property
    def limits(self) -> DoorLimits:
        """What it takes."""

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where the query's columns cannot be sent here."""

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with a row of the query, as one sentence; None where nothing is."""

    def size(self, one: T_contra) -> int:
        """Bytes of an object in a request."""

    def lane(self, one: T_contra) -> str:
        """Objects of one request have one lane, as what is put and what is deleted."""

    def send(self, batch: Sequence[T_contra]) -> HttpAnswer:
        """Send one request; whatever the network does is an answer."""

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means."""
