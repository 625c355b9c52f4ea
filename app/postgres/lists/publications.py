"""The publication log: which run sends begin with, which are to follow, and which there are to go back to.

All times are by Postgres's clock, not by those of the machines that publish or answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.runtime.instance import ALIVE_S
from app.serving.sends import LEAD, RECENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """How a run is published.

    Attributes:
        what: "refresh", "changed" or "rollback".
        by: Who does it.
        delay: From now to when it is in force.
        moves_sends: Sends under way go with it, from newer runs.
        instead_of: The run that this one goes on from, which must still be the newest.
        recipe: Whose log it goes into; None for the usual lists.
    """

    what: str
    by: str | None = None
    delay: timedelta = timedelta(0)
    moves_sends: bool = False
    instead_of: int | None = None
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the log; `ready` while its run has its lists."""

    run_id: int
    effective_at: datetime
    ready: bool = True


@dataclass(frozen=True, slots=True)
class PublicationLog:
    """Every publication of the usual lists or of one recipe, newest first, as it was at `now`."""

    lines: Sequence[LogEntry]
    now: datetime

    @property
    def newest(self) -> int | None:
        """The run published last, whether or not its time has come."""
        return next((line.run_id for line in self.lines if line.ready), None)

    def in_force(self, at: datetime | None = None) -> int | None:
        """The run of the newest publication whose time has come."""
        at = at or self.now
        return next((one.run_id for one in self.lines if one.ready and one.effective_at <= at), None)

    def coming(self) -> list[int]:
        """Runs whose time will come, the newest publication first."""
        runs: list[int] = []
        for line in self.lines:
            if line.effective_at <= self.now:
                break
            if line.ready:
                runs.append(line.run_id)
        return list(dict.fromkeys(runs))

    def behind(self) -> list[int]:
        """Runs to go back to from the one in force, the nearest first.

        A run published again was gone back to: what was in force after it is not behind it any more.
        """
        stack: list[int] = []
        earliest: datetime | None = None
        in_force: list[LogEntry] = []
        for line in self.lines:  # what a newer publication overtook was never in force
            if line.effective_at <= self.now and (earliest is None or line.effective_at < earliest):
                in_force.append(line)
            earliest = line.effective_at if earliest is None else min(earliest, line.effective_at)
        for line in reversed(in_force):
            stack = [*(stack[: stack.index(line.run_id)] if line.run_id in stack else stack), line.run_id]
        ready = {line.run_id for line in self.lines if line.ready}
        return [run_id for run_id in reversed(stack) if run_id in ready and run_id != self.in_force()]

    @property
    def gone_back(self) -> bool:
        """Whether the run in force was gone back to from a newer one."""
        in_force = self.in_force()
        return in_force is not None and any(
            line.run_id > in_force for line in self.lines if line.effective_at <= self.now
        )

    def kept(self) -> list[int]:
        """Every published run that has its lists, the newest first."""
        return sorted({line.run_id for line in self.lines if line.ready}, reverse=True)

    def needed(self) -> list[int]:
        """Runs that are in force or will be, and the one to go back to."""
        in_force = self.in_force()
        return [*self.coming(), *([] if in_force is None else [in_force]), *self.behind()[:1]]

    def recent(self) -> list[int]:
        """Runs that were in force a moment ago."""
        return self.since(self.now - RECENT)

    def since(self, since: datetime) -> list[int]:
        """Runs that were in force at any time since an instant."""
        at = [line.effective_at for line in self.lines if since < line.effective_at <= self.now]
        runs = [self.in_force(instant) for instant in [since, *at]]
        return [run_id for run_id in dict.fromkeys(runs) if run_id is not None]


def select_log(connection: Connection, recipe: str | None = None) -> PublicationLog:
    """The whole log of the usual lists, or of a recipe."""
    rows = connection.execute(
        text("""
            SELECT p.run_id, p.effective_at, r.state = 'ready'
            FROM connected_jobs.publication p
            JOIN connected_jobs.refresh_run r ON r.id = p.run_id
            WHERE r.recipe IS NOT DISTINCT FROM CAST(:recipe AS text)
            ORDER BY p.id DESC
        """),
        {"recipe": recipe},
    ).all()
    return PublicationLog([LogEntry(*row) for row in rows], select_now(connection))


