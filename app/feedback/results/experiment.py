"""What may be concluded of an experiment: each arm against the control, by members mailed whatever became of the mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Final

from app.feedback.results.fewest import FEWEST
from app.feedback.statistics.cuped import LEAST_GAIN, adjusted, gain
from app.feedback.statistics.intervals import ALPHA, gavi, score, welch
from app.feedback.statistics.sample_ratio import WITHHELD_BELOW, sample_ratio_p
from app.feedback.statistics.sums import of_share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.feedback.results.counts import ArmCounts, ExperimentCounts
    from app.feedback.statistics.intervals import Difference
    from app.feedback.statistics.sums import Sums

    _Compare = Callable[[Sums, Sums], Difference | None]

WORSE_GUARDS: Final = ("unsubscribe", "spam")  # more of these is harm that no application makes good
NOT_SINCE: Final = (
    "An experiment is counted whole, from its start: of days chosen afterwards the arm that one likes could be made the better. "
    "Only a campaign's sends are shown since a day."
)
FEWEST_APPLIED: Final = 10  # members of both arms: below it nothing is concluded
_DAY: Final = timedelta(days=1)


class Conclusion(StrEnum):
    """What may be said of an arm."""

    TOO_FEW = "too_few"
    NOT_YET = "not_yet"
    NO_DIFFERENCE = "no_difference"
    BETTER = "better"
    WORSE = "worse"
    HARMFUL = "harmful"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmComparison:
    """An arm against the control.

    Attributes:
        arm: Its name.
        clicked: Difference of the share of members who clicked.
        decisive: What is decided by: of the share who applied to a posting that they had clicked in the mail.
        applied: Of the share with a credited application.
        applications: Of credited applications per member.
        applied_anyway: Of the share with any application on the board, credited or not.
        guards: Of the shares of `WORSE_GUARDS`.
        conclusion: What may be said.
        more_days: For NOT_YET: after how many days, at today's pace and difference, it may be said; None where that is not
            before the planned end.
    """

    arm: str
    clicked: Difference | None
    decisive: Difference | None
    applied: Difference | None
    applications: Difference | None
    applied_anyway: Difference | None
    guards: Mapping[str, Difference | None]
    conclusion: Conclusion
    more_days: int | None = None

    @property
    def contradicted(self) -> bool:
        """Whether all applications on the board go the other way than what is decided by."""
        one, other = self.decisive, self.applied_anyway
        return bool(
            one
            and other
            and one.absolute.excludes_zero
            and other.absolute.excludes_zero
            and one.absolute.value * other.absolute.value < 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """An experiment's counts and what follows from them.

    Attributes:
        counts: As counted; the first arm is the control.
        at_planned_end: Whether the intervals are those of the one look at the planned end; else they hold at every look.
        sample_ratio_p: The chance that an honest split is as uneven; None where there is nobody.
        withheld: Whether the split is so uneven that no difference is told.
        comparisons: Of each arm but the control; empty where withheld.
        narrowed: The share of the variance of applications per member that what members did before takes away; 0 where
            it was too little to use.
    """

    counts: ExperimentCounts
    at_planned_end: bool
    sample_ratio_p: float | None
    withheld: bool
    comparisons: Sequence[ArmComparison]
    narrowed: float


def conclude(counts: ExperimentCounts) -> ExperimentResult:
    """Compare each arm with the control.

    At the planned end there is one look, with score and Welch's intervals. Before it, or where the experiment was stopped
    early, the intervals hold however often somebody looks. The chance of a false alarm is shared by the arms (Bonferroni),
    so that interval and conclusion agree.
    """
    p_value = sample_ratio_p([arm.members for arm in counts.arms], [arm.share for arm in counts.arms])
    withheld = p_value is not None and p_value < WITHHELD_BELOW
    at_end = counts.planned_end is not None and counts.until >= counts.planned_end
    sums = [arm.applications for arm in counts.arms]
    narrowed = gain(sums) if all(one.members > 1 for one in sums) else 0.0
    narrowed = narrowed if narrowed >= LEAST_GAIN else 0.0
    if narrowed:
        sums = adjusted(sums)
    arms = [] if withheld else list(zip(counts.arms, sums, strict=True))
    return ExperimentResult(
        counts=counts,
        at_planned_end=at_end,
        sample_ratio_p=p_value,
        withheld=withheld,
        comparisons=[_compare(counts, arms[0], arm, at_end=at_end) for arm in arms[1:]],
        narrowed=narrowed,
    )


def _compare(
    counts: ExperimentCounts, control: tuple[ArmCounts, Sums], arm: tuple[ArmCounts, Sums], *, at_end: bool
) -> ArmComparison:
    alpha = ALPHA / (len(counts.arms) - 1)
    (one, of_one), (other, of_other) = arm, control

    def shares(count: Callable[[ArmCounts], int]) -> Difference | None:
        pair = (of_share(other.members, count(other)), of_share(one.members, count(one)))
        return score(*pair, alpha=alpha) if at_end else gavi(*pair, alpha=alpha)

    if (
        min(one.members, other.members) < FEWEST
    ):  # what so few came to is not told: there is nothing to compare
        return ArmComparison(
            arm=one.arm,
            clicked=None,
            decisive=None,
            applied=None,
            applications=None,
            applied_anyway=None,
            guards=dict.fromkeys(WORSE_GUARDS),
            conclusion=Conclusion.TOO_FEW,
        )
    decided_by = _decided_by(counts)
    applied = shares(_applied)
    decisive = applied if decided_by is _applied else shares(decided_by)
    guards = {
        kind: shares(lambda arm, kind=kind: arm.events.get(kind, 0))  # type: ignore[misc] # mypy knows no defaults of lambdas
        for kind in WORSE_GUARDS
    }
    enough = decided_by(one) + decided_by(other) >= FEWEST_APPLIED
    conclusion = _conclusion(decisive, guards, enough=enough, at_end=at_end)
    return ArmComparison(
        arm=one.arm,
        clicked=shares(lambda arm: arm.clicked),
        decisive=decisive,
        applied=applied,
        applications=(welch if at_end else gavi)(of_other, of_one, alpha=alpha),
        applied_anyway=shares(lambda arm: arm.applied_anyway),
        guards=guards,
        conclusion=conclusion,
        more_days=_more_days(counts, decisive) if conclusion is Conclusion.NOT_YET else None,
    )


def _decided_by(counts: ExperimentCounts) -> Callable[[ArmCounts], int]:
    """What is decided by: who applies without a click on the posting may have done so without the mail.

    Such applications are credited to whichever list shows what people apply to anyway, and are more noise than effect. Counts
    of before that was told apart are decided by all credited applications.
    """
    if any(arm.after_click is None for arm in counts.arms):
        return _applied
    return lambda arm: arm.after_click or 0


def _applied(arm: ArmCounts) -> int:
    return arm.applied


def _conclusion(
    decisive: Difference | None, guards: Mapping[str, Difference | None], *, enough: bool, at_end: bool
) -> Conclusion:
    if any(guard is not None and guard.absolute.low > 0 for guard in guards.values()):
        return Conclusion.HARMFUL
    if decisive is None or not enough:
        return Conclusion.TOO_FEW
    if decisive.absolute.low > 0:
        return Conclusion.BETTER
    if decisive.absolute.high < 0:
        return Conclusion.WORSE
    return Conclusion.NO_DIFFERENCE if at_end else Conclusion.NOT_YET


def _more_days(counts: ExperimentCounts, decisive: Difference | None) -> int | None:
    """Days until the interval is as narrow as today's difference is large: its width goes with the root of the time."""
    if decisive is None or counts.started_at is None or not decisive.absolute.value:
        return None
    half = (decisive.absolute.high - decisive.absolute.low) / 2
    elapsed = (counts.until - counts.started_at) / _DAY
    days = max(1, ceil(elapsed * ((half / decisive.absolute.value) ** 2 - 1)))
    left = None if counts.planned_end is None else (counts.planned_end - counts.until) / _DAY
    return days if left is None or days <= left else None
