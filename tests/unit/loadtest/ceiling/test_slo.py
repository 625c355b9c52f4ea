"""The pass line: held, broke or open, and never by chance."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.ceiling import slo
from loadtest.ceiling.slo import PassLine, judge, read_pass_line
from loadtest.errors import LoadtestError
from loadtest.generator.stats import LoadStats

LINE = read_pass_line()


def stats(*seconds: Sequence[float | str], repeat: int = 1) -> LoadStats:
    """A load phase: for each second its calls, a latency in seconds, a failure's name or `~reason` of a degraded answer."""
    measured = LoadStats(inside_s=LINE.latency_ms / 1000)
    for at, calls in enumerate(seconds):
        for call in [*calls] * repeat:
            name = call if isinstance(call, str) else ""
            measured.record(
                meant_s=at,
                latency_s=0.01 if name else float(call),
                service_s=0.01,
                failure=name if name and not name.startswith("~") else None,
                degraded=name[1:] if name.startswith("~") else None,
            )
    return measured


def decisions(measured: LoadStats) -> dict[str, str]:
    """Each line's decision."""
    return {finding.line: finding.decision for finding in judge(measured, LINE).findings}


def test_the_published_pass_line_is_the_default() -> None:
    assert (
        PassLine(
            latency_ms=500,
            latency_share=0.99,
            cut_off_share=0.0001,
            cut_off_min_calls=30_000,
            failure_share=0.001,
            degraded_share=0.01,
            confidence=0.95,
        )
        == LINE
    )


def test_many_quick_calls_hold_every_line() -> None:
    held = judge(stats([0.01] * 400, repeat=10), LINE)
    assert (held.decision, held.at_last, held.broken) == ("held", "held", ())


def test_few_quick_calls_leave_the_failure_line_open_and_count_as_held_at_last() -> None:
    few = judge(stats([0.01] * 200), LINE)
    assert (few.decision, few.at_last) == ("open", "held")


def test_slow_calls_break_the_latency_line() -> None:
    broke = judge(stats(*[[0.01] * 90 + [0.6] * 10] * 10), LINE)
    assert (broke.decision, broke.broken) == ("broke", ("latency",))


def test_a_quick_failure_is_not_inside_the_latency_line() -> None:
    assert judge(stats(["status_503"] * 50 + [0.01] * 950), LINE).broken == ("failures", "latency")


def test_slow_calls_that_share_one_second_are_not_proof_against_a_rate() -> None:
    # 40 slow calls of 2,000, all in one of ten seconds: independent they would break 1 %, together they decide nothing.
    together = stats(*[[0.01] * 200] * 9, [0.6] * 40 + [0.01] * 160)
    spread = stats(*[[0.01] * 196 + [0.6] * 4] * 10)
    assert decisions(together)["latency"] == "open"
    assert decisions(spread)["latency"] == "broke"


def test_cut_offs_are_judged_on_enough_calls_only() -> None:
    assert decisions(stats([*[0.01] * 9_999, "cut_off"]))["cut_offs"] == "held"
    assert decisions(stats([*[0.01] * 29_997, *["cut_off"] * 3]))["cut_offs"] == "held"
    assert decisions(stats([*[0.01] * 29_996, *["cut_off"] * 4]))["cut_offs"] == "broke"
    assert decisions(stats([*[0.01] * 990, *["cut_off"] * 10]))["cut_offs"] == "broke"


def test_degraded_answers_are_usable_and_counted_apart() -> None:
    measured = stats([*[0.01] * 900, *["~postgres"] * 100])
    assert judge(measured, LINE).broken == ("degraded",)
    assert (measured.failed, dict(measured.degraded), measured.inside) == (0, {"postgres": 100}, 1000)


def test_a_queue_that_still_grows_is_no_held_line() -> None:
    growing = stats(*[[0.02 * second] * 300 for second in range(1, 12)])
    judged = judge(growing, LINE)
    assert (judged.decision, judged.at_last, judged.broken) == ("open", "broke", ("still_climbing",))


@given(st.lists(st.floats(0.1, 0.12), min_size=6, max_size=30))
def test_latency_that_wavers_is_not_climbing(means: list[float]) -> None:
    assert not slo.is_climbing(stats(*[[mean] for mean in means]))


@given(st.integers(0, 300), st.integers(1, 300), st.floats(1, 20))
def test_the_interval_holds_the_share_and_widens_with_the_design_effect(
    bad: int, more: int, effect: float
) -> None:
    calls = bad + more
    low, high = slo.interval(bad, calls, confidence=0.95)
    wider_low, wider_high = slo.interval(bad, calls, confidence=0.95, effect=effect)
    assert 0 <= wider_low <= low + 1e-12
    assert low <= bad / calls <= high
    assert high - 1e-12 <= wider_high <= 1


def test_the_interval_is_clopper_and_pearsons() -> None:
    # Textbook value: 4 of 20 at 95 % two-sided is 0.0573 to 0.4366.
    assert slo.interval(4, 20, confidence=0.975) == pytest.approx((0.0573, 0.4366), abs=1e-4)


def test_a_step_far_over_the_line_is_hopeless_early() -> None:
    assert slo.is_hopeless(stats([0.9] * 150, [0.9] * 150, [0.9] * 150), LINE)
    assert not slo.is_hopeless(stats([0.9] * 50), LINE)
    assert not slo.is_hopeless(stats([0.01] * 150 + [0.9] * 5), LINE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "The pass line {path} cannot be read (No such file or directory)."),
        ("latency_ms =", "The pass line {path} is not right: "),
        (f"latency_ms = {'[' * 5_000}", "The pass line {path} is not right: "),
        (f"latency_ms = {'9' * 5_000}", "The pass line {path} is not right: "),
        (
            "latency_ms = 500",
            "The pass line {path} is not right: Object missing required field `latency_share`",
        ),
        ("latency = 500", "The pass line {path} is not right: Object contains unknown field `latency`"),
    ],
)
def test_a_wrong_pass_line_is_refused(tmp_path: Path, text: str | None, sentence: str) -> None:
    path = tmp_path / "line.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LoadtestError) as refused:
        read_pass_line(path)
    assert str(refused.value).startswith(sentence.format(path=path))
