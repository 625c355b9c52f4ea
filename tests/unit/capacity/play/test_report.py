"""The report of a played plan, for machines and for people."""

import json
from itertools import pairwise

import pytest

from app.capacity.campaign import Case
from app.capacity.plan.table import PlanError
from app.capacity.play.play import play_file

COUNTS = ["attempts", "retries", "calls", "sent", "sent_blank", "sent_degraded", "aborted"]
PLAN = """
time_zone = "Asia/Seoul"
seed = 3

[[campaigns]]
name = "주간 추천"
kind = "rate_limited"
audience = {low = 50, likely = 75, high = 100}
at = 2026-11-23T09:00:00
limit_per_min = 10
calls_per_recipient = 1
burst = 1
retry = true
finish_by = 2026-11-23T09:08:00

[[campaigns]]
name = "alerts"
kind = "at_once"
audience = 30
at = 2026-11-23T09:02:00
burst = 60

[[failures]]
minutes = [1]
counts = {500 = 6}
"""


def test_the_json_form_tells_totals_campaigns_minutes_and_assumptions() -> None:
    report = play_file(PLAN).as_json()
    assert json.loads(json.dumps(report)) == report

    minutes, campaigns = report.pop("minutes"), report.pop("campaigns")
    assert {assumed["name"] for assumed in report.pop("assumptions")} >= {"max_retries", "cache_age_s"}
    assert report == {
        "case": "likely",
        "seed": 3,
        "time_zone": "Asia/Seoul",
        "workspace_limit_per_min": None,
        "starts_at": "2026-11-23T09:00+09:00",
        "ends_at": "2026-11-23T09:09+09:00",
        "totals": {
            "recipients": 105,
            "attempts": 111,
            "retries": 6,
            "calls": 141,
            "sent": 105,
            "sent_blank": 0,
            "sent_degraded": 0,
            "aborted": 0,
            "aborted_delayed": 0,
            "skipped": 0,
            "pending": 0,
        },
        "peak": {"calls_per_s": 61, "at": "2026-11-23T09:02:00+09:00"},
        "halts": [],
    }
    assert campaigns[0] == {
        "name": "주간 추천",
        "kind": "rate_limited",
        "limit_per_min": 10,
        "ends_at": "2026-11-23T09:09+09:00",
        "finish_by": "2026-11-23T09:08+09:00",
        "in_time": False,
        "recipients": 75,
        "attempts": 81,
        "retries": 6,
        "calls": 81,
        "sent": 75,
        "sent_blank": 0,
        "sent_degraded": 0,
        "aborted": 0,
        "aborted_delayed": 0,
        "skipped": 0,
        "pending": 0,
    }
    assert [campaigns[1][name] for name in ("name", "ends_at", "finish_by", "in_time")] == [
        "alerts",
        "2026-11-23T09:03+09:00",
        None,
        None,
    ]
    assert [minute["minute"] for minute in minutes] == list(range(1, 10))
    assert minutes[2] == {
        "minute": 3,
        "at": "2026-11-23T09:02+09:00",
        "attempts": 40,
        "retries": 0,
        "calls": 70,
        "sent": 40,
        "sent_blank": 0,
        "sent_degraded": 0,
        "aborted": 0,
        "aborted_delayed": 0,
        "attempts_by_campaign": {"주간 추천": 10, "alerts": 30},
        "outcomes": {"ok": 70},
        "peak_calls_per_s": 61,
        "calls_per_s": [61] + ([0] * 5 + [1]) * 9 + [0] * 5,
    }
    assert minutes[0]["outcomes"] == {"500": 6, "ok": 4}


def test_the_text_form_joins_minutes_that_are_alike() -> None:
    headline, _, *tables = play_file(PLAN).as_text().splitlines()
    assert headline == (
        "105 of 105 messages sent (0 blank, 0 degraded), 0 aborted, 0 skipped, 0 pending; "
        "ends at 2026-11-23T09:09+09:00, at most 61 calls/s at 2026-11-23T09:02:00+09:00."
    )
    at = "2026-11-23T09:0{}+09:00"
    assert [line.split() for line in tables] == [
        ["campaign", "recipients", *COUNTS, "skipped", "pending", "ends", "at", "in", "time"],
        ["주간", "추천", "75", "81", "6", "81", "75", "0", "0", "0", "0", "0", at.format(9), "no"],
        ["alerts", "30", "30", "0", "60", "30", "0", "0", "0", "0", "0", at.format(3), "-"],
        [],
        ["minute", "at", *COUNTS, "peak_calls_per_s"],
        ["1", at.format(0), "10", "0", "10", "4", "0", "0", "0", "1"],
        ["2", at.format(1), "10", "0", "10", "10", "0", "0", "0", "1"],
        ["3", at.format(2), "40", "0", "70", "40", "0", "0", "0", "61"],
        ["4-7", at.format(3), "10", "0", "10", "10", "0", "0", "0", "1"],
        ["8", at.format(7), "10", "5", "10", "10", "0", "0", "0", "1"],
        ["9", at.format(8), "1", "1", "1", "1", "0", "0", "0", "1"],
    ]


