"""The refresh run that answers come from, now and after the next publication."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.serving.store import Publication, Run, Store


class Publications:
    """The publication logs as this worker last read them: the main one, and one for each recipe.

    A publication is known before it takes effect, so all workers switch at the same instant. The newest publication whose
    time has come is in force; a rollback is a newer publication that takes effect at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.every: Sequence[Publication] = ()  # of all logs, newest first
        self.log: Sequence[Publication] = ()
        self._recipe_logs: dict[str, Sequence[Publication]] = {}

    def update(self) -> None:
        """Read the logs again; raises `UnavailableError`, and they stay as they were."""
        self.restore(self._store.publications())

    def restore(self, every: Sequence[Publication]) -> None:
        """Go by these publications, newest first."""
        logs: dict[str | None, list[Publication]] = {None: []}
        for one in every:
            logs.setdefault(one.recipe, []).append(one)
        self.every, self.log = every, logs[None]
        self._recipe_logs = {recipe: log for recipe, log in logs.items() if recipe is not None}

    def in_force(self, now: datetime) -> Run | None:
        """The run to answer from at an instant, None before the first publication."""
        return _in_force(self.log, now)

    def coming(self, now: datetime) -> list[Run]:
        """The runs that will be in force later than an instant, the newest publication first."""
        return _coming(self.log, now)

    def run_of_recipe(self, recipe: str, first_at: datetime, now: datetime) -> Run | None:
        """The run of a recipe that a send keeps which began at `first_at`; None where the recipe has none.

        It is the one in force when the send began, until a publication moves sends. Where that run has no lists any more, it
        is the one in force now.
        """
        log = self._recipe_logs.get(recipe, ())
        run = _in_force(log, first_at)
        for one in reversed([one for one in log if one.moves_sends]):
            if first_at < one.effective_at <= now and run is not None and one.moves(run):
                run = _in_force(log, one.effective_at)
        return run or _in_force(log, now)

    def runs_of_recipes(self, recipes: Sequence[str], since: datetime, now: datetime) -> list[Run]:
        """The runs of some recipes that were in force at any time since an instant, or will be."""
        runs: dict[int, Run] = {}
        for recipe in recipes:
            log = self._recipe_logs.get(recipe, ())
            before = _in_force(log, since)
            later = [one.run for one in log if since < one.effective_at]
            runs |= {run.id: run for run in (before, *later, *_coming(log, now)) if run is not None}
        return [runs[number] for number in sorted(runs)]


def _in_force(log: Sequence[Publication], at: datetime) -> Run | None:
    for publication in log:
        if publication.effective_at <= at:
            return publication.run
    return None


def _coming(log: Sequence[Publication], now: datetime) -> list[Run]:
    runs = []
    for publication in log:
        if publication.effective_at <= now:
            break
        runs.append(publication.run)
    return list(dict.fromkeys(runs))
