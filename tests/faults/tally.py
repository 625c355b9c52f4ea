"""What came of calls: usable, degraded, vetoed, in time or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

CUT_OFF_S = 2.0  # Braze waits no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One call: when it was meant to start, how long until its answer's last byte, and what it said.

    `status` is 0 where no answer came, and `failure` then says why.
    """

    at_s: float
    took_s: float
    status: int = 0
    degraded: str | None = None
    source: str = ""
    ids: tuple[str, ...] = ()
    failure: str = ""

    @property
    def usable(self) -> bool:
        """Whether a mail could be rendered from it."""
        return self.status == 200 and bool(self.ids) and self.took_s <= CUT_OFF_S

    @property
    def normal(self) -> bool:
        """Usable and made as on a good day."""
        return self.usable and self.degraded is None


class Tally:
    """Calls in the order they were meant to start."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.outcomes = sorted(outcomes, key=lambda outcome: outcome.at_s)

    def between(self, from_s: float, to_s: float) -> Tally:
        """Those meant to start in a stretch of time."""
        return Tally(o for o in self.outcomes if from_s <= o.at_s < to_s)

    @property
    def calls(self) -> int:
        """How many."""
        return len(self.outcomes)

    @property
    def usable_share(self) -> float:
        """Share that a mail could be rendered from; of nothing, none."""
        return sum(o.usable for o in self.outcomes) / max(self.calls, 1)

    @property
    def degraded(self) -> dict[str, float]:
        """Share of the calls by why their answer was not the best, where it was not."""
        reasons = Counter(o.degraded for o in self.outcomes if o.degraded)
        return {reason: count / self.calls for reason, count in sorted(reasons.items())}

    @property
    def degraded_share(self) -> float:
        """Share whose answer was not the best, for any reason."""
        return sum(self.degraded.values())

    @property
    def failures(self) -> dict[str, int]:
        """What the calls that were not usable came to."""
        return dict(
            Counter(
                o.failure or ("late" if o.status == 200 and o.ids else f"status {o.status}")
                for o in self.outcomes
                if not o.usable
            )
        )

    def showing(self, posting_ids: Collection[str]) -> int:
        """How many answers hold one of these postings."""
        return sum(not set(posting_ids).isdisjoint(o.ids) for o in self.outcomes)

    def quantile_ms(self, share: float) -> float:
        """Latency below which a share of the calls lie; no answer counts as its wait."""
        taken = sorted(o.took_s for o in self.outcomes)
        return taken[min(len(taken) - 1, int(share * len(taken)))] * 1000 if taken else 0.0

    def recovered_s(self, since_s: float) -> float:
        """From an instant to the start of the first call after the last one that was not normal."""
        bad = [o.at_s for o in self.outcomes if o.at_s >= since_s and not o.normal]
        return bad[-1] - since_s if bad else 0.0
