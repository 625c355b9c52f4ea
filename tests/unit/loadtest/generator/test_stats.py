"""Counting calls, and adding counts of several processes."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.generator.stats import Histogram, LoadStats, SecondCounts

CALLS = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.floats(0, 130),
        st.sampled_from([None, "cut_off", "refused"]),
        st.sampled_from([None, "postgres"]),
    ),
    max_size=30,
)
Call = tuple[float, float, str | None, str | None]


def stats(calls: list[Call]) -> LoadStats:
    """Stats of made-up calls."""
    measured = LoadStats(inside_s=0.5)
    for meant_s, latency_s, failure, degraded in calls:
        measured.started += 1
        measured.record(
            meant_s=meant_s, latency_s=latency_s, service_s=latency_s / 2, failure=failure, degraded=degraded
        )
    return measured


@settings(max_examples=40)  # five histograms each
@given(CALLS, CALLS)
def test_two_processes_tallies_add_up_to_one_over_the_wire(ours: list[Call], theirs: list[Call]) -> None:
    total, whole = stats(ours), stats(ours + theirs)
    total.add(LoadStats.from_message(stats(theirs).to_message()))
    assert (total.calls, total.started, total.inside) == (whole.calls, whole.started, whole.inside)
    assert (total.failures, total.degraded, total.answered) == (
        whole.failures,
        whole.degraded,
        whole.answered,
    )
    assert total.latency.percentiles_ms() == whole.latency.percentiles_ms()
    assert {at: line.calls for at, line in total.seconds.items()} == {
        at: line.calls for at, line in whole.seconds.items()
    }


def test_the_next_message_comes_after_those_of_the_process_that_is_ahead() -> None:
    ahead, behind = LoadStats(inside_s=0.5, messages=50, next_message=100), LoadStats(inside_s=0.5)
    behind.add(LoadStats.from_message(ahead.to_message()))
    behind.add(LoadStats(inside_s=0.5, messages=40, next_message=79))
    assert (behind.messages, behind.next_message) == (90, 100)


def test_a_call_counts_in_the_second_in_which_it_was_meant_to_start() -> None:
    measured = stats([(3.9, 1.5, None, None), (4.0, 0.1, None, "postgres"), (4.5, 0.1, "refused", None)])
    assert measured.seconds == {
        3: SecondCounts(calls=1, latency_sum_s=1.5),
        4: SecondCounts(calls=2, inside=1, failed=1, degraded=1, latency_sum_s=0.2),
    }
    assert (measured.failures, measured.inside) == (Counter(refused=1), 1)


def test_an_answer_counts_in_the_second_in_which_it_came_and_not_after_the_end() -> None:
    measured = stats(
        [(0.2, 0.1, None, None), (0.4, 1.9, None, None), (1.2, 0.2, None, None), (1.3, 0.1, "refused", None)]
    )
    assert measured.answered == {0: 1, 1: 1, 2: 1}
    assert [measured.answered_rps(seconds) for seconds in (0.4, 1.0, 2.4, 3.0)] == [1, 1, 1, 1]


def test_percentiles_are_true_to_three_digits() -> None:
    times = Histogram()
    for millisecond in range(1, 1001):
        times.record(millisecond / 1000)
    measured = times.percentiles_ms()
    for name, exact in {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "p100": 1000}.items():
        assert abs(measured[name] - exact) <= exact / 1000


def test_a_histogram_survives_its_text_and_its_buckets_hold_every_call() -> None:
    times = Histogram()
    for millisecond in (1, 3, 3, 500, 999_999):
        times.record(millisecond / 1000)
    again = Histogram(times.encoded())
    assert again.percentiles_ms() == times.percentiles_ms()
    assert sum(count for _, count in again.buckets_ms()) == 5
    assert Histogram().percentiles_ms() == {}
