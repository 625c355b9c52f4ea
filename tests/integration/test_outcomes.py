"""Applications are credited to mails by whole days, and counted; the same whatever came first and however often."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from psycopg.types.json import Jsonb

from app.feedback.attribution import Windows
from app.feedback.results.counts import ControlCounts, ExperimentCounts, PlaceCounts, SendCounts
from app.feedback.results.fewest import FEWEST
from app.feedback.statistics.sums import Sums
from app.postgres.connecting import connect
from app.postgres.feedback import recompute
from app.postgres.feedback.outcomes import put_outcomes
from app.postgres.feedback.persons import judge_clicks
from app.postgres.feedback.recompute import OutcomesError, recompute_outcomes
from app.postgres.feedback.retention import KEPT_DAYS, drop_old
from app.postgres.feedback.rows import (
    ClickRow,
    ExposureRow,
    MailEventRow,
    put_clicks,
    put_exposures,
    put_mail_events,
)
from app.postgres.feedback.send_tally import put_send_counts
from app.postgres.members import delete_member
from app.recommend.reasons import Reason
from tests.integration.commands import command_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from sqlalchemy import Engine

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ARMS = {"m-1": "popular", "m-2": "recommended", "m-3": "recommended", "m-4": "popular"}


@dataclass
class Loop:
    """A database, and rows put into it as a reader of files does."""

    driver: psycopg.Connection
    next_id: int = 0
    arms: dict[str, str] = field(default_factory=ARMS.copy)

    def id(self) -> UUID:
        self.next_id += 1
        return UUID(int=self.next_id)

    def mail(
        self, member: str, *, at: datetime = SENT, postings: tuple[str, ...] = ("p-1", "p-2"), **more: Any
    ) -> str:
        rid = more.pop("rid", f"rid-{member}-{at:%d%H}")
        row = ExposureRow(
            day=at.date(), event_id=self.id(), rid=rid, member_id=member, braze_user=f"b-{member}",
            campaign="weekly", campaign_id="C1", variation_id="V1", source="personalized", arm=self.arms[member],
            shown=len(postings), posting_ids=list(postings), sent_at=at,
        )  # fmt: skip
        put_exposures(self.driver, [replace(row, **more)])
        return str(rid)

    def click(self, member: str, rid: str, posting: str | None, *, at: datetime, **more: Any) -> None:
        row = ClickRow(
            day=at.date(), event_id=self.id(), rid=rid, member_id=member, braze_user=f"b-{member}", campaign="weekly",
            variation_id="V1", arm=self.arms[member], variant="a", posting_id=posting, position=1, link=posting, at=at,
        )  # fmt: skip
        put_clicks(self.driver, [replace(row, **more)])

    def event(self, kind: str, member: str, *, at: datetime, **more: Any) -> None:
        row = MailEventRow(
            day=at.date(), event_id=self.id(), kind=kind, member_id=member, braze_user=f"b-{member}", at=at,
            campaign_id="C1",
        )  # fmt: skip
        put_mail_events(self.driver, [replace(row, **more)])

    def apply(self, member: str, posting: str, at: datetime) -> None:
        self.driver.execute(
            "INSERT INTO board.activity (member_id, posting_id, kind, occurred_at) VALUES (%s, %s, 'apply', %s)",
            [member, posting, at],
        )

    def experiment(self, **more: Any) -> None:
        values = {
            "key": "lists",
            "state": "running",
            "started_at": SENT - HOUR,
            "planned_end": NOW + 7 * DAY,
        } | more
        arms = [{"name": "popular", "share": 0.5, "recipe": None}, {"name": "recommended", "share": 0.5}]
        self.driver.execute(
            "INSERT INTO connected_jobs.experiment (key, campaign, state, arms, salt, started_at, planned_end)"
            " VALUES (%s, 'weekly', %s, %s, 's', %s, %s)",
            [values["key"], values["state"], Jsonb(arms), values["started_at"], values["planned_end"]],
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.driver.execute(statement).fetchall()

    def outcomes(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT member_id, posting_id, rid, arm, basis, lag, rule_version FROM connected_jobs.outcome ORDER BY 1, 2, 3"
        )


@pytest.fixture
def loop(database_url: str) -> Iterator[Loop]:
    with connect(database_url) as driver:
        driver.autocommit = True
        yield Loop(driver)


def test_applications_are_credited_and_everything_is_counted(loop: Loop, engine: Engine) -> None:
    """One world of four members, read back from every table that the command fills."""
    loop.experiment()
    mails = {member: loop.mail(member) for member in ("m-1", "m-2", "m-3", "m-4")}
    loop.click("m-2", mails["m-2"], "p-1", at=SENT + HOUR)
    loop.apply("m-2", "p-1", SENT + 2 * HOUR)  # clicked
    loop.apply("m-2", "p-9", SENT + 3 * HOUR)  # drawn
    loop.apply("m-1", "p-2", SENT + 2 * DAY)  # seen
    loop.apply("m-1", "p-8", SENT + 2 * DAY)  # not by this mail
    loop.apply("m-4", "p-5", SENT - 3 * DAY)  # before
    for place in range(5):  # a scanner opens all links of m-3's mail, who then applies elsewhere
        loop.click("m-3", mails["m-3"], f"p-{place}", at=SENT + MINUTE, suspected=[])
    loop.apply("m-3", "p-7", SENT + HOUR)
    loop.event("unsubscribe", "m-4", at=SENT + 2 * HOUR)
    loop.event("control", "m-9", at=SENT, campaign_id="C1")
    loop.event("abort", "m-8", at=SENT, campaign="weekly", arm="popular")
    loop.apply("m-9", "p-1", SENT + DAY)

    report = recompute_outcomes(engine, now=NOW)
    assert (report.judged, report.credited, report.changed, report.sends, report.experiments) == (
        6,
        3,
        3,
        1,
        ["lists"],
    )
    assert loop.outcomes() == [
        ("m-1", "p-2", mails["m-1"], "popular", "seen", 2 * DAY, 1),
        ("m-2", "p-1", mails["m-2"], "recommended", "clicked", HOUR, 1),
        ("m-2", "p-9", mails["m-2"], "recommended", "drawn", 2 * HOUR, 1),
    ]
    assert loop.rows(
        "SELECT person, why, rule_version, count(*) FROM connected_jobs.click GROUP BY 1, 2, 3 ORDER BY 1"
    ) == [
        (False, "burst", 1, 5),
        (True, None, 1, 1),
    ]

    (sends,) = loop.rows("SELECT counts FROM connected_jobs.send_result")
    counted = msgspec.convert(sends[0], SendCounts)
    assert counted.day == SENT.date()
    popular, recommended = counted.arms
    assert (popular.arm, popular.mailed, popular.members, popular.clicked, popular.applied) == (
        "popular",
        2,
        2,
        0,
        1,
    )
    assert (popular.applications, popular.events) == ({"seen": 1}, {"unsubscribe": 1, "abort": 1})
    assert (recommended.clicked, recommended.clicks, recommended.scanners) == (1, 1, {"burst": 5})
    assert (recommended.applied, recommended.applications) == (1, {"clicked": 1, "drawn": 1})
    assert recommended.unfiltered == 6  # Braze said nothing of any of them
    assert counted.places == [
        PlaceCounts(source="personalized", position=1, shown=4, clicked=1),
        PlaceCounts(source="personalized", position=2, shown=4, clicked=0),
    ]
    assert [(one.variation_id, one.clicked, one.applied, one.variants) for one in counted.variants] == [
        ("V1", 1, 2, {"a": 6})
    ]
    assert counted.controls == [ControlCounts(of="campaign", members=1, applied=1)]
    assert (counted.applied_anyway, counted.campaign_ids) == (3, ["C1"])

    (found,) = loop.rows("SELECT counts FROM connected_jobs.experiment_result")
    experiment = msgspec.convert(found[0], ExperimentCounts)
    assert (experiment.key, experiment.state, experiment.crossed, experiment.until) == (
        "lists",
        "running",
        0,
        NOW,
    )
    popular_arm, recommended_arm = experiment.arms
    assert (popular_arm.members, popular_arm.clicked, popular_arm.applied, popular_arm.applied_anyway) == (
        2,
        0,
        1,
        1,
    )
    assert (popular_arm.after_click, recommended_arm.after_click) == (0, 1)
    assert popular_arm.applications == Sums(members=2, y=1, yy=1, x=1, xx=1, xy=0)
    assert popular_arm.events == {"unsubscribe": 1}
    assert (recommended_arm.members, recommended_arm.clicked, recommended_arm.applied) == (2, 1, 1)
    assert recommended_arm.applications == Sums(members=2, y=2, yy=4, x=0, xx=0, xy=0)

    again = recompute_outcomes(engine, now=NOW + MINUTE)
    assert (again.judged, again.credited, again.changed) == (0, 3, 0)


def test_mails_of_a_canvas_count_as_those_of_a_campaign(loop: Loop, engine: Engine) -> None:
    """They have no campaign's id: the key of their template, the Canvas's id and the member tell what is whose."""
    loop.experiment()
    of_canvas: dict[str, Any] = {"campaign_id": None, "canvas_id": "K1"}
    for member in ("m-1", "m-2"):
        rid = loop.mail(member, **of_canvas, variation_id="KV1", dispatch_id=f"d-{member}")
        loop.click(member, rid, "p-1", at=SENT + HOUR, **of_canvas, variation_id="KV1")
        loop.apply(member, "p-1", SENT + 2 * HOUR)
    for kind in ("unsubscribe", "spam", "bounce"):
        loop.event(kind, "m-1", at=SENT + 3 * HOUR, **of_canvas)
    loop.event("unsubscribe", "m-2", at=SENT + 3 * HOUR, campaign_id=None, canvas_id="K2")  # another's
    loop.event("control", "m-9", at=SENT, **of_canvas)
    loop.apply("m-9", "p-1", SENT + DAY)
    recompute_outcomes(engine, now=NOW)

    (row,) = loop.rows("SELECT counts FROM connected_jobs.send_result")
    counted = msgspec.convert(row[0], SendCounts)
    guards = {"unsubscribe": 1, "spam": 1, "bounce": 1}
    popular, recommended = counted.arms
    assert (counted.campaign, counted.campaign_ids, counted.canvas_ids) == ("weekly", [], ["K1"])
    assert (popular.events, recommended.events) == (guards, {})
    assert (popular.clicked, popular.applied, popular.applications) == (1, 1, {"clicked": 1})
    assert counted.controls == [ControlCounts(of="canvas", members=1, applied=1)]
    assert [one.variation_id for one in counted.variants] == ["KV1"]
    (found,) = loop.rows("SELECT counts FROM connected_jobs.experiment_result")
    arms = msgspec.convert(found[0], ExperimentCounts).arms
    assert [(one.members, one.clicked, one.applied, one.events) for one in arms] == [
        (1, 1, 1, guards),
        (1, 1, 1, {}),
    ]


def test_commands_count_and_show(
    loop: Loop, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    run = command_of(monkeypatch, capsys)
    sent = datetime.now(UTC) - 2 * DAY
    loop.experiment(started_at=sent - HOUR, planned_end=sent + 30 * DAY)
    for number in range(FEWEST):
        member = f"n-{number}"
        loop.arms[member] = "recommended"
        rid = loop.mail(member, at=sent)
    loop.click(member, rid, "p-1", at=sent + HOUR)
    loop.apply(member, "p-1", sent + 2 * HOUR)
    loop.mail("m-1", at=sent, campaign="to-one")
    counted = run("outcomes")
    assert (
        counted.code,
        "1 application credited (1 row changed), 2 sends and 1 experiment" in counted.out,
    ) == (0, True)
    experiment = json.loads(run("results", "lists", "--json").out)
    assert (experiment["kind"], [arm["applied"] for arm in experiment["arms"]]) == ("experiment", [None, 1])
    assert experiment["sentences"]["ko"] == [
        "recommended안은 아직 말할 수 없습니다: 지원한 회원이 너무 적습니다."
    ]
    in_english = run("results", "lists", "--lang", "en").out
    assert "Nothing can be said of recommended yet" in in_english
    assert re.search(
        r"^popular +0  \(fewer than 10 members: what they did is not told\)$", in_english, re.MULTILINE
    )
    campaign = json.loads(run("results", "weekly", "--json").out)
    assert [(send["still_grows"], send["arms"][0]["applied"]) for send in campaign["sends"]] == [(True, 1)]
    told = run("results", "weekly").out
    assert "still grows" in told
    assert "reason (sample)" not in told  # no list of theirs was stored, so none is known
    assert member not in json.dumps([experiment, campaign])
    assert "Nothing was counted of 'to-one'" in run("results", "to-one").sentence
    refused = run("results", "weekly", "--since", "2099-01-01")
    assert (refused.code, "Nothing was counted of 'weekly'" in refused.sentence) == (1, True)
    assert f"counted it on {datetime.now(UTC):%Y-%m-%d}" in run("results", "lists").out
    assert "counted whole, from its start" in run("results", "lists", "--since", "2026-01-01").sentence
    assert run("power", "--base-rate", 3, "--lift", 10).out.startswith("106,421 members")
    assert run("power", "--base-rate", 3, "--members", 200_000).out.startswith("200,000 members")
    assert "Give --lift" in run("power", "--base-rate", 3).sentence
    assert "cannot become" in run("power", "--base-rate", 60, "--lift", 90).sentence


def test_what_comes_late_is_made_good(loop: Loop, engine: Engine) -> None:
    rid = loop.mail("m-1")
    loop.apply("m-1", "p-1", SENT + DAY)
    recompute_outcomes(engine, now=NOW)
    assert [row[4] for row in loop.outcomes()] == ["seen"]
    loop.click("m-1", rid, "p-1", at=SENT + HOUR)  # read from a file days later
    recompute_outcomes(engine, now=NOW)
    assert [row[4] for row in loop.outcomes()] == ["clicked"]
    click = ClickRow(
        day=SENT.date(), event_id=UUID(int=loop.next_id), rid=rid, member_id="m-1", braze_user="b-m-1",
        at=SENT + HOUR, suspected=["ip_address"],
    )  # fmt: skip
    put_clicks(loop.driver, [click])  # another copy of the event knows more
    recompute_outcomes(engine, now=NOW)
    assert [row[4] for row in loop.outcomes()] == ["seen"]
    loop.driver.execute("DELETE FROM board.activity")  # the board took the application back
    recompute_outcomes(engine, now=NOW)
    assert loop.outcomes() == []


def test_a_send_over_nine_in_the_morning_is_one_send(loop: Loop, engine: Engine) -> None:
    """From 08:30 to 09:30 in Seoul: a day in UTC ends between."""
    begin = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    for number, member in enumerate(("m-1", "m-2", "m-3", "m-4")):
        rid = loop.mail(member, at=begin + number * 20 * MINUTE)
        loop.click(member, rid, "p-1", at=begin + number * 20 * MINUTE + 7 * MINUTE)
    loop.event("abort", "m-8", at=begin + MINUTE, campaign="weekly", arm="popular")
    loop.event("control", "m-9", at=begin + 50 * MINUTE)
    loop.apply("m-1", "p-1", begin + HOUR)
    loop.mail("m-1", at=begin + 16 * HOUR)  # after midnight there
    loop.mail("m-2", at=begin + 15 * HOUR)  # before it, and on that day in UTC
    report = recompute_outcomes(engine, now=NOW)
    found = loop.rows("SELECT day, counts FROM connected_jobs.send_result ORDER BY day")
    first, second = [(day, msgspec.convert(counts, SendCounts)) for day, counts in found]
    assert report.sends == 2
    assert (first[0], second[0]) == (date(2026, 11, 20), date(2026, 11, 21))
    arms = {arm.arm: (arm.mailed, arm.members, arm.clicked, arm.applied) for arm in first[1].arms}
    assert arms == {"popular": (2, 2, 2, 1), "recommended": (3, 2, 2, 0)}
    assert [arm.events for arm in first[1].arms if arm.arm == "popular"] == [{"abort": 1}]
    assert [one.members for one in first[1].controls] == [1]
    assert [(arm.arm, arm.mailed) for arm in second[1].arms] == [("popular", 1)]


def test_a_send_of_the_last_hours_is_counted_though_utc_has_yesterday(loop: Loop, engine: Engine) -> None:
    loop.mail("m-1", at=datetime(2026, 11, 23, 15, 30, tzinfo=UTC))  # half past midnight there
    recompute_outcomes(engine, now=datetime(2026, 11, 23, 16, tzinfo=UTC))
    assert loop.rows("SELECT day FROM connected_jobs.send_result") == [(date(2026, 11, 24),)]


def test_a_day_of_which_half_the_rows_are_gone_keeps_its_counts(loop: Loop, engine: Engine) -> None:
    oldest = SENT.date()
    for at in (SENT - HOUR, SENT):
        loop.mail("m-1", at=at)
    recompute_outcomes(engine, now=NOW)
    drop_old(loop.driver, oldest + timedelta(days=KEPT_DAYS["exposure"]))
    recompute_outcomes(engine, now=SENT + timedelta(days=KEPT_DAYS["exposure"]), days=40)
    assert loop.rows("SELECT count(*) FROM connected_jobs.exposure") == [(1,)]
    assert loop.rows("SELECT counts -> 'arms' -> 0 -> 'mailed' FROM connected_jobs.send_result") == [(2,)]


def test_days_before_the_last_stay_as_they_are(loop: Loop, engine: Engine) -> None:
    loop.mail("m-1")
    loop.apply("m-1", "p-1", SENT + DAY)
    recompute_outcomes(engine, now=NOW)
    loop.driver.execute("DELETE FROM board.activity")
    loop.driver.execute("TRUNCATE connected_jobs.exposure")  # past its retention
    recompute_outcomes(engine, now=SENT + 10 * DAY)
    assert len(loop.outcomes()) == 1
    assert len(loop.rows("SELECT FROM connected_jobs.send_result")) == 1


def test_a_member_keeps_the_arm_of_the_first_mail_and_is_counted_as_crossed(
    loop: Loop, engine: Engine
) -> None:
    loop.experiment()
    loop.mail("m-2", at=SENT + DAY, arm="popular", rid="late")
    recompute_outcomes(engine, now=NOW)
    loop.mail("m-2", at=SENT, arm="recommended", rid="early")  # of a file that came later
    loop.mail("m-1", arm="no arm of it", rid="other")
    recompute_outcomes(engine, now=NOW)
    assert loop.rows("SELECT member_id, arm, first_at, crossed FROM connected_jobs.enrolment") == [
        ("m-2", "recommended", SENT, True)
    ]


def test_who_was_mailed_is_forgotten_after_an_experiment_and_its_counts_stand(
    loop: Loop, engine: Engine
) -> None:
    loop.experiment(started_at=SENT - 20 * DAY, planned_end=SENT + DAY)
    loop.mail("m-1", at=SENT - 15 * DAY)  # before the days that are recomputed, on the first run
    recompute_outcomes(engine, now=SENT)
    assert len(loop.rows("SELECT FROM connected_jobs.enrolment")) == 1
    recompute_outcomes(engine, now=SENT + 30 * DAY)
    assert len(loop.rows("SELECT FROM connected_jobs.enrolment")) == 1
    recompute_outcomes(engine, now=SENT + 40 * DAY)
    assert loop.rows("SELECT FROM connected_jobs.enrolment") == []
    (found,) = loop.rows("SELECT counts FROM connected_jobs.experiment_result")
    assert msgspec.convert(found[0], ExperimentCounts).arms[0].members == 1


def test_an_erased_member_is_neither_credited_nor_enrolled(loop: Loop, engine: Engine) -> None:
    loop.experiment()
    loop.mail("m-1")
    loop.apply("m-1", "p-1", SENT + DAY)
    recompute_outcomes(engine, now=NOW)
    erased = delete_member(engine, "m-1")
    assert erased["connected_jobs.enrolment"] == 1
    assert loop.rows("SELECT FROM connected_jobs.outcome") == []
    loop.mail("m-1")  # what an older file may bring, before its reader looks at who is erased
    loop.apply("m-1", "p-1", SENT + DAY)
    recompute_outcomes(engine, now=NOW)
    assert loop.rows("SELECT FROM connected_jobs.outcome") == []
    assert loop.rows("SELECT FROM connected_jobs.enrolment") == []


def test_the_days_second_and_boards_of_views_are_no_matter(loop: Loop) -> None:
    """An application in the second of midnight is of the day that begins; a board's ids may compare in another collation."""
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    loop.mail("m-1")
    loop.apply("m-1", "p-1", midnight)
    loop.driver.execute("""
        ALTER TABLE board.activity RENAME TO kept;
        CREATE COLLATION board.other (provider = libc, locale = 'C');
        CREATE VIEW board.activity AS
        SELECT member_id COLLATE board.other AS member_id, posting_id COLLATE board.other AS posting_id, kind, occurred_at
        FROM board.kept, generate_series(1, 2)
    """)
    assert put_outcomes(loop.driver, date(2026, 11, 20), Windows()) == (0, 0)
    assert put_outcomes(loop.driver, date(2026, 11, 21), Windows()) == (1, 1)


