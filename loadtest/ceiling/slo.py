"""The pass line, and whether a run of calls kept it: held, broke, or still open.

Each line is a share of bad calls with a limit. Chance is kept out by the exact one-sided interval on that share
(Clopper & Pearson 1934), with the number of calls divided by a design effect, because calls of one second share its
fate: the variance of the share between seconds over what independent calls would show (Kish 1965). Rejected:
comparing the measured percentile itself with the limit, which decides a step of 200 calls by two of them.
"""

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

import msgspec
from scipy.special import betaincinv

from loadtest.errors import LoadtestError
from loadtest.generator.stats import LoadStats, SecondCounts

Decision = Literal["held", "broke", "open"]

PASS_LINE_FILE = Path(__file__).with_name("pass_line.toml")
LARGEST_DESIGN_EFFECT = 50.0
CLIMBING_Z = 2.33  # one chance in a hundred
CLIMBING_RATIO = 1.5
SMALLEST_CLIMB = 0.1  # of the pass line's latency
SECONDS_TO_SEE_A_CLIMB = 6
HOPELESS_SHARE = 0.2


class PassLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits; `pass_line.toml` says what each means."""

    latency_ms: float
    latency_share: float
    cut_off_share: float
    cut_off_min_calls: int
    failure_share: float
    degraded_share: float
    confidence: float


def read_pass_line(path: Path = PASS_LINE_FILE) -> PassLine:
    """Read a pass line.

    Raises:
        LoadtestError: the file is missing, is no TOML, or lacks or misspells a limit.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), PassLine)
    except OSError as error:
        raise LoadtestError(f"The pass line {path} cannot be read ({error.strerror}).") from None
    # TOML's and msgspec's own are ValueErrors, and Python's of numbers of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise LoadtestError(
            f"The pass line {path} is not right: {error}. Compare it with {PASS_LINE_FILE}."
        ) from None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the pass line, judged: the share of bad calls, its interval, the limit, the decision.

    `effect` is the design effect: by how much fewer independent calls there were.
    """

    line: str
    share: float
    low: float
    high: float
    limit: float
    calls: int
    decision: Decision
    effect: float = 1.0

    def may_close(self, growth: float, *, confidence: float) -> bool:
        """Whether `growth` times as many calls may still decide it: were the further ones half as bad, or twice."""
        bad = self.share * self.calls
        for worse in (0.5, 2.0):
            later = bad * (1 + worse * (growth - 1))
            calls = self.calls * growth
            low, high = interval(min(later, calls), calls, confidence=confidence, effect=self.effect)
            if low > self.limit or high <= self.limit:
                return True
        return False


@dataclass(frozen=True, kw_only=True)
class StepJudgement:
    """All lines together: broke if one broke, held if all held, else open."""

    findings: tuple[Finding, ...]
    climbing: bool

    @property
    def decision(self) -> Decision:
        """What the intervals decide."""
        decisions = {finding.decision for finding in self.findings}
        if "broke" in decisions:
            return "broke"
        return "open" if "open" in decisions or self.climbing else "held"

    @property
    def at_last(self) -> Literal["held", "broke"]:
        """What is decided when no more calls can be made: an open line by its share, a climb as broken."""
        if self.decision != "open":
            return self.decision
        beyond = any(finding.share > finding.limit for finding in self.findings)
        return "broke" if beyond or self.climbing else "held"

    @property
    def broken(self) -> tuple[str, ...]:
        """Names of the lines that are not kept, the worst first."""
        bad = [finding for finding in self.findings if finding.share > finding.limit]
        names = [finding.line for finding in sorted(bad, key=lambda finding: -finding.share / finding.limit)]
        return (*names, "still_climbing") if self.climbing else tuple(names)

    @property
    def undecided(self) -> tuple[str, ...]:
        """Names of the lines that the calls do not decide."""
        names = [finding.line for finding in self.findings if finding.decision == "open"]
        return (*names, "still_climbing") if self.climbing else tuple(names)


def judge(stats: LoadStats, line: PassLine, *, confidence: float | None = None) -> StepJudgement:
    """Judge a load phase by the pass line, at its confidence or another."""
    calls = stats.calls
    sure = line.confidence if confidence is None else confidence
    slow = _finding(
        "latency",
        calls - stats.inside,
        calls,
        1 - line.latency_share,
        confidence=sure,
        effect=design_effect(stats, lambda second: second.calls - second.inside),
    )
    cut_off = _finding("cut_offs", stats.failures["cut_off"], calls, line.cut_off_share, confidence=sure)
    if cut_off.decision == "open" or calls >= line.cut_off_min_calls:
        # Few calls cannot show so small a share: one that is not plainly broken waits for the soak, and enough
        # calls decide by their share.
        enough_and_over = calls >= line.cut_off_min_calls and cut_off.share > cut_off.limit
        cut_off = msgspec.structs.replace(cut_off, decision="broke" if enough_and_over else "held")
    failed = _finding(
        "failures",
        stats.failed,
        calls,
        line.failure_share,
        confidence=sure,
        effect=design_effect(stats, lambda second: second.failed),
    )
    degraded = _finding(
        "degraded",
        stats.degraded.total(),
        calls,
        line.degraded_share,
        confidence=sure,
        effect=design_effect(stats, lambda second: second.degraded),
    )
    return StepJudgement(findings=(slow, cut_off, failed, degraded), climbing=is_climbing(stats))


def _finding(
    line: str, bad: int, calls: int, limit: float, *, confidence: float, effect: float = 1.0
) -> Finding:
    low, high = interval(bad, calls, confidence=confidence, effect=effect)
    decision: Decision = "broke" if low > limit else "held" if high <= limit else "open"
    share = bad / calls if calls else 0.0
    return Finding(
        line=line, share=share, low=low, high=high, limit=limit, calls=calls, decision=decision, effect=effect
    )


def interval(bad: float, calls: float, *, confidence: float, effect: float = 1.0) -> tuple[float, float]:
    """Clopper and Pearson's bounds for a share, each one-sided, for `calls / effect` independent calls."""
    n, k = calls / effect, bad / effect
    low = float(betaincinv(k, n - k + 1, 1 - confidence)) if bad else 0.0
    high = float(betaincinv(k + 1, n - k, confidence)) if bad < calls else 1.0
    return low, high


