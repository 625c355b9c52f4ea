"""Where counted results are read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from app.feedback.results.counts import ExperimentCounts, SendCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedExperiment:
    """An experiment's counts and when they were made."""

    counts: ExperimentCounts
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedSends:
    """Counts of sends, the newest first, and when the last of them was made; None if there are no counts."""

    sends: Sequence[SendCounts]
    computed_at: datetime | None


class ResultsStore(Protocol):
    """What was counted last; a store may raise its own error of being unavailable."""

    def campaigns(self) -> CountedSends:
        """The newest send of each campaign, the newest first."""

    def sends(self, campaign: str, since: date | None = None) -> CountedSends:
        """A campaign's sends from a day on."""

    def experiments(self) -> Sequence[CountedExperiment]:
        """All that were counted, the newest first."""

    def experiment(self, key: str) -> CountedExperiment | None:
        """One of them."""


class NoResults:
    """Nothing was counted."""

    def campaigns(self) -> CountedSends:
        """None."""
        return CountedSends(sends=(), computed_at=None)

    def sends(self, campaign: str, since: date | None = None) -> CountedSends:  # noqa: ARG002 - the port's
        """None."""
        return CountedSends(sends=(), computed_at=None)

    def experiments(self) -> Sequence[CountedExperiment]:
        """None."""
        return ()

    def experiment(self, key: str) -> CountedExperiment | None:  # noqa: ARG002 - the port's
        """None."""
        return None