def test_clicks_are_counted_by_the_reason_that_the_stored_list_has(loop: Loop) -> None:
    """A posting that the list does not have, and members whose list is gone, have no reason and are left out."""
    loop.driver.execute("""
        INSERT INTO connected_jobs.refresh_run (state, started_at, cutoff_at, inputs, options) OVERRIDING SYSTEM VALUE
        VALUES ('ready', now(), now(), '{}', '{}');
        CREATE TABLE connected_jobs.one_list PARTITION OF connected_jobs.recommendation_list FOR VALUES IN (1);
        INSERT INTO connected_jobs.publication (run_id, published_at, effective_at)
        VALUES (1, '2026-11-19', '2026-11-19')
    """)
    reasons = bytes([Reason.SIMILAR_TO_APPLIED, 0x80 | Reason.FITS_FIELD, 99])
    members = [f"m-{number}" for number in range(120)]
    for member in members:
        loop.arms[member] = "popular"
        rid = loop.mail(member, postings=("p-1", "p-2", "p-3", "p-filled"))
        loop.click(member, rid, "p-1", at=SENT + HOUR)
        loop.click(member, rid, "p-filled", at=SENT + HOUR)
        loop.driver.execute(
            "INSERT INTO connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons) VALUES (1, %s, %s, %s)",
            [member, ["p-1", "p-2", "p-3", "p-4"], reasons + b"\x01"],
        )
    with connect(loop.driver.info.dsn) as reader:
        reader.autocommit = True
        judge_clicks(reader, loop.driver, SENT.date(), SENT.date())
    (counts,) = put_send_counts(loop.driver, SENT.date())
    by_reason = {place.reason: place for place in counts.places if place.reason}
    assert list(by_reason) == ["similar_to_applied", "fits_field", "99"]
    sampled = by_reason["fits_field"].shown
    assert 0 < sampled < len(members) / 4  # one in 20 of them
    assert (by_reason["similar_to_applied"].clicked, by_reason["fits_field"].clicked) == (sampled, 0)


