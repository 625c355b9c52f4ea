"""Whether the arms have the members that their shares say: where they have not, no result is to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WITHHELD_BELOW: Final = 0.001  # an honest split is refused once in a thousand experiments


def sample_ratio_p(members: Sequence[int], shares: Sequence[float]) -> float | None:
    """The chance that an honest split by `shares` is as uneven as `members`; None where there is nothing to compare.

    Pearson's chi-squared test. An arm without a share that has members is as uneven as can be.
    """
    if any(count and not share for count, share in zip(members, shares, strict=True)):
        return 0.0
    pairs = [(count, share) for count, share in zip(members, shares, strict=True) if share]
    total, whole = sum(count for count, _share in pairs), sum(share for _count, share in pairs)
    if not total or len(pairs) == 1:
        return None
    from scipy.stats import chisquare  # noqa: PLC0415 - a second to import, which the planner's start has no need of

    expected = [total * share / whole for _count, share in pairs]
    return float(chisquare([count for count, _share in pairs], expected).pvalue)
