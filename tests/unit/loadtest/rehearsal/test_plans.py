"""Plans and traces, and real replies as the send model books them."""

from pathlib import Path

import pytest

from loadtest.errors import LoadtestError
from loadtest.rehearsal.plans import read_plan_file, read_trace

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
    # At burst 2 a full minute has started half of its messages within 19 s: so long the last 500 take.
    assert len(trace) == 60 + 19
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