def test_two_do_not_recompute_at_once(loop: Loop, engine: Engine) -> None:
    loop.driver.execute("SELECT pg_advisory_lock(%s)", [recompute.ONE_RECOMPUTES])
    with pytest.raises(OutcomesError, match="wait for that to end"):
        recompute_outcomes(engine, now=NOW)


def test_a_recomputation_killed_half_way_leaves_whole_days_and_the_next_ends_it(
    loop: Loop, engine: Engine, database_url: str
) -> None:
    mails = {member: loop.mail(member) for member in ("m-1", "m-2")}
    loop.click("m-1", mails["m-1"], "p-1", at=SENT + HOUR)
    for member in mails:
        for day in (1, 2):
            loop.apply(member, "p-1", SENT + day * DAY)
    recompute_outcomes(engine, now=NOW)
    whole = loop.outcomes()
    assert len(whole) == 4
    loop.driver.execute("DELETE FROM connected_jobs.outcome WHERE occurred_at > %s", [SENT + DAY + HOUR])
    half = loop.outcomes()
    with connect(database_url) as blocker:
        blocker.execute("LOCK TABLE connected_jobs.outcome IN SHARE ROW EXCLUSIVE MODE")
        code = f"""
from datetime import datetime
from app.postgres.engines import batch_engine
from app.postgres.feedback.recompute import recompute_outcomes
recompute_outcomes(batch_engine({database_url!r}), now=datetime.fromisoformat({NOW.isoformat()!r}))
"""
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            while not loop.rows(
                "SELECT FROM pg_locks WHERE relation = 'connected_jobs.outcome'::regclass AND NOT granted"
            ):
                assert process.poll() is None
                time.sleep(0.05)
            process.kill()
        blocker.rollback()
    assert loop.outcomes() == half
    wait_until_free(loop)
    recompute_outcomes(engine, now=NOW)
    assert loop.outcomes() == whole


