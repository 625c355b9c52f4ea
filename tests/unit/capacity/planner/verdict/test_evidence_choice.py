"""Which load test decides, and whether it still holds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.capacity.campaign import Campaign, Range
from app.capacity.evidence.ceiling import MeasuredCeiling, RunningService
from app.capacity.plan.plan import Judging
from app.capacity.planner import Judgement
from app.capacity.planner.verdict.evidence_choice import first_to_break
from tests.unit.capacity.planner.conftest import MEASURED_AT, NOW, RUNNING

Build = Callable[..., Any]


def codes(judgement: Judgement) -> list[str]:
    return [why.code for why in judgement.ceiling.retest]


def test_evidence_that_fits_what_runs_says_go(digest: Campaign, judged: Build) -> None:
    judgement = judged(digest, running=RUNNING)
    assert (judgement.verdict, codes(judgement), judgement.ceiling.unchecked) == ("GO", [], ())


@pytest.mark.parametrize(
    ("change", "code", "numbers"),
    [
        ({"kind": "unconfirmed"}, "evidence_unconfirmed", {}),
        ({"kind": "none", "low_rps": 0}, "evidence_none", {}),
        ({"kind": "unconfirmed", "bound_by": ("falling",)}, "evidence_falling", {}),
        ({"soak_calls": 102}, "evidence_short", {"soak_calls": 102, "fewest": 3_000}),
        ({"kind": "at_least", "soak_calls": 2_999}, "evidence_short", {"soak_calls": 2_999, "fewest": 3_000}),
        ({"ended_at": NOW - timedelta(days=31)}, "evidence_old", {"age_days": 31, "max_age_days": 30}),
        ({"fingerprint": "old"}, "evidence_fingerprint", {"measured": "old", "versions_running": 1}),
        ({"instances": 2}, "evidence_instances", {"measured": 2, "running": 1}),
        (
            {"tables": {"postings": 8_300, "members": 100_000}},
            "evidence_tables",
            {"table": "postings", "measured": 8_300, "running": 10_000},
        ),
        (
            {"tables": {"postings": 12_501, "members": 100_000}},
            "evidence_tables",
            {"table": "postings", "measured": 12_501, "running": 10_000},
        ),
        ({"fingerprint": None}, "evidence_untold", {"what": "fingerprint"}),
        ({"instances": None}, "evidence_untold", {"what": "instances"}),
        ({"tables": {}}, "evidence_untold", {"what": "tables"}),
    ],
)
def test_evidence_of_something_else_asks_for_another_test(
    change: dict[str, Any],
    code: str,
    numbers: dict[str, object],
    digest: Campaign,
    judged: Build,
    measured: Build,
) -> None:
    judgement = judged(digest, tests=[measured(**change)], running=RUNNING)
    assert judgement.verdict == "RETEST"
    assert codes(judgement) == [code]
    assert judgement.ceiling.retest[0].numbers == numbers
    assert judgement.binding == judgement.ceiling.retest[0]


def test_tables_that_grew_by_a_fifth_still_hold(digest: Campaign, judged: Build, measured: Build) -> None:
    test = measured(tables={"postings": 8_400, "members": 84_000})
    assert judged(digest, tests=[test], running=RUNNING).verdict == "GO"


def test_two_versions_running_at_once_ask_for_another_test(digest: Campaign, judged: Build) -> None:
    mixed = RunningService(fingerprints=("abc", "def"), instances=1, tables=RUNNING.tables)
    assert codes(judged(digest, running=mixed)) == ["evidence_fingerprint"]


def test_without_a_load_test_nobody_can_say(digest: Campaign, judged: Build) -> None:
    judgement = judged(digest, tests=[])
    assert (judgement.verdict, codes(judgement)) == ("RETEST", ["evidence_missing"])
    assert (judgement.if_evidence_held, judgement.ceiling.usable_rps) == (None, None)
    only = judgement.campaigns[0]
    assert (only.limit_per_min, only.advised_limit_per_min, only.safe_limits, only.rejected) == (
        None,
        None,
        (),
        (),
    )
    assert judgement.instances.why is not None
    assert judgement.instances.why.code == "instances_no_evidence"


def test_old_evidence_still_says_what_it_would_have_said(
    digest: Campaign, judged: Build, measured: Build
) -> None:
    old = measured(ended_at=NOW - timedelta(days=400))
    judgement = judged(digest, tests=[old])
    assert (judgement.verdict, judgement.if_evidence_held) == ("RETEST", "GO")
    assert judgement.campaigns[0].limit_per_min == 50_000


def test_without_knowing_what_runs_only_age_and_kind_are_checked(
    digest: Campaign, judged: Build, measured: Build
) -> None:
    judgement = judged(digest, tests=[measured(fingerprint=None, instances=None, tables={})])
    assert judgement.verdict == "GO"
    assert judgement.ceiling.unchecked == ("fingerprint", "instances", "tables")
    assert "note_unchecked" in [note.code for note in judgement.notes]


def test_the_newest_ceiling_that_holds_decides(digest: Campaign, judged: Build, measured: Build) -> None:
    def test(name: str, days: int, **changes: Any) -> MeasuredCeiling:
        made: MeasuredCeiling = measured(
            evidence_id=name, ended_at=MEASURED_AT - timedelta(days=days), **changes
        )
        return made

    tests = [
        test("older ceiling", 9),
        test("newer ceiling", 5),
        test("lower bound", 1, kind="at_least"),
        test("of two instances", 0, instances=2),
        test("too old", 99),
    ]
    assert judged(digest, tests=tests, running=RUNNING).ceiling.evidence_id == "newer ceiling"
    assert judged(digest, tests=tests[2:], running=RUNNING).ceiling.evidence_id == "lower bound"
    assert judged(digest, tests=tests[3:], running=RUNNING).ceiling.evidence_id == "of two instances"


def test_a_lower_bound_says_go_and_never_no(campaign: Build, judged: Build, measured: Build) -> None:
    small, large = (
        campaign(300_000, limit_per_min=limit, burst=Range.exactly(2)) for limit in (25_000, 500_000)
    )
    test = measured(kind="at_least")
    assert judged(small, tests=[test]).verdict == "GO"
    assert judged(large, tests=[test]).verdict == "RETEST"
    assert judged(large, tests=[test]).campaigns[0].limit_per_min == 50_000


def test_what_no_ceiling_could_mend_is_refused_without_evidence(campaign: Build, judged: Build) -> None:
    """10,000,000 in 10 minutes are 1,000,000 a minute: twice the fastest speed that Braze offers."""
    start = campaign().timing.at
    impossible = campaign(10_000_000, limit_per_min=500_000, finish_by=start + timedelta(minutes=10))
    judgement = judged(impossible, tests=[])
    assert (judgement.verdict, judgement.binding.code) == ("NO_GO", "finish_by")


@pytest.mark.parametrize(
    ("bound_by", "limiter_rps", "expected"),
    [
        (("latency", "cut_offs"), None, "latency_slo"),
        (("still_climbing",), None, "latency_slo"),
        (("cut_offs",), None, "cut_offs"),
        (("degraded",), None, "database"),
        (("degraded",), 4_200, "limiter"),
        (("degraded",), 9_000, "database"),
        (("failures",), 4_200, "limiter"),
        (("failures",), None, "failures"),
        (("service_went_away",), None, "service_went_away"),
        (("the generator's cores were busy",), None, "ceiling"),
        ((), None, "ceiling"),
    ],
)
def test_what_broke_in_the_test_names_what_binds(
    bound_by: tuple[str, ...], limiter_rps: float | None, expected: str, measured: Build
) -> None:
    assert first_to_break(measured(bound_by=bound_by, limiter_rps=limiter_rps)) == expected


def test_a_smaller_usable_share_may_turn_go_into_go_if(digest: Campaign, judged: Build) -> None:
    assert judged(digest, judging=Judging(usable_share=0.2)).campaigns[0].advised_limit_per_min == 10_000


def test_a_line_that_is_on_now_is_not_planned_above(digest: Campaign, judged: Build) -> None:
    judgement = judged(digest, running=replace(RUNNING, limiter_rps=500))
    assert (judgement.ceiling.usable_rps, judgement.ceiling.breaks) == (500, "limiter")
    assert (judgement.verdict, judgement.campaigns[0].advised_limit_per_min) == ("GO_IF", 10_000)
    assert judgement.campaigns[0].binding is not None
    assert judgement.campaigns[0].binding.code == "limiter"


@pytest.mark.parametrize("soak_calls", [3_000, 72_000, None])
def test_enough_calls_of_a_soak_or_a_file_that_does_not_tell_them_hold(
    soak_calls: int | None, digest: Campaign, judged: Build, measured: Build
) -> None:
    assert judged(digest, tests=[measured(soak_calls=soak_calls)], running=RUNNING).verdict == "GO"


def test_a_test_that_is_dated_ahead_decides_nothing(digest: Campaign, judged: Build, measured: Build) -> None:
    ahead = measured(evidence_id="lt-2030", ended_at=NOW + timedelta(days=1_137))
    assert codes(judged(digest, tests=[ahead], running=RUNNING)) == ["evidence_ahead"]
    assert judged(digest, tests=[ahead, measured()], running=RUNNING).ceiling.evidence_id == "lt-1120"


def of_evidence(judgement: Judgement) -> dict[str, dict[str, object]]:
    """The notes on the load test that decides."""
    kinds = {"note_same_machine", "note_other_host", "note_uncommitted", "note_short_soak"}
    return {note.code: dict(note.numbers) for note in judgement.notes if note.code in kinds}


@pytest.mark.parametrize(
    ("change", "code", "numbers"),
    [
        ({"same_machine": True}, "note_same_machine", {}),
        ({"git_dirty": True}, "note_uncommitted", {}),
        (
            {"host": "staging.example"},
            "note_other_host",
            {"measured": "staging.example", "called": "jobs.example", "names": ("digest",)},
        ),
    ],
)
def test_what_a_load_test_was_like_is_noted_and_decides_nothing(
    change: dict[str, Any],
    code: str,
    numbers: dict[str, object],
    digest: Campaign,
    judged: Build,
    measured: Build,
) -> None:
    called = replace(digest, name="digest", host="jobs.example")
    assert of_evidence(judged(called, tests=[measured(host="jobs.example")], running=RUNNING)) == {}
    found = judged(called, tests=[measured(**({"host": "jobs.example"} | change))], running=RUNNING)
    assert (found.verdict, of_evidence(found)) == ("GO", {code: numbers})


def test_a_send_far_longer_than_the_soak_is_noted(campaign: Build, judged: Build, measured: Build) -> None:
    """90,000 at 500 a minute take three hours; 60,900 calls at 4,060 a second are 15 seconds."""
    long = campaign(90_000, limit_per_min=500, name="digest")
    (numbers,) = of_evidence(judged(long, tests=[measured(soak_calls=60_900)])).values()
    assert (numbers["name"], numbers["hours"]) == ("digest", 3.0)
    assert of_evidence(judged(long, tests=[measured(soak_calls=4_060 * 200)])) == {}


def test_a_send_that_counts_on_more_instances_is_judged_by_the_test_of_so_many(
    campaign: Build, judged: Build, measured: Build
) -> None:
    """25,000 a minute are 834 calls/s, and 70 % of 1,000 are not enough for it; of 4,000 they are."""
    of_one = measured(1_000, evidence_id="of one")
    of_four = measured(4_000, evidence_id="of four", instances=4, ended_at=MEASURED_AT - timedelta(days=9))
    wanted = campaign(300_000, limit_per_min=25_000, burst=Range.exactly(2), instances=4, name="on four")
    alone = judged(wanted, tests=[of_one, of_four], running=RUNNING)
    assert (alone.verdict, alone.ceiling.evidence_id) == ("GO", "of four")

    plain = campaign(3_000, limit_per_min=1_000, name="as it is")
    both = judged(plain, wanted, tests=[of_one, of_four], running=RUNNING)
    assert (both.verdict, both.ceiling.evidence_id) == ("GO", "of one")
    assert [note.numbers["names"] for note in both.notes if note.code == "note_other_instances"] == [
        ("on four",)
    ]

    stale = replace(of_four, ended_at=NOW - timedelta(days=90))
    (found,) = judged(wanted, tests=[of_one, stale], running=RUNNING).campaigns
    assert (found.verdict, found.binding.code) == ("RETEST", "instances_unmeasured")
