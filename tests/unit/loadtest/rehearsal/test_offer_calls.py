"""How Braze books the calls of a rehearsal."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.simulation.service import Answer
from loadtest.generator.response_check import CallResult
from loadtest.rehearsal.offer_calls import as_answer, in_proportion, outcome


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
