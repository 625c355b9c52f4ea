"""The refresh run that answers come from, now and after the next publication."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.serving.store import Publication, Run, Store


class Publications:
    """The publication log as this worker last read it.

    A publication is known before it takes effect, so all workers switch at the same instant. The newest publication whose
    time has come is in force; a rollback is a newer publication that takes effect at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.log: Sequence[Publication] = ()

    def update(self) -> None:
        """Read the log again; raises `UnavailableError`, and the log stays as it was."""
        self.log = self._store.publications()

    def in_force(self, now: datetime) -> Run | None:
        """The run to answer from at an instant, None before the first publication."""
        for publication in self.log:
            if publication.effective_at <= now:
                return publication.run
        return None

    def coming(self, now: datetime) -> list[Run]:
        """The runs that will be in force later than an instant, the newest publication first."""
        runs = []
        for publication in self.log:
            if publication.effective_at <= now:
                break
            runs.append(publication.run)
        return list(dict.fromkeys(runs))
