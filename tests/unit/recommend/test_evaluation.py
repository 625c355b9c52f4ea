"""Measures of lists, against figures worked out by hand."""

import numpy as np
import pytest

from app.recommend.evaluation import RankedList, compare, evaluate, repeat_share

HELD_OUT = {"a": {"x"}, "b": {"y", "z"}, "c": {"x"}}
SERVED = {
    "a": RankedList(["x", "q"], "personalized"),
    "b": RankedList(["q", "y", "r"], "profile"),
}


def values(catalogue_size: int = 10) -> dict[str, float]:
    found = evaluate(SERVED, HELD_OUT, catalogue_size=catalogue_size, ks=(1, 2))
    return {name: metric.value for name, metric in found.metrics.items()}


def test_recall_ndcg_and_mrr_are_means_over_members_and_no_list_counts_zero() -> None:
    best_of_two = 1 + 1 / np.log2(3)
    assert values() == pytest.approx(
        {
            "mrr": (1 + 1 / 2 + 0) / 3,
            "recall@1": 1 / 3,
            "ndcg@1": 1 / 3,
            "recall@2": (1 + 1 / 2) / 3,
            "ndcg@2": (1 + (1 / np.log2(3)) / best_of_two) / 3,
            "coverage@10": 4 / 10,
            "gini@10": 0.66,
            "most_exposed@10": 2 / 3,
        },
        abs=1e-6,
    )


def test_gini_is_the_mean_difference_of_exposure_over_twice_its_mean() -> None:
    exposure = np.array([1, 2, 1, 1, 0, 0, 0, 0, 0, 0])
    by_hand = np.abs(exposure[:, None] - exposure).mean() / (2 * exposure.mean())
    assert values()["gini@10"] == pytest.approx(by_hand, abs=1e-6)


def test_sources_are_shares_of_the_members_measured() -> None:
    assert evaluate(SERVED, HELD_OUT, catalogue_size=10).sources == {
        "none": 1 / 3, "personalized": 1 / 3, "profile": 1 / 3,
    }  # fmt: skip


def test_an_interval_holds_its_value_and_narrows_with_members() -> None:
    def width(members: int) -> float:
        served = {str(each): RankedList(["x"] if each % 2 else ["y"], "popular") for each in range(members)}
        found = evaluate(served, {each: {"x"} for each in served}, catalogue_size=2).metrics["recall@5"]
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(1_000) < width(50) / 3


def test_a_paired_difference_of_equal_lists_is_nothing_and_of_better_ones_above_nothing() -> None:
    same = compare(SERVED, SERVED, HELD_OUT)
    assert {(each.value, each.low, each.high) for each in same.values()} == {(0.0, 0.0, 0.0)}
    held_out = {str(each): {"x"} for each in range(200)}
    good = {each: RankedList(["x"] if int(each) % 4 else ["y"], "a") for each in held_out}
    poor = {each: RankedList(["x"] if int(each) % 2 else ["y"], "a") for each in held_out}
    gain = compare(good, poor, held_out)["recall@5"]
    assert gain.value == pytest.approx(0.25)
    assert gain.low > 0


def test_nothing_held_out_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        ValueError, match=r"^There is nothing to measure: no member has a held-out posting\.$"
    ):
        evaluate(SERVED, {}, catalogue_size=10)


def test_what_was_shown_before_and_ignored_is_counted_by_job_in_the_first_ten_places() -> None:
    job_of = {f"p{number}": number for number in range(20)} | {"again": 0}
    served = {
        "mailed": RankedList([f"p{number}" for number in range(20)], "personalized"),
        "again": RankedList(["again", "p1"], "personalized"),
        "never": RankedList(["p0", "unknown"], "popular"),
    }
    share = repeat_share(served, {"mailed": {3, 4, 15}, "again": {0}, "gone": {1}}, job_of)
    assert share.to_json() == {"mailed": 2, "places": 14, "ignored": 3 / 14}
    assert repeat_share({}, {}, {}).to_json() == {"mailed": 0, "places": 0, "ignored": 0}