def design_effect(stats: LoadStats, bad: Callable[[SecondCounts], int]) -> float:
    """How much more the share of bad calls varies between seconds than if calls were independent; at least 1."""
    lines = [line for line in stats.seconds.values() if line.calls]
    calls, total = sum(line.calls for line in lines), sum(bad(line) for line in lines)
    if len(lines) < 3 or total in (0, calls):  # noqa: PLR2004 - a variance needs a few seconds
        return 1.0
    share = total / calls
    squares = sum((bad(line) - share * line.calls) ** 2 for line in lines)
    between = squares * len(lines) / (len(lines) - 1) / calls**2
    return min(max(between / (share * (1 - share) / calls), 1.0), LARGEST_DESIGN_EFFECT)


def is_climbing(stats: LoadStats) -> bool:
    """Whether latency still rises from second to second: a queue that grows although the line may not be broken yet.

    Calls in flight climb with it, being the rate times the mean latency (Little 1961), so one of them is enough.

    A trend over the seconds (Mann 1945, Kendall 1975), and the last third must be well above the first.
    """
    lines = [stats.seconds[at] for at in sorted(stats.seconds)][:-1]  # the last second is not complete
    means = [line.latency_sum_s / line.calls for line in lines if line.calls]
    if len(means) < SECONDS_TO_SEE_A_CLIMB:
        return False
    third = len(means) // 3
    first, last = sum(means[:third]) / third, sum(means[-third:]) / third
    if last < CLIMBING_RATIO * first or last - first < SMALLEST_CLIMB * stats.inside_s:
        return False
    return trend_z(means) > CLIMBING_Z


def trend_z(values: Sequence[float]) -> float:
    """Mann and Kendall's trend test: how many standard deviations the rises outnumber the falls over all pairs."""
    rises = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    n = len(values)
    return rises / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)


def is_hopeless(stats: LoadStats, line: PassLine, *, after_calls: int = 100) -> bool:
    """Whether a step may be broken off: far over the line, beyond what more calls could mend."""
    if stats.calls < after_calls:
        return False
    slow = stats.calls - stats.inside
    effect = design_effect(stats, lambda second: second.calls - second.inside)
    low, _high = interval(slow, stats.calls, confidence=line.confidence, effect=effect)
    return low > HOPELESS_SHARE


def usable_share(lines: Sequence[SecondCounts]) -> float:
    """Share of calls answered usably in time over some seconds; 0 without calls."""
    calls = sum(line.calls for line in lines)
    return 1 - sum(line.failed for line in lines) / calls if calls else 0.0
