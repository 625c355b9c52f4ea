"""Who is in an experiment, and what its arms came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from app.feedback.results.counts import GUARDS, ArmCounts, ExperimentCounts
from app.feedback.statistics.sums import Sums
from app.postgres.board.load import ERASE_OR_MERGE
from app.postgres.feedback.send_tally import WORK_MEM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import psycopg

BEFORE: Final = timedelta(
    days=28
)  # applications of this time before the first mail tell members apart beforehand
SETTLED: Final = timedelta(days=8)  # after its end an experiment is counted no more
KEEP_ENROLMENTS: Final = timedelta(days=35)  # after its end: then its counts alone are kept

_ENROL = """
INSERT INTO connected_jobs.enrolment AS n (experiment, member_id, arm, first_at, crossed)
SELECT %(key)s, member_id, (array_agg(arm ORDER BY sent_at, arm))[1], min(sent_at), min(arm) <> max(arm)
FROM connected_jobs.exposure x
WHERE day BETWEEN %(first)s AND %(last)s AND campaign = %(campaign)s AND arm = ANY (%(arms)s) AND member_id IS NOT NULL
    AND sent_at >= %(begin)s AND sent_at < %(end)s
    AND NOT EXISTS (
        SELECT FROM connected_jobs.erased_member d WHERE d.member_hash = sha256(convert_to(x.member_id, 'UTF8'))
    )
GROUP BY member_id
ON CONFLICT (experiment, member_id) DO UPDATE
SET arm = CASE WHEN EXCLUDED.first_at < n.first_at THEN EXCLUDED.arm ELSE n.arm END,
    first_at = least(EXCLUDED.first_at, n.first_at),
    crossed = n.crossed OR EXCLUDED.crossed OR n.arm <> EXCLUDED.arm
WHERE EXCLUDED.first_at < n.first_at OR (EXCLUDED.crossed OR n.arm <> EXCLUDED.arm) AND NOT n.crossed
"""
_MEMBERS = """
CREATE TEMPORARY TABLE enrolled ON COMMIT DROP AS
SELECT member_id, arm, first_at
FROM connected_jobs.enrolment
WHERE experiment = %(key)s
"""
_CREDITED = """
CREATE TEMPORARY TABLE credited_applications ON COMMIT DROP AS
SELECT n.member_id, count(*)::float8 AS y, bool_or(o.basis = 'clicked') AS after_click
FROM connected_jobs.outcome o
JOIN pg_temp.enrolled n ON n.member_id = o.member_id
WHERE o.campaign = %(campaign)s AND o.occurred_at >= greatest(n.first_at, %(begin)s) AND o.occurred_at < %(end)s
GROUP BY n.member_id
"""
_BOARD = """
CREATE TEMPORARY TABLE board_applications ON COMMIT DROP AS
SELECT n.member_id, count(*) FILTER (WHERE a.occurred_at < n.first_at)::float8 AS x,
    bool_or(a.occurred_at >= n.first_at) AS applied
FROM board.activity a
JOIN pg_temp.enrolled n ON n.member_id = a.member_id COLLATE "C"
WHERE a.kind = 'apply' AND a.occurred_at >= n.first_at - %(before)s::interval AND a.occurred_at < %(end)s
    AND a.occurred_at >= %(begin)s - %(before)s::interval
GROUP BY n.member_id
"""
_SUMS = """
SELECT n.arm, count(*), count(c.y), count(*) FILTER (WHERE b.applied), count(*) FILTER (WHERE c.after_click),
    coalesce(sum(c.y), 0), coalesce(sum(c.y * c.y), 0),
    coalesce(sum(b.x), 0), coalesce(sum(b.x * b.x), 0), coalesce(sum(c.y * b.x), 0)
FROM pg_temp.enrolled n
LEFT JOIN pg_temp.credited_applications c ON c.member_id = n.member_id
LEFT JOIN pg_temp.board_applications b ON b.member_id = n.member_id
GROUP BY n.arm
"""
_CLICKED = """
SELECT n.arm, count(DISTINCT n.member_id)
FROM connected_jobs.click c
JOIN pg_temp.enrolled n ON n.member_id = c.member_id
WHERE c.person AND c.campaign = %(campaign)s AND c.day >= %(first_day)s AND c.at >= n.first_at AND c.at < %(end)s
GROUP BY n.arm
"""
_EVENTS = """
SELECT n.arm, v.kind, count(DISTINCT n.member_id)
FROM connected_jobs.mail_event v
JOIN pg_temp.enrolled n ON n.member_id = v.member_id
WHERE v.kind = ANY (%(guards)s) AND v.day >= %(first_day)s AND v.at >= n.first_at AND v.at < %(end)s
    AND (v.campaign = %(campaign)s OR v.campaign_id IN (
        SELECT jsonb_array_elements_text(counts -> 'campaign_ids')
        FROM connected_jobs.send_result
        WHERE campaign = %(campaign)s AND day >= %(first_day)s
    ) OR v.canvas_id IN (
        SELECT jsonb_array_elements_text(counts -> 'canvas_ids')
        FROM connected_jobs.send_result
        WHERE campaign = %(campaign)s AND day >= %(first_day)s
    ))
