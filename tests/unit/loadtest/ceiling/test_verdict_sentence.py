"""The verdict for someone who reads nothing else."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from loadtest.ceiling.search import ResultKind, SearchResult
from loadtest.ceiling.slo import read_pass_line
from loadtest.ceiling.verdict_sentence import sentence, what_next

LINE = read_pass_line()


def result(kind: ResultKind, rps: float, high_rps: float | None, *bound_by: str) -> SearchResult:
    """A search's result."""
    return SearchResult(kind=kind, rps=rps, low_rps=rps, high_rps=high_rps, bound_by=bound_by)


def test_a_ceiling_is_named_with_its_pass_line_and_what_binds_it() -> None:
    assert sentence(result("ceiling", 412.4, 430, "latency"), LINE, ended="finished", soak_calls=40_000) == (
        "The service sustains 412 calls/s (99% usable within 500 ms of the intended time, confirmed by a soak); "
        "at 430 calls/s it is bound by the latency line."
    )


def test_too_few_calls_to_judge_cut_offs_are_confessed() -> None:
    assert sentence(
        result("ceiling", 412, 430, "still_climbing"), LINE, ended="finished", soak_calls=500
    ).endswith(
        "bound by a queue that kept growing. The soak's 500 calls are too few to judge cut-offs at 0.01%."
    )


def test_members_asked_again_are_confessed() -> None:
    found = result("ceiling", 412, 430, "latency")
    assert sentence(found, LINE, ended="finished", soak_calls=40_000, times_asked=2.25).endswith(
        "by the latency line. Each member was asked 2.2 times, so some answers may have come from memory: "
        "export more members (a demo has as many as `demo --members` says)."
    )


def test_a_lower_bound_says_why_it_is_one() -> None:
    found = result("at_least", 700, None, "the generator used 97% of a core")
    assert sentence(found, LINE, ended="finished", soak_calls=40_000) == (
        "The service sustains at least 700 calls/s (99% usable within 500 ms of the intended time, confirmed by a "
        "soak); its ceiling was not reached: the generator used 97% of a core."
    )


def test_an_early_end_is_said() -> None:
    assert sentence(result("unconfirmed", 200, 400, "latency"), LINE, ended="service_lost", soak_calls=0) == (
        "200 calls/s held in a short step, but no soak confirmed it: a soak at 400 calls/s did not hold (the latency line). "
        "The search ended early (service lost)."
    )
    assert sentence(result("none", 0, None), LINE, ended="stopped", soak_calls=0) == (
        "No ceiling was found: nothing was measured. The search ended early (stopped)."
    )
    assert sentence(result("none", 0, 25, "failures"), LINE, ended="finished", soak_calls=0) == (
        "No ceiling was found: no rate held a step; bound by failures."
    )


def test_a_service_that_became_slower_has_no_ceiling() -> None:
    text = sentence(result("unconfirmed", 50, None, "falling"), LINE, ended="finished", soak_calls=9_000)
    assert text.startswith("No ceiling: the service became slower while it was tested. 50 calls/s held")


class Found:
    """What is read of evidence to say what comes next."""

    def __init__(
        self, kind: str, *bound_by: str, ended: str = "finished", complaint: str | None = None
    ) -> None:
        self.verdict, self.ended = SimpleNamespace(kind=kind, bound_by=bound_by), ended
        self.steps = [SimpleNamespace(complaint=complaint)]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found("unconfirmed", "falling"), "look at the service's memory"),
        (Found("unconfirmed"), "search again with nothing else running"),
        (Found("unconfirmed", complaint="late"), "The generator had too little of this machine"),
        (Found("unconfirmed", ended="stopped"), "let it end"),
        (Found("none"), "--start-rps"),
        (Found("none", ended="service_lost"), "Start it and search again"),
    ],
)
def test_a_search_without_a_ceiling_says_what_to_do(found: Any, words: str) -> None:
    assert words in str(what_next(found))


def test_a_ceiling_needs_no_advice() -> None:
    assert what_next(cast("Any", Found("ceiling"))) is None
    assert what_next(cast("Any", Found("at_least"))) is None
