"""Going back to a run that was published earlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.postgres.lists import publications
from app.postgres.lists.publications import Announcement
from app.postgres.lists.refresh_lock import RefreshError, hold_publishing_lock, is_refreshing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from app.postgres.lists.publications import PublicationLog


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback did.

    Attributes:
        left: The run that was in force.
        taken: The run that sends begin with from `effective_at` on; the same where there was none to go back to.
        further_back: There are runs before it, still.
        withdrawn: Runs that were to follow and do not.
        on_left: Campaigns with sends under way that keep the run that was left, unless they were moved.
        refreshing: A refresh is running: it publishes when it ends.
    """

    left: int
    taken: int
    effective_at: datetime
    further_back: bool
    withdrawn: Sequence[int]
    on_left: Sequence[str]
    refreshing: bool


def roll_back(
    engine: Engine,
    *,
    to: int | None = None,
    moves_sends: bool = False,
    by: str | None = None,
    recipe: str | None = None,
) -> Rollback:
    """Let sends begin with the run that was in force before the present one; without such a run, withdraw the coming ones.

    Beside a refresh that is running this goes on; beside one that publishes it waits for that.

    Args:
        engine: The database.
        to: Go to this run instead, backward or forward; to the one in force to withdraw those that are to follow.
        moves_sends: Take sends under way along, from newer runs; else they keep what they began with.
        by: Who rolls back.
        recipe: Whose lists, in place of the usual ones.

    Raises:
        RefreshError: there is no such run, or it has no lists any more.
    """
    with hold_publishing_lock(engine), engine.begin() as connection:
        log = publications.select_log(connection, recipe)
        in_force = log.in_force()
        behind, coming = log.behind(), log.coming()
        if in_force is None:
            raise RefreshError(f"There is no earlier run{_of(recipe)} to go back to: none was published.")
        if to is None and not behind:
            if not log.gone_back and not coming:
                raise RefreshError(_nothing_kept(log, in_force))
            to = in_force  # nothing further back: only what was to follow is withdrawn, if that was not done before
        target = behind[0] if to is None else to
        if target not in {in_force, *behind, *coming, *log.kept()}:
            raise RefreshError(f"Run {target} has no lists to go to." + _or_to(log, in_force))
        effective_at = publications.insert_publication(
            connection, target, Announcement(what="rollback", by=by, moves_sends=moves_sends, recipe=recipe)
        )
        return Rollback(
            in_force,
            target,
            effective_at,
            target in behind[:-1] or (target == in_force and bool(behind)),
            [run_id for run_id in coming if run_id != target],
            publications.select_sends_on(connection, in_force) if target != in_force else (),
            refreshing=is_refreshing(connection),
        )


def _nothing_kept(log: PublicationLog, in_force: int) -> str:
    return (
        f"There is no earlier run to go back to: answers come from run {in_force}, and of those before it "
        "none is kept." + _or_to(log, in_force)
    )


def _of(recipe: str | None) -> str:
    return "" if recipe is None else f" of the recipe '{recipe}'"


def _or_to(log: PublicationLog, in_force: int) -> str:
    others = [run_id for run_id in log.kept() if run_id != in_force]
    if not others:
        return " Make another with `connected-jobs refresh`."
    named = " or ".join(map(str, others))
    return f" --rollback --to goes to run {named}; `connected-jobs refresh` makes another."