@pytest.mark.slow
def test_recomputations_killed_at_random_moments_leave_whole_days(
    loop: Loop, engine: Engine, database_url: str
) -> None:
    """After each kill every day's outcomes are the old or the new ones; one whole run then ends as an undisturbed one."""
    random = Random(4)
    loop.experiment()
    for number in range(300):
        member = f"m-{number}"
        loop.arms[member] = ("popular", "recommended")[number % 2]
        rid = loop.mail(member)
        loop.click(member, rid, "p-1", at=SENT + HOUR)
        for day in range(3):
            loop.apply(member, "p-1", SENT + day * DAY + 2 * HOUR)
    recompute_outcomes(engine, now=NOW)
    whole = state(loop)
    days = loop.rows(BY_DAY)
    code = f"""
from datetime import datetime
from app.postgres.engines import batch_engine
from app.postgres.feedback.recompute import recompute_outcomes
print("begun", flush=True)
recompute_outcomes(batch_engine({database_url!r}), now=datetime.fromisoformat({NOW.isoformat()!r}))
"""
    killed = 0
    for _ in range(25):
        loop.driver.execute("""
            UPDATE connected_jobs.click SET person = NULL, why = NULL, rule_version = NULL;
            DELETE FROM connected_jobs.outcome;
            DELETE FROM connected_jobs.enrolment;
            DELETE FROM connected_jobs.send_result;
            DELETE FROM connected_jobs.experiment_result
        """)
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.uniform(0, 0.6))
            killed += process.poll() is None
            process.kill()
        wait_until_free(loop)
        assert set(loop.rows(BY_DAY)) <= set(days)
        assert loop.rows("SELECT count(*) FROM connected_jobs.enrolment") in ([(0,)], [(300,)])
        recompute_outcomes(engine, now=NOW)
        assert state(loop) == whole
    assert killed > 10


BY_DAY = """
    SELECT (occurred_at AT TIME ZONE 'UTC')::date, count(*), md5(string_agg(o::text, '' ORDER BY o::text))
    FROM connected_jobs.outcome o GROUP BY 1 ORDER BY 1
"""


def state(loop: Loop) -> list[Any]:
    """All that a recomputation leaves."""
    return [
        loop.rows(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")  # noqa: S608 - our own tables
        for table in (
            "connected_jobs.outcome",
            "connected_jobs.enrolment",
            "(SELECT day, event_id, person, why, rule_version FROM connected_jobs.click)",
            "(SELECT campaign, day, counts FROM connected_jobs.send_result)",
            "(SELECT experiment, counts FROM connected_jobs.experiment_result)",
        )
    ]


def wait_until_free(loop: Loop) -> None:
    """Wait until the server has noticed that its client is gone."""
    while not loop.rows(f"SELECT pg_try_advisory_lock({recompute.ONE_RECOMPUTES})")[0][0]:
        time.sleep(0.02)
    loop.rows(f"SELECT pg_advisory_unlock({recompute.ONE_RECOMPUTES})")