GROUP BY n.arm, v.kind
"""


class _ExperimentRow(NamedTuple):
    """A row of the table: its arms as JSON, times as they are."""

    key: str
    campaign: str
    state: str
    arms: list[dict[str, Any]]
    started_at: datetime
    planned_end: datetime | None
    stopped_at: datetime | None

    def end(self, now: datetime) -> datetime:
        """Until when mails and applications count: an experiment that has ended gains nothing later."""
        return min(at for at in (self.planned_end, self.stopped_at, now) if at is not None)


def put_experiment_counts(driver: psycopg.Connection, days: Sequence[date], now: datetime) -> list[str]:
    """Enrol whom the days' mails reached, and count each experiment that goes on or ended lately; returns their keys."""
    counted = []
    for one in _select_experiments(driver, now):
        with driver.transaction():
            driver.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ERASE_OR_MERGE])
            counts = _count(driver, one, days, now)
            driver.execute(
                """
                INSERT INTO connected_jobs.experiment_result (experiment, counts) VALUES (%s, %s::text::jsonb)
                ON CONFLICT (experiment) DO UPDATE SET counts = EXCLUDED.counts, computed_at = now()
                """,
                [one.key, msgspec.json.encode(counts).decode()],
            )
        counted.append(one.key)
    driver.execute(
        """
        DELETE FROM connected_jobs.enrolment
        WHERE experiment IN (
            SELECT key FROM connected_jobs.experiment WHERE least(planned_end, stopped_at) < %s
        )
        """,
        [now - KEEP_ENROLMENTS],
    )
    return counted


def _select_experiments(driver: psycopg.Connection, now: datetime) -> list[_ExperimentRow]:
    rows = driver.execute(
        """
        SELECT key, campaign, state, arms, started_at, planned_end, stopped_at
        FROM connected_jobs.experiment e
        WHERE started_at <= %(now)s AND (
            least(planned_end, stopped_at, 'infinity') > %(settled)s
            OR NOT EXISTS (SELECT FROM connected_jobs.experiment_result r WHERE r.experiment = e.key)
        )
        ORDER BY key
        """,
        {"now": now, "settled": now - SETTLED},
    ).fetchall()
    return [_ExperimentRow(*row) for row in rows]


def _count(
    driver: psycopg.Connection, one: _ExperimentRow, days: Sequence[date], now: datetime
) -> ExperimentCounts:
    end = one.end(now)
    asked: dict[str, Any] = {
        "key": one.key,
        "campaign": one.campaign,
        "arms": [arm["name"] for arm in one.arms],
        "first": min(days) if _is_enrolled(driver, one.key) else one.started_at.astimezone(UTC).date(),
        "last": max(days),
        "first_day": one.started_at.astimezone(UTC).date(),
        "begin": one.started_at,
        "end": end,
        "before": BEFORE,
        "guards": list(GUARDS),
    }
    driver.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEM])
    driver.execute(_ENROL, asked)
    for statement, name in (
        (_MEMBERS, "enrolled"),
        (_CREDITED, "credited_applications"),
        (_BOARD, "board_applications"),
    ):
        driver.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        driver.execute(statement, asked)
        driver.execute(f"ANALYZE pg_temp.{name}")
    sums = {arm: numbers for arm, *numbers in driver.execute(_SUMS, asked)}
    clicked: dict[str, int] = dict(driver.execute(_CLICKED, asked).fetchall())
    events: dict[str, dict[str, int]] = {}
    for arm, kind, count in driver.execute(_EVENTS, asked):
        events.setdefault(arm, {})[kind] = count
    crossed = driver.execute(
        "SELECT count(*) FROM connected_jobs.enrolment WHERE experiment = %s AND crossed", [one.key]
    ).fetchone()
    return ExperimentCounts(
        key=one.key,
        campaign=one.campaign,
        state=one.state,
        arms=[
            _arm_counts(
                arm, sums.get(arm["name"], [0] * 9), clicked.get(arm["name"], 0), events.get(arm["name"], {})
            )
            for arm in one.arms
        ],
        crossed=crossed[0] if crossed else 0,
        started_at=one.started_at,
        planned_end=one.planned_end,
        stopped_at=one.stopped_at,
        until=end,
    )


def _is_enrolled(driver: psycopg.Connection, key: str) -> bool:
    """Whether anybody is enrolled: where nobody is yet, mails since the experiment's start are looked at."""
    found = driver.execute("SELECT FROM connected_jobs.enrolment WHERE experiment = %s LIMIT 1", [key])
    return found.fetchone() is not None


def _arm_counts(arm: dict[str, Any], sums: list[Any], clicked: int, events: dict[str, int]) -> ArmCounts:
    members, applied, anyway, after_click, y, yy, x, xx, xy = sums
    return ArmCounts(
        arm=arm["name"],
        share=float(arm.get("share") or 0),
        recipe=str(arm.get("recipe") or ""),
        members=members,
        clicked=clicked,
        applied=applied,
        applications=Sums(members=members, y=y, yy=yy, x=x, xx=xx, xy=xy),
        applied_anyway=anyway,
        after_click=after_click,
        events=events,
    )