def test_columns_are_aligned_for_wide_letters_too() -> None:
    campaigns = play_file(PLAN).as_text().splitlines()[2:5]
    assert campaigns[1].startswith("주간 추천          75  ")
    assert campaigns[2].startswith("alerts             30  ")


def test_alike_minutes_hours_apart_stay_rows_of_their_own() -> None:
    spikes = (
        PLAN[: PLAN.index("[[campaigns]]")]
        + """
[[campaigns]]
name = "at nine everywhere"
kind = "local_time_zones"
audience = 20
at = 2026-11-23T09:00:00
zones = {"Asia/Seoul" = 1, "Europe/London" = 1}
"""
    )
    minutes = play_file(spikes).as_text().splitlines()[-2:]
    assert [line.split()[0] for line in minutes] == ["1", "541"]


def test_the_text_form_of_a_long_send_is_cut_and_says_so() -> None:
    arriving = PLAN.replace('kind = "at_once"', 'kind = "triggered"\nends_at = 2026-11-24T09:00:00')
    lines = play_file(arriving.replace("audience = 30", "audience = 30_000")).as_text().splitlines()
    assert lines[-1].split("  ")[-1].strip().endswith("minutes more: see the JSON form")
    assert len(lines) == 1 + 1 + 3 + 1 + 1 + 100 + 1


def test_a_halted_host_is_reported() -> None:
    failing = PLAN.replace("audience = 30", "audience = 10_000").replace("minutes = [1]", "minutes = [3]")
    report = play_file(failing.replace("{500 = 6}", "{503 = 20_000}"))
    assert report.as_json()["halts"] == [{"host": "default", "halted_after": "2026-11-23T09:02:00+09:00"}]
    assert report.as_text().endswith("Braze halted host default for failing at 2026-11-23T09:02:00+09:00.\n")


def test_a_supposed_service_answers_by_its_ceiling_and_lines() -> None:
    bound = PLAN + "[service]\nceiling_rps = 100\nsoft_rps = 20\nhard_rps = 40\n"
    minute = play_file(bound).as_json()["minutes"][2]
    # Of 61 calls in one second 20 are answered in full, 20 degraded, and 21 refused.
    assert minute["outcomes"] == {"429": 21, "degraded": 20, "ok": 29}


def test_nobody_to_send_to_is_reported_as_nothing_started() -> None:
    nobody = PLAN.replace("{low = 50, likely = 75, high = 100}", "0").replace("audience = 30", "audience = 0")
    report = play_file(nobody)
    assert [report.as_json()[name] for name in ("starts_at", "ends_at", "peak", "minutes")] == [
        None,
        None,
        None,
        [],
    ]
    assert report.as_text().splitlines()[0].endswith("nothing was started.")


@pytest.mark.parametrize(("case", "recipients"), [("low", 80), ("likely", 105), ("high", 130)])
def test_a_plan_is_played_by_its_low_likely_or_high_numbers(case: Case, recipients: int) -> None:
    report = play_file(PLAN, case=case).as_json()
    assert (report["case"], report["totals"]["recipients"]) == (case, recipients)


def test_a_broken_plan_is_refused_by_a_sentence() -> None:
    with pytest.raises(PlanError, match=r"^plan: time_zone is missing; .*\.$"):
        play_file("")


def test_how_far_a_play_of_a_week_is_rises_evenly_with_the_work() -> None:
    """28 messages a minute for half a day, beside a million in ten minutes: few of them, and most of the work."""
    plan = """
time_zone = "Asia/Seoul"
[[campaigns]]
name = "triggered"
kind = "triggered"
audience = 20000
at = 2026-11-23T09:00:00
ends_at = 2026-11-23T21:00:00

[[campaigns]]
name = "digest"
kind = "rate_limited"
audience = 1000000
at = 2026-11-23T10:00:00
limit_per_min = 100000
"""
    told: list[float] = []
    play_file(plan, progress=told.append)
    assert told == sorted(told)
    assert (len(told) > 5, told[-1]) == (True, 1.0)
    steps = [later - earlier for earlier, later in pairwise([0.0, *told])]
    assert max(steps) < 3 / len(told)
