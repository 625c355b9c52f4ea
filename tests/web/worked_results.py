"""Results as `outcomes` may have kept them: a finished A/A, a running A/B, one that is withheld, and three sends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text

from app.feedback.results.counts import (
    ArmCounts,
    ControlCounts,
    ExperimentCounts,
    MailCounts,
    PlaceCounts,
    SendCounts,
    VariantCounts,
)
from app.feedback.statistics.sums import Sums

if TYPE_CHECKING:
    from sqlalchemy import Engine

CAMPAIGN = "weekly-digest"
COUNTED_AT = datetime(2026, 11, 21, 18, 40, tzinfo=UTC)
NEWEST = date(2026, 11, 20)


def arm(name: str, members: int, after_click: int, **more: Any) -> ArmCounts:
    applied = 5 * after_click // 4
    values: dict[str, Any] = {
        "share": 0.5,
        "recipe": "recommended",
        "clicked": 4 * applied,
        "applications": Sums(
            members=members, y=1.3 * applied, yy=2.1 * applied, x=applied, xx=1.6 * applied, xy=0.9 * applied
        ),
        "applied_anyway": 3 * applied,
        "events": {"unsubscribe": 80, "spam": 6, "bounce": 400, "abort": 120},
    }
    return ArmCounts(arm=name, members=members, after_click=after_click, applied=applied, **values | more)


def experiment(key: str, *arms: ArmCounts, days: int, planned_days: int, **more: Any) -> ExperimentCounts:
    started = COUNTED_AT - timedelta(days=days)
    values: dict[str, Any] = {"state": "running", "crossed": 3, "stopped_at": None}
    return ExperimentCounts(
        key=key,
        campaign=CAMPAIGN,
        arms=list(arms),
        started_at=started,
        planned_end=started + timedelta(days=planned_days),
        until=min(COUNTED_AT, started + timedelta(days=planned_days)),
        **values | more,
    )


EXPERIMENTS = (
    experiment(
        "aa-check",
        arm("A", 150_200, 4_480),
        arm("B", 149_800, 4_455),
        days=30,
        planned_days=28,
        state="stopped",
    ),
    experiment(
        "learning-on",
        arm("A", 150_300, 4_300),
        arm("B", 149_700, 4_816, recipe="learned"),
        days=14,
        planned_days=28,
    ),
    experiment("broken-split", arm("A", 50_000, 900), arm("B", 46_000, 1_100), days=7, planned_days=14),
    experiment("just-begun", arm("A", 12, 4), arm("B", 9, 4), days=1, planned_days=14),
)


def send(day: date, mailed: int) -> SendCounts:
    def mails(name: str, share: float) -> MailCounts:
        members = round(mailed * share)
        return MailCounts(
            arm=name,
            mailed=members,
            members=members,
            clicked=members // 9,
            clicks=members // 6,
            scanners={"burst": members // 20, "flagged": members // 30, "too_soon": members // 90},
            unfiltered=members // 7,
            applied=members // 35,
            applications={"clicked": members // 50, "seen": members // 80, "drawn": members // 200},
            events={
                "unsubscribe": members // 3_000,
                "spam": members // 40_000,
                "bounce": members // 400,
                "abort": members // 900,
            },
        )

    places = [
        PlaceCounts(
            source=source, position=position, shown=shown, clicked=round(shown * rate / position**0.7)
        )
        for source, shown, rate in (
            ("personalized", mailed * 8 // 10, 0.06),
            ("popular", mailed * 2 // 10, 0.025),
        )
        for position in range(1, 11)
    ]
    reasons = [
        PlaceCounts(
            source="personalized",
            position=0,
            reason=code,
            shown=shown // 20,
            clicked=round(shown * rate / 20),
        )
        for code, shown, rate in (
            ("similar_to_applied", mailed, 0.05),
            ("fits_field", mailed * 3, 0.02),
            ("peers_applied", mailed * 2, 0.03),
        )
    ]
    return SendCounts(
        campaign=CAMPAIGN,
        day=day,
        arms=[mails("A", 0.5), mails("B", 0.5)],
        places=[*places, *reasons],
        variants=[
            VariantCounts(variation_id="4b9f2c1e-variant-one", mailed=mailed // 2, members=mailed // 2, clicked=mailed // 18, applied=mailed // 70, variants={"a": mailed // 12}),
            VariantCounts(variation_id="77aa01d2-variant-two", mailed=mailed // 2, members=mailed // 2, clicked=mailed // 19, applied=mailed // 71, variants={"a": mailed // 13}),
        ],
        controls=[ControlCounts(of="campaign", members=mailed // 20, applied=mailed // 20 * 8 // 100)],
        applied_anyway=mailed * 9 // 100,
        campaign_ids=["C1"],
    )  # fmt: skip


SENDS = tuple(send(NEWEST - timedelta(weeks=week), 300_000 - 2_000 * week) for week in range(3))


def put_send(engine: Engine, counted: SendCounts) -> None:
    """Keep what a send came to, as `outcomes` does."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO connected_jobs.send_result (campaign, day, counts, computed_at)
                VALUES (:campaign, :day, CAST(CAST(:counts AS text) AS jsonb), :at)
            """),
            {
                "campaign": counted.campaign,
                "day": counted.day,
                "counts": msgspec.json.encode(counted).decode(),
                "at": COUNTED_AT,
            },
        )


def put_results(engine: Engine) -> None:
    """Keep all of them, as `outcomes` does."""
    with engine.begin() as connection:
        for one in EXPERIMENTS:
            connection.execute(
                text("""
                    INSERT INTO connected_jobs.experiment_result (experiment, counts, computed_at)
                    VALUES (:key, CAST(CAST(:counts AS text) AS jsonb), :at)
                """),
                {"key": one.key, "counts": msgspec.json.encode(one).decode(), "at": COUNTED_AT},
            )
    for counted in SENDS:
        put_send(engine, counted)
