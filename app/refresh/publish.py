"""Publishes a run, and drops runs that are no longer needed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from app.postgres.engines import DROP_WAIT_S
from app.postgres.feedback.lately_shown import delete_lately_shown
from app.postgres.lists import publications, runs
from app.postgres.lists.model_store import drop_unneeded_models
from app.postgres.lists.refresh_lock import (
    TAKEN_OVER,
    RefreshError,
    hold_publishing_lock,
    raise_if_taken_over,
)
from app.recommend.features.same_job import shared_jobs
from app.serving.shelves import pack_pool, pool_of
from app.serving.store import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from app.board.model import Posting
    from app.postgres.lists.publications import Announcement
    from app.recommend.ranked import RankedPosting
    from app.recommend.recommender import Recommender
    from app.refresh.shrink_guard import ShrinkGuard

_log = logging.getLogger("connected_jobs.refresh")


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A published run.

    Attributes:
        extent: How many lists and places it has.
        effective_at: From when on new sends use it.
        not_dropped: Old runs that could not be dropped now.
        same_jobs: How many postings are represented by another posting of the same job.
    """

    extent: runs.Extent
    effective_at: datetime
    not_dropped: Sequence[int]
    same_jobs: int


def publish(
    engine: Engine,
    run_id: int,
    model: Recommender,
    postings: Sequence[Posting],
    measures: Mapping[str, Any],
    *,
    guard: ShrinkGuard,
    announced: Announcement,
) -> PublishedRun:
    """Publish a run whose lists are complete, and drop runs that are no longer needed.

    Args:
        engine: The database.
        run_id: The run.
        model: What its lists were made by.
        postings: The board's postings as the run read them.
        measures: What the run's row records of the refresh, as JSON values.
        guard: Refuses a run that has far fewer lists or places than the last one.
        announced: What is published, by whom, and with which delay.

    Raises:
        ShrunkError: the guard refuses it.
        RefreshError: another refresh took the run over or dropped it, or the run it was made from was rolled back.
    """
    extent = _extent(engine, run_id)
    guard.check_made(extent)
    shelves, same_jobs = model.shelves(), shared_jobs(postings)
    pool = pack_pool(pool_of([_shelf(place, ranked) for place, ranked in shelves.items()], postings))
    measures = {**measures, "lists": extent.lists, "places": extent.places}

    def write(connection: Connection) -> datetime:
        if announced.instead_of not in (None, publications.select_log(connection, announced.recipe).newest):
            raise RefreshError(
                f"Run {announced.instead_of}, which this one goes on from, was left meanwhile: nothing is published; run it again."
            )
        runs.replace_shelves(connection, run_id, shelves)
        runs.replace_shelf_pool(connection, run_id, pool)
        runs.replace_same_jobs(connection, run_id, same_jobs)
        if not runs.finish_run(connection, run_id, weights=model.weights.to_json(), measures=measures):
            raise RefreshError(TAKEN_OVER)
        # Last, so that the commit follows soon after the instant is chosen.
        return publications.insert_publication(connection, run_id, announced)

    with hold_publishing_lock(engine):
        effective_at = _commit(engine, run_id, write)
        duplicates = sum(len(group) - 1 for group in same_jobs)
        return PublishedRun(extent, effective_at, _drop(engine), duplicates)


def _commit(engine: Engine, run_id: int, write: Callable[[Connection], datetime]) -> datetime:
    """Publish a run in one transaction; returns from when on it is in force, also where the reply to COMMIT was lost."""
    try:
        with engine.begin() as connection:
            return write(connection)
    except DBAPIError:
        with engine.connect() as connection:
            effective_at = publications.select_effective_at(connection, run_id)
        if effective_at is None:
            raise
        return effective_at


def _extent(engine: Engine, run_id: int) -> runs.Extent:
    """Delete the lists of members who left while the run was made; returns how much it has.

    Raises:
        RefreshError: another refresh took the run over or dropped it.
    """
    with raise_if_taken_over():
        with engine.begin() as connection:
            runs.delete_lists_of_members_gone(connection, run_id)
        runs.analyze_run(engine, run_id)
        with engine.connect() as connection:
            return runs.select_extent(connection, run_id)


def _drop(engine: Engine) -> Sequence[int]:
    """Drop runs that are not needed; a failure is logged and left to the next refresh."""
    try:
        with engine.begin() as connection:
            delete_lately_shown(connection)
        return drop_unneeded_runs(engine)
    except DBAPIError:
        _log.exception("old runs could not be dropped: the next refresh does it")
        return ()


def _shelf(place: tuple[str, str], ranked: Sequence[RankedPosting]) -> Shelf:
    return Shelf(*place, [one.posting_id for one in ranked], [one.reason for one in ranked])


def drop_unneeded_runs(engine: Engine, *, wait_s: float = DROP_WAIT_S) -> Sequence[int]:
    """Keep the run in force, those that are to follow it, the one before it and those that sends keep; drop all others.

    So it is with each recipe that is in use. Which of its runs a send keeps follows from when the send began. All runs of
    other recipes are dropped. A run that was begun of another recipe and never finished is kept while its refresh can resume
    it: until a refresh has seen another board.

    Returns the runs left to the next refresh because a long transaction reads them; Postgres detaches one
    partition at a time, so those after it wait too. The caller holds both locks.
    """
    with engine.connect() as connection:
        needed = set(publications.select_held_runs(connection))
        since = publications.select_oldest_send(connection)
        is_serving = publications.select_is_serving(connection)
        for recipe in [None, *publications.select_recipes_in_use(connection)]:
            log = publications.select_log(connection, recipe)
            needed.update(log.needed())
            needed.update(log.recent() if is_serving else ())
            needed.update(log.since(since) if recipe is not None and since is not None else ())
        needed.update(runs.select_resumable_runs(connection))
        unneeded = runs.select_runs_to_drop(connection, sorted(needed))
    for place, run_id in enumerate(unneeded):
        if not runs.drop_run(engine, run_id, wait_s=wait_s):
            return unneeded[place:]
    drop_unneeded_models(engine, wait_s=wait_s)
    return ()
