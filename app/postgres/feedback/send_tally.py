"""What the mails of a day came to, counted by campaign and kept: the counts stand when the rows are dropped.

The rows are kept by days in UTC, which begin at 9 in the morning where the board is; a send is counted by the board's day.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from app.board.veto import BOARD_ZONE
from app.feedback.results.counts import (
    GUARDS,
    ControlCounts,
    MailCounts,
    PlaceCounts,
    SendCounts,
    VariantCounts,
)
from app.postgres.feedback.reason_tally import select_reasons

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import psycopg

WORK_MEM = "128MB"  # of one statement's sort or hash: 2 million mails of a day stay off the disk
AFTER = timedelta(days=7)  # after its send a mail's clicks, applications and events count
# One mail for each rid, whatever copies of its event there are; what befell the mails of a day is joined to it once.
_MAIL = """
CREATE TEMPORARY TABLE mail ON COMMIT DROP AS
SELECT DISTINCT ON (rid) rid, coalesce(member_id, braze_user) AS member, member_id, campaign, coalesce(arm, '') AS arm, source,
    coalesce(variation_id, '') AS variation, campaign_id, canvas_id, shown, sent_at
FROM connected_jobs.exposure
WHERE day BETWEEN %(first)s AND %(day)s AND sent_at >= %(begin)s AND sent_at < %(end)s
ORDER BY rid, sent_at, event_id
"""
_CLICKS = """
CREATE TEMPORARY TABLE mail_click ON COMMIT DROP AS
SELECT m.rid, m.member, m.campaign, m.arm, m.source, m.variation, c.variant, c.posting_id, c.position, c.person,
    split_part(c.why, ':', 1) AS taken_by, c.suspect IS NULL AND coalesce(cardinality(c.suspected), 0) = 0 AS unfiltered
FROM connected_jobs.click c
JOIN pg_temp.mail m ON m.rid = c.rid
WHERE c.day BETWEEN %(first)s AND %(last)s
"""
_OUTCOMES = """
CREATE TEMPORARY TABLE mail_outcome ON COMMIT DROP AS
SELECT m.member, m.campaign, m.arm, m.variation, o.basis
FROM connected_jobs.outcome o
JOIN pg_temp.mail m ON m.rid = o.rid
WHERE o.occurred_at >= %(begin)s AND o.occurred_at < %(end)s + %(after)s::interval
"""
# Members are counted in two steps, which hash: what counts distinct ones in one step sorts all rows.
_MAILED = """
SELECT campaign, arm, sum(mails)::bigint, count(*)
FROM (SELECT campaign, arm, member, count(*) AS mails FROM pg_temp.mail GROUP BY campaign, arm, member) m
GROUP BY campaign, arm
ORDER BY campaign, arm
"""
_CLICKED = """
SELECT campaign, arm, count(*) FILTER (WHERE clicks > 0), sum(clicks)::bigint, sum(unfiltered)::bigint
FROM (
    SELECT campaign, arm, member, count(*) FILTER (WHERE person) AS clicks, count(*) FILTER (WHERE unfiltered) AS unfiltered
    FROM pg_temp.mail_click
    GROUP BY campaign, arm, member
) c
GROUP BY campaign, arm
"""
_SCANNERS = """
SELECT campaign, arm, taken_by, count(*)
FROM pg_temp.mail_click
WHERE NOT person
GROUP BY campaign, arm, taken_by
ORDER BY campaign, arm, taken_by
"""
_APPLIED = "SELECT campaign, arm, count(DISTINCT member) FROM pg_temp.mail_outcome GROUP BY campaign, arm"
_APPLICATIONS = """
SELECT campaign, arm, basis, count(*)
FROM pg_temp.mail_outcome
GROUP BY campaign, arm, basis
ORDER BY campaign, arm, basis
"""
# An event is of the last mail of its campaign before it; an abort is of no mail, and is counted on its day.
_EVENTS = """
SELECT m.campaign, m.arm, v.kind, count(DISTINCT m.member)
FROM connected_jobs.mail_event v
JOIN pg_temp.mail m ON m.member_id = v.member_id
    AND (v.rid = m.rid OR v.rid IS NULL AND (v.campaign_id = m.campaign_id OR v.canvas_id = m.canvas_id))
