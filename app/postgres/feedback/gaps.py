"""What was counted of sends, beside what was read of their events."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from app.feedback.gaps import SendSeen

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import psycopg

_SENDS = """
    SELECT s.campaign, s.send, s.first_at, s.last_at, s.sent,
           (SELECT CASE WHEN count(*) FILTER (WHERE e.dispatch_id = s.send) > 0
                        THEN count(*) FILTER (WHERE e.dispatch_id = s.send)
                        ELSE count(*) END
            FROM connected_jobs.exposure e
            WHERE e.campaign = s.campaign
              AND e.day BETWEEN (s.first_at AT TIME ZONE 'UTC')::date AND (s.last_at AT TIME ZONE 'UTC')::date + 1
              AND e.sent_at BETWEEN s.first_at - interval '10 minutes' AND s.last_at + interval '1 hour') AS read,
           ARRAY(SELECT jsonb_array_elements_text(r.counts -> 'campaign_ids')
                 FROM connected_jobs.send_result r
                 WHERE r.campaign = s.campaign AND r.day >= (s.first_at AT TIME ZONE 'UTC')::date - 35
                 UNION
                 SELECT c.braze_campaign_id FROM connected_jobs.campaign c
                 WHERE c.key = s.campaign AND c.braze_campaign_id <> ''
                 ORDER BY 1) AS campaign_ids
    FROM connected_jobs.send s
    WHERE s.last_at >= %s
    ORDER BY s.first_at, s.campaign, s.send
"""
_HOURS = """
    SELECT campaign, send, date_trunc('hour', second, 'UTC'), sum(calls)
    FROM connected_jobs.send_second
    WHERE second >= %s
    GROUP BY 1, 2, 3
"""


def select_sends_seen(driver: psycopg.Connection, since: datetime) -> list[SendSeen]:
    """Sends whose last call came since then; their hours are kept for 14 days."""
    calls: dict[tuple[str, str], dict[datetime, int]] = defaultdict(dict)
    for campaign, send, hour, count in driver.execute(_HOURS, [since]):
        calls[campaign, send][hour] = int(count)
    return [
        SendSeen(campaign, send, first_at, last_at, calls[campaign, send], sent, read, tuple(campaign_ids))
        for campaign, send, first_at, last_at, sent, read, campaign_ids in driver.execute(_SENDS, [since])
    ]


def select_file_hours(
    driver: psycopg.Connection, since: datetime, margin: timedelta
) -> dict[str, set[datetime]]:
    """By event type, the hours of the files that were read; a type with only older files has an empty set."""
    found: dict[str, set[datetime]] = defaultdict(set)
    for (event_type,) in driver.execute("SELECT DISTINCT event_type FROM connected_jobs.currents_file"):
        found[event_type] = set()
    for event_type, hour in driver.execute(
        """
        SELECT DISTINCT event_type, hour
        FROM connected_jobs.currents_file
        WHERE hour >= %s
        """,
        [since - margin],
    ):
        found[event_type].add(hour)
    return dict(found)
