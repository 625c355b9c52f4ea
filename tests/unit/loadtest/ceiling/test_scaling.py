"""Ceilings at several sizes, from the command line and from evidence."""

from pathlib import Path

import pytest

from loadtest.ceiling.scaling import Point, describe, fit, read_points
from loadtest.errors import LoadtestError

POINTS = [Point(size, rps, 0.97 * rps, 1.03 * rps) for size, rps in ((1, 400), (2, 757), (4, 1255))]


def test_two_sizes_are_too_few() -> None:
    with pytest.raises(LoadtestError) as refused:
        fit(POINTS[:2])
    assert str(refused.value) == "The law has three unknowns and 2 sizes were given: measure at 3 or more."


def test_a_number_beyond_twice_what_was_measured_is_refused() -> None:
    with pytest.raises(LoadtestError, match=r"100000 calls/s is more than \d of these surely do \(\d+\)"):
        describe(fit(POINTS), wanted_rps=100_000)


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
