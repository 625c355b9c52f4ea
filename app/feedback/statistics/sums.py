"""What is known of an arm: sums over its members, from which means, variances and covariances follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over the members of an arm.

    Attributes:
        members: How many.
        y: Of the outcome, such as applications.
        yy: Of its squares.
        x: Of what was known before the first mail, such as applications in the 28 days before it.
        xx: Of its squares.
        xy: Of the products.
    """

    members: int
    y: float
    yy: float
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    @property
    def mean(self) -> float:
        """The outcome per member."""
        return self.y / self.members

    @property
    def variance(self) -> float:
        """The outcome's variance between members, unbiased."""
        return self._co(self.yy, self.y, self.y)

    @property
    def variance_before(self) -> float:
        """The variance of what was known before."""
        return self._co(self.xx, self.x, self.x)

    @property
    def covariance(self) -> float:
        """Between the outcome and what was known before."""
        return self._co(self.xy, self.x, self.y)

    def _co(self, products: float, one: float, other: float) -> float:
        return (products - one * other / self.members) / (self.members - 1)


def of_share(members: int, with_outcome: int) -> Sums:
    """Of an outcome that a member has or has not."""
    return Sums(members=members, y=with_outcome, yy=with_outcome)
