"""What of a plan is told: every campaign is judged beside all the others, few of which one page is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.capacity.local_time import MINUTE_S

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementScope:
    """The campaigns that are told of, by name, and the window of aware instants that the curves show; None is all."""

    names: frozenset[str] | None = None
    window: tuple[datetime, datetime] | None = None

    def tells(self, *names: str) -> bool:
        """Whether one of these campaigns is told of."""
        return self.names is None or not self.names.isdisjoint(names)

    def minutes(self) -> tuple[int, int] | None:
        """The window in minutes since 1970, from and until."""
        if self.window is None:
            return None
        begin, end = (int(at.timestamp()) for at in self.window)
        return begin // MINUTE_S, -(-end // MINUTE_S)


EVERYTHING: Final = JudgementScope()
