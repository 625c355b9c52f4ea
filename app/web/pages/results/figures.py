"""The figures of results, with tables of the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.capacity.formats import NONE, number, percent
from app.feedback.results.experiment import Conclusion
from app.web.pages.charts.figures import Figure, Plot
from app.web.pages.charts.results import NARROW_BARS, WIDE_BARS, IntervalRow, intervals, rate_bars
from app.web.pages.charts.svg import NARROW, WIDE
from app.web.pages.language import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.feedback.results.campaign import ClickRate
    from app.feedback.results.experiment import ArmComparison, ExperimentResult
    from app.feedback.statistics.intervals import Difference

_MARKS = {
    Conclusion.BETTER: "go",
    Conclusion.WORSE: "if",
    Conclusion.HARMFUL: "no_go",
}


def mark_of(found: ExperimentResult) -> str:
    """How an experiment's sentence is painted."""
    if found.withheld:
        return "no_go"
    marks = [_MARKS.get(one.conclusion, "unknown") for one in found.comparisons]
    return next((mark for mark in ("no_go", "go", "if") if mark in marks), "unknown")


def difference_figure(found: ExperimentResult) -> Figure | None:
    """Each arm's differences as shares of the control, with their intervals; None where there is none to draw."""
    rows = [(one, name, difference) for one in found.comparisons for name, difference in _metrics(one)]
    drawn = [
        IntervalRow(
            name=name if len(found.comparisons) == 1 else f"{one.arm}: {name}",
            value=relative.value,
            low=relative.low,
            high=relative.high,
            role=_role(relative.low, relative.high),
        )
        for one, name, difference in rows
        if difference is not None and (relative := difference.relative) is not None
    ]
    if not drawn:
        return None
    alpha = next(one.alpha for _of, _metric, one in rows if one is not None)
    name = _("Differences from the control as shares of it, each with its interval.")
    return Figure(
        plots=[
            Plot(
                wide=intervals(drawn, name=name, size=WIDE),
                narrow=intervals(drawn, name=name, size=NARROW),
            )
        ],
        legend=[
            ("interval above", _("More than the control")),
            ("interval below", _("Less")),
            ("interval unsure", _("May be no difference")),
        ],
        columns=(
            _("Arm"),
            _("Number"),
            _("Difference"),
            _("Interval, %(percent)s", percent=f"{100 * (1 - alpha):.3g}%"),
        ),
        rows=[(one.arm, metric, *_written(difference)) for one, metric, difference in rows],
    )


def _role(low: float, high: float) -> str:
    return "above" if low > 0 else "below" if high < 0 else "unsure"


def _metrics(one: ArmComparison) -> Iterator[tuple[str, Difference | None]]:
    yield _("People who clicked"), one.clicked
    if one.decisive is not one.applied:  # else it was counted before the two were told apart
        yield _("Applied to what they clicked"), one.decisive
    yield _("Applied, on any ground"), one.applied
    yield _("Applications a member"), one.applications
    yield _("Applied at all"), one.applied_anyway


def _written(difference: Difference | None) -> tuple[str, str]:
    if difference is None or difference.relative is None:
        return NONE, NONE
    one = difference.relative
    return signed(one.value), f"{signed(one.low)} ~ {signed(one.high)}"


def signed(share: float) -> str:
    """A share with its sign: +12.3%."""
    return f"{'+' if share > 0 else ''}{percent(share, 1)}"


def place_figure(rates: Sequence[ClickRate]) -> Figure:
    """How often each place of the mail was clicked by people."""
    name = _("Share of mails in which a person clicked the posting in this place.")
    bars = [(rate.name, rate.rate) for rate in rates]
    return Figure(
        plots=[
            Plot(
                wide=rate_bars(bars, name=name, size=WIDE_BARS),
                narrow=rate_bars(bars, name=name, size=NARROW_BARS),
            )
        ],
        legend=[("own", _("Clicked by a person, of the mails that showed a posting there"))],
        columns=(_("Place"), _("Shown"), _("Clicked"), _("Rate"), _("Interval, %(percent)s", percent="95%")),
        rows=[
            (
                rate.name,
                number(rate.shown),
                number(rate.clicked),
                percent(rate.rate, 2),
                f"{percent(rate.low, 2)} ~ {percent(rate.high, 2)}",
            )
            for rate in rates
        ],
    )


def reason_names() -> dict[str, str]:
    """What each reason code and source says to a marketer."""
    return {
        "popular": _("Popular"),
        "popular_in_field": _("Popular in their field"),
        "new_in_field": _("New in their field"),
        "similar_to_applied": _("Similar to what they applied to"),
        "similar_to_scrapped": _("Similar to what they saved"),
        "similar_to_viewed": _("Similar to what they looked at"),
        "fits_field": _("Fits their field"),
        "fits_region": _("Fits their region"),
        "fits_career": _("Fits their career"),
        "fits_skills": _("Fits their skills"),
        "fits_salary": _("Fits the salary they ask"),
        "company_scrapped": _("By a company they saved"),
        "company_applied": _("By a company they applied to"),
        "company_viewed": _("By a company they looked at"),
        "new": _("New"),
        "peers_applied": _("People like them applied"),
        "region_of_interest": _("In a region they look at"),
        "fits_education": _("Fits their education"),
        "open_now": _("Open now"),
        "personalized": _("From the member's list"),
        "profile": _("Ranked by the profile"),
    }
