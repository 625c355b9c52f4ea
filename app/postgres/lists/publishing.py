"""Publishing a run, going back to an earlier one, and dropping those that nothing needs any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from app.postgres.lists import publications, runs
from app.postgres.lists.model_store import drop_kept_models
from app.postgres.lists.publications import Announcement
from app.postgres.lists.refresh_lock import (
    TAKEN_OVER,
    RefreshError,
    is_refreshing,
    publishing,
    told_if_taken_over,
)
from app.recommend.features.same_job import shared_jobs
from app.serving.profiles import pack, pool_of
from app.serving.store import Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from app.board.model import Posting, RankedPosting
    from app.postgres.lists.publications import Log
    from app.postgres.lists.shrinking import Guard
    from app.recommend.recommender import Model

_log = logging.getLogger("connected_jobs.refresh")


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run that was published: how much it holds, from when on it is in force, and which runs were not dropped.

    `same_jobs` counts postings that are a job which another posting stands for.
    """

    extent: runs.Extent
    effective_at: datetime
    not_dropped: Sequence[int]
    same_jobs: int


def publish(
    engine: Engine,
    run_id: int,
    model: Model,
    postings: Sequence[Posting],
    measures: Mapping[str, Any],
    *,
    guard: Guard,
    announced: Announcement,
) -> PublishedRun:
    """Let sends begin with a run whose lists are all in, and drop runs that nothing needs any more.

    Args:
        engine: The database.
        run_id: The run.
        model: What its lists were made by.
        postings: The board, as the run knows it.
        measures: What is kept of how it went.
        guard: What it must hold.
        announced: How it is published.

    Raises:
        ShrunkError: it holds far less than the last one.
        RefreshError: somebody took it over, dropped it, or went back from the run it was made from.
    """
    with told_if_taken_over():
        with engine.begin() as connection:
            runs.delete_lists_of_members_gone(connection, run_id)
        runs.analyze_run(engine, run_id)
        with engine.connect() as connection:
            extent = runs.select_extent(connection, run_id)
    guard.check_made(extent)
    shelves, same = model.shelves(), shared_jobs(postings)
    pool = pack(pool_of([_shelf(place, ranked) for place, ranked in shelves.items()], postings))
    held = {"lists": extent.lists, "places": extent.places}
    with publishing(engine):
        try:
            with engine.begin() as connection:
                if announced.instead_of not in (None, publications.select_log(connection).newest):
                    raise RefreshError(
                        f"Run {announced.instead_of}, which this one goes on from, was left meanwhile: nothing is published; run it again."
                    )
                runs.replace_shelves(connection, run_id, shelves)
                runs.replace_shelf_pool(connection, run_id, pool)
                runs.replace_same_jobs(connection, run_id, same)
                if not runs.finish_run(
                    connection, run_id, weights=model.weights.to_json(), measures={**measures, **held}
                ):
                    raise RefreshError(TAKEN_OVER)
                # Last, so that others can read it soon after its moment was chosen.
                effective_at = publications.insert_publication(connection, run_id, announced)
        except DBAPIError:  # the connection may have been cut when all was committed
            with engine.connect() as connection:
                found = publications.select_effective_at(connection, run_id)
            if found is None:
                raise
            effective_at = found
        again = sum(len(group) - 1 for group in same)
        return PublishedRun(extent, effective_at, _drop(engine), again)


def _drop(engine: Engine) -> Sequence[int]:
    """Drop what nothing needs; a run is published whether or not that can be done now."""
    try:
        return drop_unneeded_runs(engine)
    except DBAPIError:
        _log.exception("old runs could not be dropped: the next refresh does it")
        return ()


def _shelf(place: tuple[str, str], ranked: Sequence[RankedPosting]) -> Shelf:
    return Shelf(*place, [one.posting_id for one in ranked], [one.reason for one in ranked])


@dataclass(frozen=True, slots=True)
class RolledBack:
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
    engine: Engine, *, to: int | None = None, moves_sends: bool = False, by: str | None = None
) -> RolledBack:
    """Let sends begin with the run that was in force before the one that is; without one, withdraw those that wait.

    Beside a refresh that is running this goes on; beside one that publishes it waits for that.

    Args:
        engine: The database.
        to: Go to this run instead, backward or forward; to the one in force to withdraw those that are to follow.
        moves_sends: Take sends under way along, from newer runs; else they keep what they began with.
        by: Who rolls back.

    Raises:
        RefreshError: there is no such run, or it has no lists any more.
    """
    with publishing(engine), engine.begin() as connection:
        log = publications.select_log(connection)
        in_force = log.in_force()
        behind, coming = log.behind(), log.coming()
        if in_force is None:
            raise RefreshError("There is no earlier run to go back to: none was published.")
        if to is None and not behind:
            if not log.gone_back and not coming:
                raise RefreshError(
                    f"There is no earlier run to go back to: answers come from run {in_force}, and of those before it "
                    "none is kept." + _or_to(log, in_force)
                )
            to = in_force  # nothing further back: only what was to follow is withdrawn, if that was not done before
        target = behind[0] if to is None else to
        if target not in {in_force, *behind, *coming, *log.kept()}:
            raise RefreshError(f"Run {target} has no lists to go to." + _or_to(log, in_force))
        effective_at = publications.insert_publication(
            connection, target, Announcement(what="rollback", by=by, moves_sends=moves_sends)
        )
        return RolledBack(
            in_force,
            target,
            effective_at,
            target in behind[:-1] or (target == in_force and bool(behind)),
            [run_id for run_id in coming if run_id != target],
            publications.select_sends_on(connection, in_force) if target != in_force else (),
            refreshing=is_refreshing(connection),
        )


def _or_to(log: Log, in_force: int) -> str:
    others = [run_id for run_id in log.kept() if run_id != in_force]
    if not others:
        return " Make another with `connected-jobs refresh`."
    named = " or ".join(map(str, others))
    return f" --rollback --to goes to run {named}; `connected-jobs refresh` makes another."


def drop_unneeded_runs(engine: Engine, *, wait_s: float = runs.DROP_WAIT_S) -> Sequence[int]:
    """Keep the run in force, those that are to follow it, the one before it and those that sends keep; drop all others.

    Returns the runs left to the next refresh because a long transaction reads them; Postgres detaches one
    partition at a time, so those after it wait too. The caller holds both locks.
    """
    with engine.connect() as connection:
        log = publications.select_log(connection)
        needed = {*log.needed(), *publications.select_held_runs(connection)}
        if publications.select_instances_run(connection):
            needed.update(log.recent())
        unneeded = runs.select_runs_to_drop(connection, sorted(needed))
    for place, run_id in enumerate(unneeded):
        if not runs.drop_run(engine, run_id, wait_s=wait_s):
            return unneeded[place:]
    drop_kept_models(engine, wait_s=wait_s)
    return ()