WHERE v.day BETWEEN %(first)s AND %(last)s AND v.kind = ANY (%(guards)s) AND v.kind <> 'abort' AND v.at >= m.sent_at
    AND (v.rid IS NOT NULL OR NOT EXISTS (
        SELECT FROM connected_jobs.exposure e
        WHERE e.member_id = m.member_id AND e.campaign = m.campaign AND e.sent_at > m.sent_at AND e.sent_at <= v.at
            AND e.day BETWEEN %(first)s AND %(last)s
    ))
GROUP BY m.campaign, m.arm, v.kind
UNION ALL
SELECT coalesce(v.campaign, i.campaign), coalesce(v.arm, ''), v.kind, count(DISTINCT coalesce(v.member_id, v.braze_user))
FROM connected_jobs.mail_event v
LEFT JOIN (
    SELECT campaign_id, canvas_id, min(campaign) AS campaign
    FROM pg_temp.mail
    GROUP BY campaign_id, canvas_id
) i ON v.campaign IS NULL AND (v.campaign_id = i.campaign_id OR v.canvas_id = i.canvas_id)
WHERE v.day BETWEEN %(first)s AND %(day)s AND v.at >= %(begin)s AND v.at < %(end)s AND v.kind = 'abort' AND coalesce(v.campaign, i.campaign) IS NOT NULL
GROUP BY 1, 2, 3
"""
_SHOWN = """
SELECT campaign, source, shown, count(*)
FROM pg_temp.mail
GROUP BY campaign, source, shown
"""
_CLICKED_PLACES = """
SELECT campaign, source, position, count(*)
FROM (
    SELECT DISTINCT campaign, source, position, rid, posting_id
    FROM pg_temp.mail_click
    WHERE person AND position IS NOT NULL
) c
GROUP BY campaign, source, position
"""
_VARIATIONS = """
SELECT m.campaign, m.variation, sum(m.mails)::bigint, count(*), count(c.member), count(o.member)
FROM (
    SELECT campaign, variation, member, count(*) AS mails
    FROM pg_temp.mail
    WHERE variation <> ''
    GROUP BY campaign, variation, member
) m
LEFT JOIN (SELECT DISTINCT campaign, variation, member FROM pg_temp.mail_click WHERE person) c
    ON c.campaign = m.campaign AND c.variation = m.variation AND c.member = m.member
LEFT JOIN (SELECT DISTINCT campaign, variation, member FROM pg_temp.mail_outcome) o
    ON o.campaign = m.campaign AND o.variation = m.variation AND o.member = m.member
