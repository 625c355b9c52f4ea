"""Salaries that suit a role, a career and a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.demo.random_draws import RandomStream
    from app.demo.words import Occupation

# The minimum wage of 2026 (Minimum Wage Commission of Korea): an hour, and what that makes of a full-time year.
LEAST_PER_HOUR = 10_320
_HOURS_PER_MONTH = 209
_MAN = 10_000  # people speak of salaries in 만원
_LEAST_PER_YEAR = 2_600 * _MAN
_LEAST_PER_MONTH = 220 * _MAN

_STATED_BY_THE_YEAR = 0.46  # share of postings that state one; the others say 회사내규에 따름
_STATED_BY_THE_HOUR = 0.92
_STATED_BY_THE_MONTH = 0.75
_LONGEST_SPAN_YEARS = 6


class Salary(NamedTuple):
    """A salary range in a unit such as `KRW/year`; `high` is None where only the lower end is stated."""

    low: int
    high: int | None
    unit: str


def salary(
    role: Occupation, employment: str, years: tuple[float, float], factor: float, rng: RandomStream
) -> Salary | None:
    """The salary that a posting states, or None; `years` is the career asked for, `factor` that of region and company."""
    per_year = (role.pay_start + role.pay_per_year * years[0]) * factor * _MAN
    if employment == "part_time":
        return _hourly(per_year, rng) if rng.chance(_STATED_BY_THE_HOUR) else None
    if role.monthly or employment in {"freelance", "intern"}:
        share = {"freelance": 1.35, "intern": 0.75}.get(employment, 1.0)
        return _monthly(per_year * share, rng) if rng.chance(_STATED_BY_THE_MONTH) else None
    growth = role.pay_per_year * min(years[1] - years[0], _LONGEST_SPAN_YEARS) * factor * _MAN
    return _yearly(per_year, growth, rng) if rng.chance(_STATED_BY_THE_YEAR) else None


def _hourly(per_year: float, rng: RandomStream) -> Salary:
    fair = per_year / (12 * _HOURS_PER_MONTH) * (0.9 + 0.25 * rng.random())
    low = max(LEAST_PER_HOUR, _round(fair, 500))
    more = rng.choice((0, 0, 500, 1_000, 2_000))
    return Salary(low, _round(low + more, 500) if more else None, "KRW/hour")


def _monthly(per_year: float, rng: RandomStream) -> Salary:
    low = max(_LEAST_PER_MONTH, _round(per_year / 12 * (0.95 + 0.1 * rng.random()), 10 * _MAN))
    return Salary(low, low + rng.choice((20, 30, 30, 50, 60)) * _MAN, "KRW/month")


def _yearly(per_year: float, growth: float, rng: RandomStream) -> Salary:
    low = max(_LEAST_PER_YEAR, _round(per_year, 100 * _MAN))
    if rng.chance(0.22):
        return Salary(low, None, "KRW/year")
    high = _round(low * (1.06 + 0.16 * rng.random()) + growth, 100 * _MAN)
    return Salary(low, max(high, low), "KRW/year")


def _round(value: float, step: int) -> int:
    return round(value / step) * step