def select_recipes_in_use(connection: Connection) -> list[str]:
    """Recipes that an experiment uses, will use or used lately, and those that were published lately, which one may."""
    return list(
        connection.execute(
            text("""
                SELECT a.recipe
                FROM connected_jobs.experiment e, jsonb_to_recordset(e.arms) AS a (recipe text)
                WHERE e.stopped_at IS NULL OR e.stopped_at > now() - interval '8 days'
                UNION
                SELECT r.recipe
                FROM connected_jobs.publication p
                JOIN connected_jobs.refresh_run r ON r.id = p.run_id
                WHERE r.recipe IS NOT NULL AND p.published_at > now() - interval '30 days'
                ORDER BY 1
            """)
        ).scalars()
    )


def select_oldest_send(connection: Connection) -> datetime | None:
    """When the send that began longest ago began, of those that keep a run."""
    first_at: datetime | None = connection.execute(
        text("SELECT min(first_at) FROM connected_jobs.send_run WHERE until > clock_timestamp()")
    ).scalar_one()
    return first_at


def select_table_in_force(connection: Connection) -> str | None:
    """The table of the lists that sends begin with, None before any; the kept runs' lists stand in others."""
    run_id = select_log(connection).in_force()
    return None if run_id is None else f"connected_jobs.recommendation_list_{run_id}"


def select_effective_at(connection: Connection, run_id: int) -> datetime | None:
    """From when on a run is in force, None where it was not published."""
    effective_at: datetime | None = connection.execute(
        text("SELECT max(effective_at) FROM connected_jobs.publication WHERE run_id = :run_id"),
        {"run_id": run_id},
    ).scalar_one()
    return effective_at


def select_now(connection: Connection) -> datetime:
    """What Postgres's clock says."""
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def insert_publication(connection: Connection, run_id: int, announced: Announcement) -> datetime:
    """Let sends begin with a run after a delay; returns from when on.

    While instances run, the delay is at least so long that all of them know before; the first publication has none.
    A publication that moves sends ends what those on newer runs keep.
    """
    effective_at: datetime = connection.execute(
        text("""
            INSERT INTO connected_jobs.publication (run_id, what, published_by, moves_sends, published_at, effective_at)
            SELECT :run_id, :what, :by, :moves_sends, now.at,
                   CASE WHEN NOT EXISTS (SELECT FROM connected_jobs.publication p
                                         JOIN connected_jobs.refresh_run r ON r.id = p.run_id
                                         WHERE r.recipe IS NOT DISTINCT FROM CAST(:recipe AS text)) THEN now.at
                        ELSE now.at + greatest(CAST(:delay AS interval), l.lead) END
            FROM (SELECT clock_timestamp() AS at) now,
                 (SELECT CASE WHEN EXISTS (SELECT FROM connected_jobs.instance
                                           WHERE beat_at > clock_timestamp() - make_interval(secs => :alive_s))
                              THEN CAST(:lead AS interval) ELSE interval '0' END AS lead) l
            RETURNING effective_at
        """),
        {
            "run_id": run_id,
            "what": announced.what,
            "by": announced.by,
            "moves_sends": announced.moves_sends,
            "delay": announced.delay,
            "recipe": announced.recipe,
            "alive_s": ALIVE_S,
            "lead": LEAD,
        },
    ).scalar_one()
    if announced.moves_sends and announced.recipe is None:
        connection.execute(
            text("""
                UPDATE connected_jobs.send_run
                SET until = least(until, :effective_at)
                WHERE run_id > :run_id
            """),
            {"run_id": run_id, "effective_at": effective_at},
        )
    return effective_at


def select_is_serving(connection: Connection) -> bool:
    """Whether an instance sent a heartbeat in the last `ALIVE_S` seconds."""
    run: bool = connection.execute(
        text("""
            SELECT EXISTS (SELECT FROM connected_jobs.instance
                           WHERE beat_at > clock_timestamp() - make_interval(secs => :alive_s))
        """),
        {"alive_s": ALIVE_S},
    ).scalar_one()
    return run


def select_held_runs(connection: Connection) -> list[int]:
    """Runs that sends keep."""
    return list(
        connection.execute(
            text("SELECT DISTINCT run_id FROM connected_jobs.send_run WHERE until > clock_timestamp()")
        ).scalars()
    )


def select_sends_on(connection: Connection, run_id: int) -> list[str]:
    """Campaigns with sends that keep a run, those used last first."""
    return list(
        connection.execute(
            text("""
                SELECT campaign
                FROM connected_jobs.send_run
                WHERE run_id = :run_id AND until > clock_timestamp()
                GROUP BY campaign
                ORDER BY max(last_at) DESC
            """),
            {"run_id": run_id},
        ).scalars()
    )