GROUP BY m.campaign, m.variation
ORDER BY m.campaign, m.variation
"""
_VARIANTS = """
SELECT campaign, variation, coalesce(variant, ''), count(*)
FROM pg_temp.mail_click
WHERE variation <> ''
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""
_APPLICATION = """
CREATE TEMPORARY TABLE application ON COMMIT DROP AS
SELECT member_id COLLATE "C" AS member_id, occurred_at
FROM board.activity
WHERE kind = 'apply' AND occurred_at >= %(begin)s AND occurred_at < %(end)s + %(after)s::interval
"""
_APPLIED_ANYWAY = """
SELECT m.campaign, count(DISTINCT m.member_id)
FROM pg_temp.mail m
JOIN pg_temp.application a ON a.member_id = m.member_id AND a.occurred_at BETWEEN m.sent_at AND m.sent_at + %(after)s::interval
GROUP BY m.campaign
"""
_CONTROLS = """
SELECT i.campaign, CASE WHEN v.canvas_id IS NULL THEN 'campaign' ELSE 'canvas' END,
    count(DISTINCT coalesce(v.member_id, v.braze_user)), count(DISTINCT a.member_id)
FROM connected_jobs.mail_event v
JOIN (SELECT DISTINCT campaign, campaign_id, canvas_id FROM pg_temp.mail) i
    ON v.campaign_id = i.campaign_id OR v.canvas_id = i.canvas_id
LEFT JOIN pg_temp.application a
    ON a.member_id = v.member_id AND a.occurred_at BETWEEN v.at AND v.at + %(after)s::interval
WHERE v.day BETWEEN %(first)s AND %(day)s AND v.at >= %(begin)s AND v.at < %(end)s AND v.kind = 'control'
GROUP BY 1, 2
ORDER BY 1, 2
"""
_IDS = """
SELECT campaign, array_agg(DISTINCT campaign_id) FILTER (WHERE campaign_id IS NOT NULL),
    array_agg(DISTINCT canvas_id) FILTER (WHERE canvas_id IS NOT NULL)
FROM pg_temp.mail
GROUP BY campaign
"""


def put_send_counts(driver: psycopg.Connection, day: date) -> list[SendCounts]:
    """Count what the mails of a day of the board's came to, and keep it; of a day without exposures the counts stand as they are."""
    begin, end = _bounds(day)
    asked: dict[str, Any] = {
        "begin": begin,
        "end": end,
        "first": begin.astimezone(UTC).date(),
        "day": day,
        "last": day + AFTER,
        "after": AFTER,
        "guards": list(GUARDS),
    }
    with driver.transaction():
        driver.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEM])
        for statement, name in (
            (_MAIL, "mail"),
            (_CLICKS, "mail_click"),
            (_OUTCOMES, "mail_outcome"),
            (_APPLICATION, "application"),
        ):
            driver.execute(statement, asked)
            driver.execute(f"ANALYZE pg_temp.{name}")
        counted = _counted(driver, day, asked)
        for one in counted:
            driver.execute(
                """
                INSERT INTO connected_jobs.send_result (campaign, day, counts) VALUES (%s, %s, %s::text::jsonb)
                ON CONFLICT (campaign, day) DO UPDATE SET counts = EXCLUDED.counts, computed_at = now()
                """,
                [one.campaign, day, msgspec.json.encode(one).decode()],
            )
    return counted


def _counted(driver: psycopg.Connection, day: date, asked: dict[str, Any]) -> list[SendCounts]:
    def rows(statement: str) -> list[tuple[Any, ...]]:
        return driver.execute(statement, asked).fetchall()

    arms = _arms(*map(rows, (_MAILED, _CLICKED, _SCANNERS, _APPLIED, _APPLICATIONS, _EVENTS)))
    places, reasons = _places(rows(_SHOWN), rows(_CLICKED_PLACES)), select_reasons(driver)
    variants = _variants(rows(_VARIATIONS), rows(_VARIANTS))
    controls: dict[str, list[ControlCounts]] = defaultdict(list)
    for campaign, of, members, applied in rows(_CONTROLS):
        controls[campaign].append(ControlCounts(of=of, members=members, applied=applied))
    anyway, ids = dict(rows(_APPLIED_ANYWAY)), {campaign: of for campaign, *of in rows(_IDS)}
    return [
        SendCounts(
            campaign=campaign,
            day=day,
            arms=of_campaign,
            places=[*places.get(campaign, ()), *reasons.get(campaign, ())],
            variants=variants.get(campaign, []),
            controls=controls.get(campaign, []),
            applied_anyway=anyway.get(campaign, 0),
            campaign_ids=campaign_ids or [],
            canvas_ids=canvas_ids or [],
        )
        for campaign, of_campaign in arms.items()
        for campaign_ids, canvas_ids in [ids.get(campaign, ((), ()))]
    ]


