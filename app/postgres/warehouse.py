"""The rows of an export, day by day, and which days changed since what was exported before."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
import psycopg

from app.feedback.attribution import BASES
from app.feedback.results.counts import GUARDS, SCANNERS, ExperimentCounts, SendCounts
from app.postgres.planning.results import read_counts
from app.warehouse.manifest import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from app.warehouse.files import Rows
    from app.warehouse.manifest import Part

_ONE_EXPORTS: Final = 4_250_112_037  # an advisory lock's number, as in `refresh_lock`
_FETCHED: Final = 20_000
_SOURCES: Final = {"exposures": "exposure", "clicks": "click", "outcomes": "outcome"}
# Who Braze says it is (`braze_user`) stays here, and so does what a rule quotes of Braze.
_ROWS: Final = {
    "exposures": """
        SELECT event_id::text, rid, member_id, campaign, campaign_id, variation_id, canvas_id, dispatch_id, source, arm, shown,
            posting_ids, sent_at
        FROM connected_jobs.exposure
        WHERE day = %(day)s
        ORDER BY exposure.event_id
    """,
    "clicks": """
        SELECT event_id::text, rid, member_id, campaign, campaign_id, variation_id, canvas_id, dispatch_id, arm, variant,
            posting_id, position, at, sent_at, person, split_part(why, ':', 1), rule_version
        FROM connected_jobs.click
        WHERE day = %(day)s
        ORDER BY click.event_id
    """,
    "outcomes": """
        SELECT member_id, posting_id, occurred_at, rid, campaign, arm, basis, extract(epoch FROM lag)::bigint, rule_version
        FROM connected_jobs.outcome
        WHERE occurred_at >= %(day)s::timestamp AT TIME ZONE 'UTC' AND occurred_at < (%(day)s + 1)::timestamp AT TIME ZONE 'UTC'
        ORDER BY member_id, posting_id, occurred_at
    """,
}
_HAS_ROWS: Final = {
    "exposure": "SELECT 1 FROM connected_jobs.exposure r WHERE r.day = d.day LIMIT 1",
    "click": "SELECT 1 FROM connected_jobs.click r WHERE r.day = d.day LIMIT 1",
    "outcome": "SELECT 1 FROM connected_jobs.outcome r WHERE r.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'"
    " AND r.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC' LIMIT 1",
}


@contextmanager
def hold_export(driver: psycopg.Connection) -> Iterator[None]:
    """Be the only one on this database that exports.

    Raises:
        WarehouseError: another does.
    """
    row = driver.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_EXPORTS]).fetchone()
    if row is None or not row[0]:
        raise WarehouseError("Another export of this database is running: wait for it to end.")
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            driver.execute("SELECT pg_advisory_unlock(%s)", [_ONE_EXPORTS])


class PostgresDays:
    """Our tables, by the day in UTC.

    Args:
        driver: A connection in autocommit, which holds the export.
    """

    def __init__(self, driver: psycopg.Connection) -> None:
        self._driver = driver

    def database(self) -> str:
        """What tells this database from others; a copy of it says the same."""
        row = self._driver.execute("SELECT id::text FROM connected_jobs.database_id").fetchone()
        return row[0] if row else ""

    def states(self) -> Mapping[Part, str]:
        """The state of each day that has rows; it is another one whenever any row of the day changed."""
        with self._driver.transaction():
            self._driver.execute(
                """
                WITH noted AS (DELETE FROM connected_jobs.changed_day RETURNING source, day)
                INSERT INTO connected_jobs.exported_day (source, day, state)
                SELECT source, day, gen_random_uuid() FROM (SELECT DISTINCT source, day FROM noted) n
                ON CONFLICT (source, day) DO UPDATE SET state = EXCLUDED.state
                """
            )
            for source, row in _HAS_ROWS.items():
                # A row by itself for each day: together they would be a join with all rows.
                self._driver.execute(
                    f"DELETE FROM connected_jobs.exported_day d WHERE source = %s AND ({row}) IS NULL",
                    [source],
                )
        table_of = {source: table for table, source in _SOURCES.items()}
        found: dict[Part, str] = {
            (table_of[source], day): state
            for source, day, state in self._driver.execute(
                "SELECT source, day, state::text FROM connected_jobs.exported_day"
            )
        }
        for day, counts in self._driver.execute(
            r"""
            SELECT day, string_agg(campaign || ' ' || counts::text, E'\n' ORDER BY campaign)
            FROM connected_jobs.send_result
            GROUP BY day
            """
        ):
            found["sends", day] = sha256(counts.encode()).hexdigest()
        for day, some in self._experiments().items():
            found["results", day] = sha256(b"\n".join(map(msgspec.json.encode, some))).hexdigest()
        return found

    @contextmanager
    def rows(self, part: Part) -> Iterator[Iterator[Rows]]:
        """A day's rows, at one instant, in the order of their key."""
        table, day = part
        if table == "sends":
            yield iter([self._send_rows(day)])
        elif table == "results":
            yield iter([[row for one in self._experiments().get(day, []) for row in _result_rows(one)]])
        else:
            name = f"export_{table}"
            with self._driver.transaction(), self._driver.cursor(name, binary=True) as cursor:
                cursor.execute(_ROWS[table], {"day": day})
                yield iter(lambda: cursor.fetchmany(_FETCHED), [])

    def _send_rows(self, day: date) -> Rows:
        found = self._driver.execute(
            "SELECT counts::text FROM connected_jobs.send_result WHERE day = %s ORDER BY campaign", [day]
        )
        counted = [one for (counts,) in found if (one := read_counts(counts, SendCounts)) is not None]
        return [
            (
                one.campaign, arm.arm or None, arm.mailed, arm.members, arm.clicked, arm.clicks,
                *(arm.scanners.get(rule, 0) for rule in SCANNERS), arm.applied,
                *(arm.applications.get(basis, 0) for basis in BASES), *(arm.events.get(kind, 0) for kind in GUARDS),
            )
            for one in counted
            for arm in one.arms
        ]  # fmt: skip

    def _experiments(self) -> dict[date, list[ExperimentCounts]]:
        """Experiments that began, by the day in UTC on which they did."""
        found: dict[date, list[ExperimentCounts]] = {}
        for (counts,) in self._driver.execute(
            "SELECT counts::text FROM connected_jobs.experiment_result ORDER BY experiment"
        ):
            one = read_counts(counts, ExperimentCounts)
            if one is not None and one.started_at is not None:
                found.setdefault(one.started_at.astimezone(UTC).date(), []).append(one)
        return found


def _result_rows(one: ExperimentCounts) -> Rows:
    return [
        (
            one.key, one.campaign, one.state, arm.arm, number == 0, arm.share, arm.recipe or None, arm.members, arm.clicked, arm.applied,
            int(arm.applications.y), arm.applied_anyway, *(arm.events.get(kind, 0) for kind in GUARDS), one.crossed,
            one.started_at, one.planned_end, one.stopped_at, one.until,
        )
        for number, arm in enumerate(one.arms)
    ]  # fmt: skip
