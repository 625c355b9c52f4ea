"""Ceilings at several sizes, fitted."""

from pathlib import Path

import pytest

from loadtest.errors import LoadtestError
from loadtest.scaling import Law, Point, describe, fit, read_points

LAW = Law(single_rps=400, sigma=0.05, kappa=0.01)


def measured(law: Law, *sizes: int, noise: float = 0.0) -> list[Point]:
    """Points that a law would give, alternately too high and too low by `noise`."""
    heights = [law.rps(size) * (1 + noise * (-1) ** size) for size in sizes]
    return [Point(size, rps, 0.97 * rps, 1.03 * rps) for size, rps in zip(sizes, heights, strict=True)]


def test_the_fit_finds_the_law_that_made_the_points() -> None:
    found = fit(measured(LAW, 1, 2, 3, 4, 6, 8)).law
    assert (found.single_rps, found.sigma, found.kappa) == pytest.approx((400, 0.05, 0.01), rel=0.01)
    assert found.peak == pytest.approx(9.75, rel=0.01)


def test_the_interval_holds_the_truth_when_points_are_noisy() -> None:
    scaling = fit(measured(LAW, 1, 2, 3, 4, 6, noise=0.02))
    for size in (1, 2, 4, 6, 8):
        low, high = scaling.interval(size)
        assert 0.97 * low < LAW.rps(size) < 1.03 * high


def test_the_seed_decides_the_bootstrap() -> None:
    points = measured(LAW, 1, 2, 3)
    assert fit(points, seed=3) == fit(points, seed=3)
    assert fit(points, seed=3).interval(6) != fit(points, seed=4).interval(6)


def test_the_number_of_instances_is_the_smallest_that_surely_does() -> None:
    scaling = fit(measured(LAW, 1, 2, 3, 4))
    size = scaling.size_for(900)
    assert scaling.interval(size)[0] >= 900 > scaling.interval(size - 1)[0]


def test_it_refuses_to_speak_of_more_than_twice_what_was_measured() -> None:
    scaling = fit(measured(LAW, 1, 2, 3))
    assert scaling.interval(6)
    with pytest.raises(LoadtestError) as refused:
        scaling.interval(7)
    assert (
        str(refused.value)
        == "7 is more than 2 times the largest measured size, 3: measure at 4 or more first."
    )
    with pytest.raises(LoadtestError, match=r"100000 calls/s is more than 6 of these surely do \(\d+\)"):
        scaling.size_for(100_000)


def test_two_sizes_are_too_few() -> None:
    with pytest.raises(LoadtestError) as refused:
        fit(measured(LAW, 1, 2))
    assert str(refused.value) == "The law has three unknowns and 2 sizes were given: measure at 3 or more."


def test_the_answer_names_peak_sizes_and_the_wanted_number() -> None:
    text = describe(fit(read_points(["1=400", "2=757", "4=1255", "8=1670"])), wanted_rps=1150)
    first, *_, last = text.splitlines()
    assert first.startswith("One does 4")
    assert "it peaks at" in first
    assert last == "1150 calls/s need 4."
    assert "16: " in text
    assert "not measured" in text


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("400", "'400' is no measured point: write SIZE=CALLS_PER_SECOND or SIZE=EVIDENCE.json."),
        ("0=400", "'0=400' is no measured point"),
        ("1=", "'1=' is no measured point"),
        ("1=-4", "'1=-4': a ceiling is a number of calls/s above 0."),
        ("1=nan", "'1=nan': a ceiling is a number of calls/s above 0."),
        ("1=none.json", "The evidence none.json cannot be read (No such file or directory)."),
    ],
)
def test_a_word_that_is_no_point_is_refused(
    word: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LoadtestError) as refused:
        read_points([word])
    assert str(refused.value).startswith(sentence)