_Rows = list[tuple[Any, ...]]


def _arms(
    mailed: _Rows, clicked: _Rows, scanners: _Rows, applied: _Rows, applications: _Rows, events: _Rows
) -> dict[str, list[MailCounts]]:
    clicks = {key: numbers for *key_, a, b, c in clicked for key, numbers in [(tuple(key_), (a, b, c))]}
    members_applied = {(campaign, arm): count for campaign, arm, count in applied}
    named: dict[str, dict[tuple[str, str], dict[str, int]]] = {}
    for name, some in (("scanners", scanners), ("applications", applications), ("events", events)):
        named[name] = defaultdict(dict)
        for campaign, arm, what, count in some:
            named[name][campaign, arm][what] = named[name][campaign, arm].get(what, 0) + count
    found: dict[str, list[MailCounts]] = defaultdict(list)
    for campaign, arm, mails, members in mailed:
        key = (campaign, arm)
        people, by_people, unfiltered = clicks.get(key, (0, 0, 0))
        found[campaign].append(
            MailCounts(
                arm=arm,
                mailed=mails,
                members=members,
                clicked=people,
                clicks=by_people,
                unfiltered=unfiltered,
                scanners=named["scanners"].get(key, {}),
                applied=members_applied.get(key, 0),
                applications=named["applications"].get(key, {}),
                events=named["events"].get(key, {}),
            )
        )
    return found


def _places(shown: _Rows, clicked: _Rows) -> dict[str, list[PlaceCounts]]:
    """How often each place was shown: in every mail that showed as many postings or more."""
    mails: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for campaign, source, postings, count in shown:
        mails[campaign, source][postings] = count
    clicks = {(campaign, source, position): count for campaign, source, position, count in clicked}
    found: dict[str, list[PlaceCounts]] = defaultdict(list)
    for (campaign, source), by_length in sorted(mails.items()):
        for position in range(1, max(by_length) + 1):
            found[campaign].append(
                PlaceCounts(
                    source=source,
                    position=position,
                    shown=sum(count for length, count in by_length.items() if length >= position),
                    clicked=clicks.get((campaign, source, position), 0),
                )
            )
    return found


def _variants(variations: _Rows, variants: _Rows) -> dict[str, list[VariantCounts]]:
    names: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for campaign, variation, variant, count in variants:
        names[campaign, variation][variant] = count
    found: dict[str, list[VariantCounts]] = defaultdict(list)
    for campaign, variation, mailed, members, clicked, applied in variations:
        found[campaign].append(
            VariantCounts(
                variation_id=variation,
                mailed=mailed,
                members=members,
                clicked=clicked,
                applied=applied,
                variants=names.get((campaign, variation), {}),
            )
        )
    return found


def mailed_days(driver: psycopg.Connection, days: Sequence[date], *, kept_from: date) -> list[date]:
    """Those of these days of the board's on which anything was mailed, and of which every row is still there.

    Args:
        driver: A connection.
        days: Days in the board's zone, in order.
        kept_from: The first day in UTC of which exposures are kept.
    """
    return [
        day
        for day in days
        if _bounds(day)[0].astimezone(UTC).date() >= kept_from and _any_mailed(driver, day)
    ]


def _any_mailed(driver: psycopg.Connection, day: date) -> bool:
    begin, end = _bounds(day)
    row = driver.execute(
        "SELECT FROM connected_jobs.exposure WHERE day BETWEEN %s AND %s AND sent_at >= %s AND sent_at < %s LIMIT 1",
        [begin.astimezone(UTC).date(), day, begin, end],
    ).fetchone()
    return row is not None


def _bounds(day: date) -> tuple[datetime, datetime]:
    """A day of the board's: its beginning and its end."""
    begin, end = (datetime.combine(one, time(), BOARD_ZONE) for one in (day, day + timedelta(days=1)))
    return begin, end
