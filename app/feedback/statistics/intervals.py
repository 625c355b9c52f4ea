"""Intervals for the difference between two arms: at the planned end, and safe to look at while the experiment runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, copysign, cos, exp, inf, log, pi, sqrt
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.feedback.statistics.sums import Sums

Method = Literal["score", "welch", "gavi"]
ALPHA: Final = 0.05
TUNING: Final = 5_000  # members in both arms at which a running interval is narrowest beside the fixed one
_FEWEST: Final = 2  # members of an arm that have a variance
_NOTHING_LARGER: Final = 1e-12
_INSIDE: Final = 1e-10  # at its ends a share's likelihood has no slope


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with the interval around it."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether there is a difference, so far as the interval says."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An arm less the control.

    Attributes:
        absolute: Of the means: outcomes per member.
        relative: The same as a share of the control's mean; None where the control has no outcome, or too few for
            an interval of a ratio.
        p_value: Of "no difference"; None for an interval that may be looked at any time.
        method: How the interval is made.
        alpha: One less its coverage: 0.05, or less where several arms share the chance of a false alarm.
    """

    absolute: Interval
    relative: Interval | None
    p_value: float | None
    method: Method
    alpha: float


def score(control: Sums, arm: Sums, *, alpha: float = ALPHA) -> Difference | None:
    """Compare two shares by their score intervals; None where an arm has nobody.

    The difference's interval is Mee's (1984), the ratio's Koopman's (1984): all values that a score test, with both
    shares fitted under that value, does not refuse. The two agree on whether there is a difference. Rejected: Wald's
    interval, which is too short for rare outcomes.
    """
    if not control.members or not arm.members:
        return None
    from scipy.stats import norm  # noqa: PLC0415 - a second to import, which the planner's start has no need of

    one, other = _SharedOutcome(arm), _SharedOutcome(control)
    z = float(norm.isf(alpha / 2))
    difference = one.share - other.share
    absolute = Interval(
        value=difference,
        low=_edge(lambda value: _difference_score(one, other, value) - z, -1.0, difference),
        high=_edge(lambda value: _difference_score(one, other, value) + z, difference, 1.0),
    )
    p_value = 2 * float(norm.sf(abs(_difference_score(one, other, 0.0))))
    return Difference(
        absolute=absolute, relative=_ratio(one, other, z), p_value=p_value, method="score", alpha=alpha
    )


class _SharedOutcome:
    """A share of an arm's members."""

    def __init__(self, sums: Sums) -> None:
        self.members, self.having = sums.members, sums.y
        self.share = sums.y / sums.members


