"""Plans and traces, and real replies as the send model books them."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.simulation.service import Answer
from loadtest.errors import LoadtestError
from loadtest.generator.response_check import CallResult
from loadtest.rehearsal.offer_calls import as_answer, in_proportion, outcome
from loadtest.rehearsal.plans import read_plan_file, read_trace
from loadtest.rehearsal.record import duration

PLAN = """
time_zone = "Asia/Seoul"
[[campaigns]]
name = "weekly"
kind = "rate_limited"
at = 2026-11-23T09:00:00
audience = 1500
limit_per_min = 1000
calls_per_recipient = 2
"""


def test_a_plan_is_a_trace_of_the_send_models_calls(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    trace = read_trace(path)
    assert len(trace) == 120
    assert (sum(trace[:60]), sum(trace[60:])) == (2000, 1000)


def test_a_listed_trace_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("10\n\n0\n2.5\n")
    assert read_trace(path) == [10, 0, 2.5]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("trace.txt", "10\nmany\n", "Line 2 of the trace {path} is no number of calls: 'many'."),
        ("trace.txt", "-1", "Line 1 of the trace {path} is no number of calls: '-1'."),
        ("trace.txt", "inf", "Line 1 of the trace {path} is no number of calls: 'inf'."),
        (
            "trace.txt",
            "",
            "The trace {path} is empty: write the calls of each second into it, one number a line.",
        ),
        (
            "plan.toml",
            PLAN.replace("1500", "0"),
            "{path}: the plan makes no calls; give a campaign an audience.",
        ),
        ("plan.toml", PLAN.replace("weekly", ""), "{path}: campaigns[1]: name"),
    ],
)
def test_a_wrong_trace_or_plan_is_refused(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(LoadtestError) as refused:
        read_trace(path)
    assert str(refused.value).startswith(sentence.format(path=path))


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadtestError) as refused:
        read_plan_file(tmp_path / "plan.toml")
    assert (
        str(refused.value) == f"The plan {tmp_path / 'plan.toml'} cannot be read (No such file or directory)."
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (CallResult(), "ok"),
        (CallResult(None, "postgres"), "degraded"),
        (CallResult("cut_off"), "cut_off"),
        (CallResult("status_503"), "503"),
        (CallResult("refused"), "599"),
        (CallResult("redirect"), "302"),
        (CallResult("vetoed_posting"), "ok"),  # to Braze a 2xx is a success, whatever a member reads
        (CallResult("malformed"), "ok"),
    ],
)
def test_a_reply_is_booked_as_braze_sees_it(result: CallResult, expected: str) -> None:
    assert outcome(result) == expected


@given(
    st.dictionaries(st.sampled_from(["ok", "degraded", "cut_off", "503"]), st.integers(0, 40)),
    st.integers(0, 5000),
)
def test_replies_scale_to_planned_calls_without_losing_one(seen: dict[str, int], calls: int) -> None:
    shares = Counter(seen)
    whole = in_proportion(shares, calls)
    assert whole.total() == calls
    assert as_answer(whole).total() == calls
    total = shares.total()
    for name, count in shares.items():
        if total:
            assert abs(whole[name] - calls * count / total) < 1


def test_outcomes_become_the_send_models_answer() -> None:
    assert as_answer(Counter({"ok": 5, "degraded": 2, "cut_off": 1, "503": 3})) == Answer(
        ok=5, degraded=2, cut_off=1, failed={503: 3}
    )


def test_durations_read_like_durations() -> None:
    assert [duration(seconds) for seconds in (None, 59, 600, 3661)] == [
        "never",
        "0 min 59 s",
        "10 min 00 s",
        "1 h 01 min 01 s",
    ]