def _edge(score_less_z: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling score meets z; the end of the range where it does not."""
    inner_low, inner_high = low + _INSIDE, high - _INSIDE
    if inner_low >= inner_high or score_less_z(inner_low) <= 0:
        return low
    if score_less_z(inner_high) >= 0:
        return high
    from scipy.optimize import brentq  # noqa: PLC0415 - a second to import, which the planner's start has no need of

    return float(brentq(score_less_z, inner_low, inner_high, xtol=1e-12))


def _difference_score(one: _SharedOutcome, other: _SharedOutcome, value: float) -> float:
    """The score of "one's share is the other's plus value"; both shares are fitted under it."""
    fitted = _fitted(one, other, value)
    ours = min(max(fitted + value, 0.0), 1.0)
    variance = ours * (1 - ours) / one.members + fitted * (1 - fitted) / other.members
    gap = one.share - other.share - value
    return gap / sqrt(variance) if variance > _NOTHING_LARGER**2 else (0.0 if gap == 0 else inf * gap)


def _fitted(one: _SharedOutcome, other: _SharedOutcome, value: float) -> float:
    """The other's likeliest share where one's is `value` more: the root of a cubic (Miettinen and Nurminen 1985)."""
    members, having = one.members + other.members, one.having + other.having
    third = 3 * members
    square = (one.members + 2 * other.members) * value - members - having
    linear = (other.members * value - members - 2 * other.having) * value + having
    constant = other.having * value * (1 - value)
    q = (square / third) ** 3 - linear * square / (6 * members**2) + constant / (2 * members)
    p = copysign(sqrt(max((square / third) ** 2 - linear / third, 0.0)), q)
    angle = (pi + acos(min(max(q / p**3, -1.0), 1.0))) / 3 if p else 0.0
    root = 2 * p * cos(angle) - square / third
    return min(max(root, 0.0, -value), 1.0, 1.0 - value)


def _ratio(one: _SharedOutcome, other: _SharedOutcome, z: float) -> Interval | None:
    """The ratio of two shares less one."""
    if not other.having:
        return None
    ratio = one.share / other.share

    def less_z(logarithm: float) -> float:
        return _ratio_score(one, other, exp(logarithm)) - z

    def plus_z(logarithm: float) -> float:
        return _ratio_score(one, other, exp(logarithm)) + z

    middle, far = log(ratio) if ratio else -30.0, 30.0
    low = exp(_edge(less_z, -far, middle)) if ratio else 0.0
    high = exp(_edge(plus_z, middle, far))
    return Interval(value=ratio - 1, low=low - 1, high=high - 1)


def _ratio_score(one: _SharedOutcome, other: _SharedOutcome, ratio: float) -> float:
    """The score of "one's share is `ratio` times the other's"; Koopman's closed fit of the other's share."""
    members = one.members + other.members
    a = members * ratio
    b = -(one.members * ratio + one.having + other.members + other.having * ratio)
    c = one.having + other.having
    fitted = (-b - sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
    scaled = min(ratio * fitted, 1.0)
    variance = scaled * (1 - scaled) / one.members + ratio**2 * fitted * (1 - fitted) / other.members
    gap = one.share - ratio * other.share
    return gap / sqrt(variance) if variance > 0 else (0.0 if gap == 0 else inf * gap)


def welch(control: Sums, arm: Sums, *, alpha: float = ALPHA) -> Difference | None:
    """Compare two means without taking their variances for equal (Welch 1947); None with fewer than two members."""
    if min(control.members, arm.members) < _FEWEST:
        return None
    parts = [max(one.variance, 0.0) / one.members for one in (arm, control)]
    variance = sum(parts)
    if variance <= 0:
        return None
    from scipy.stats import t, ttest_ind_from_stats  # noqa: PLC0415 - a second to import, which the planner's start has no need of

    degrees = variance**2 / sum(
        part**2 / (one.members - 1) for part, one in zip(parts, (arm, control), strict=True)
    )
    tested = ttest_ind_from_stats(
        arm.mean, sqrt(max(arm.variance, 0.0)), arm.members,
        control.mean, sqrt(max(control.variance, 0.0)), control.members, equal_var=False,
    )  # fmt: skip
    half = float(t.isf(alpha / 2, degrees)) * sqrt(variance)
    return _around(control, arm, half, p_value=float(tested.pvalue), method="welch", alpha=alpha)


def gavi(control: Sums, arm: Sums, *, alpha: float = ALPHA, tuning: int = TUNING) -> Difference | None:
    """Compare two means by an interval that holds at every look at once; None with fewer than two members.

    The generalised always-valid inference of Howard et al. (2021), the mixture of normals, in the form for a difference
    of two arms with estimated variances. With v the variance of the difference and N the members of both arms:
    V = v N^2, rho = v N S / (2 ln(1/a) + ln(1 + 2 ln(1/a))), and the half width is
    sqrt((V + rho) ln((V + rho) / (rho a^2))) / N. In the last logarithm rho is *multiplied* by a^2: with a sum there, as
    some print it, three of four experiments without a difference raise a false alarm.

    Args:
        control: The control's sums.
        arm: The arm's.
        alpha: The chance of a false alarm over all looks together.
        tuning: S, the number of members in both arms at which the interval is narrowest beside a fixed one's.
    """
    if min(control.members, arm.members) < _FEWEST:
        return None
    variance = max(arm.variance, 0.0) / arm.members + max(control.variance, 0.0) / control.members
    if variance <= 0:
        return None
    half = always_valid_half_width(variance, control.members + arm.members, alpha=alpha, tuning=tuning)
    return _around(control, arm, half, p_value=None, method="gavi", alpha=alpha)


def always_valid_half_width(variance: float, members: int, *, alpha: float, tuning: int) -> float:
    """Half the width of `gavi`'s interval, from the variance of the difference and the members of both arms."""
    total = variance * members**2
    log_alpha = -2 * log(alpha)
    rho = variance * members * tuning / (log_alpha + log(1 + log_alpha))
    return sqrt((total + rho) * (log((total + rho) / rho) + log_alpha)) / members


def _around(
    control: Sums, arm: Sums, half: float, *, p_value: float | None, method: Method, alpha: float
) -> Difference:
    value = arm.mean - control.mean
    return Difference(
        absolute=Interval(value=value, low=value - half, high=value + half),
        relative=relative(control, arm, half),
        p_value=p_value,
        method=method,
        alpha=alpha,
    )


def relative(control: Sums, arm: Sums, half: float) -> Interval | None:
    """The ratio of two means less one, with Fieller's (1954) interval; None where the control's mean may be zero.

    `half` is half the width of the difference's interval: it says how many standard errors wide this one is, so that the
    two exclude zero together.
    """
    of_arm, of_control = (max(one.variance, 0.0) / one.members for one in (arm, control))
    variance = of_arm + of_control
    squared = half**2 / variance if variance > 0 else 0.0
    a = control.mean**2 - squared * of_control
    if a <= 0 or control.mean <= 0:
        return None
    b = control.mean * arm.mean
    c = arm.mean**2 - squared * of_arm
    root = sqrt(max(b * b - a * c, 0.0))
    return Interval(value=arm.mean / control.mean - 1, low=(b - root) / a - 1, high=(b + root) / a - 1)
