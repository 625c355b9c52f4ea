"""When messages fall due, without chance: what is expected, and what triggered messages will hardly exceed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.capacity.apportion import Counts, apportion_in_order
from app.capacity.campaign import Arrivals, Campaign, Case, IntelligentTiming, QuietHours, Workspace
from app.capacity.local_time import MINUTE_S, QuietClock, held_until, until_quiet
from app.capacity.planner.demand.minute_counts import DAY_MIN
from app.capacity.simulation.schedule import DueMinute, arrival_weights, by_zone, schedule_of

CLOCK_STEPS: Final = 2  # for a look at a zone's quiet hours
PLACED_A_STEP: Final = 2  # minutes of Intelligent Timing
ARRIVING_A_STEP: Final = 8  # minutes in which messages arrive by chance: arrays
SURPRISE: Final = 1e-6  # the chance that any minute of a triggered send exceeds `highest_arrivals`


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalCurve:
    """Messages by the minute they join the queue, rising, each with the zone of its members.

    Minutes are since 1970 (UTC). `skipped` messages were too late at launch. Of `counts`, `arriving` join in the course
    of their minute, as members act; None where all wait when it begins.
    """

    minutes: Counts
    counts: Counts
    zones: tuple[str, ...]
    skipped: int = 0
    arriving: Counts | None = None

    def recipients(self) -> int:
        """Count the messages that join."""
        return int(self.counts.sum())

    def length_min(self) -> int:
        """Count the minutes from the first message to the last."""
        return int(self.minutes[-1] - self.minutes[0]) if len(self.minutes) else 0

    def scaled(self, share: float) -> "ArrivalCurve":
        """Return the arrivals of a smaller audience, spread alike."""
        if not len(self.counts):
            return self
        fewer = apportion_in_order(round(self.recipients() * share), self.counts)
        return replace(self, counts=fewer, arriving=None)

    def moved(self, minutes: int) -> "ArrivalCurve":
        """Return the arrivals of the same send begun so much later."""
        return replace(self, minutes=self.minutes + minutes) if minutes else self

    def arriving_in(self, first: int, length: int) -> Counts:
        """Return how many messages join in the course of each of `length` minutes from `first` on."""
        found = np.zeros(length, dtype=np.int64)
        if self.arriving is not None:
            places = self.minutes - first
            inside = (places >= 0) & (places < length)
            np.add.at(found, places[inside], self.arriving[inside])
        return found


def expected_arrivals(campaign: Campaign, workspace: Workspace, case: Case) -> ArrivalCurve:
    """Return when messages fall due; of triggered ones the expected number of each minute."""
    if isinstance(campaign.timing, Arrivals):
        parts = _triggered(campaign, campaign.timing, workspace, case)
        return _together(
            [(part, apportion_in_order(part.recipients, part.shares.tolist())) for part in parts]
        )
    due = schedule_of(
        campaign, workspace, case, np.random.default_rng(0)
    )  # nothing is drawn: none is triggered
    return _joining(campaign, due.messages, due.skipped)


def laying_out_steps(campaign: Campaign, recipients: int) -> int:
    """Return how much work it is to find when so many messages fall due."""
    timing, zones = campaign.timing, max(1, len(campaign.zones))
    if isinstance(timing, IntelligentTiming):
        minutes = zones * min(DAY_MIN, recipients)
        return minutes // PLACED_A_STEP if campaign.quiet_hours is None else minutes * CLOCK_STEPS
    if isinstance(timing, Arrivals):
        minutes = int((timing.ends_at - timing.at).total_seconds()) // MINUTE_S
        return minutes * (1 if campaign.quiet_hours is None else zones) // ARRIVING_A_STEP
    return zones


def highest_arrivals(campaign: Campaign, workspace: Workspace, case: Case) -> ArrivalCurve:
    """Return what each minute's messages exceed with a chance of `SURPRISE` at most, over all minutes together.

    Messages of a minute are binomial with mean m; by Bernstein's inequality P(X >= m + t) <= exp(-a) for
    t = a/3 + sqrt(a^2/9 + 2 a m), here with a = ln(minutes / SURPRISE). What quiet hours let go together is one such
    number, not as many as it fell due in. Rejected: the exact quantile, which is a little lower, and takes scipy half a
    second to import. The same as `expected_arrivals` for what is not triggered.
    """
    if not isinstance(campaign.timing, Arrivals):
        return expected_arrivals(campaign, workspace, case)
    parts = _triggered(campaign, campaign.timing, workspace, case)
    surprise = log(sum(len(part.minutes) for part in parts) / SURPRISE)
    return _together([(part, part.most(surprise)) for part in parts])


@dataclass(frozen=True, slots=True, eq=False)
class _CurvePart:
    """Triggered messages of one zone: the minutes at which they join, rising, and the share of them in each.

    Of those, the share `acting` join as members act; the others were held by quiet hours.
    """

    zone: str
    recipients: int
    minutes: Counts
    shares: NDArray[np.float64]
    acting: NDArray[np.float64]  # 0 to 1, by minute

    def most(self, surprise: float) -> Counts:
        """Return what a minute's messages exceed with a chance of exp(-surprise) at most."""
        means = self.recipients * self.shares
        above = surprise / 3 + np.sqrt(surprise**2 / 9 + 2 * surprise * means)
        return np.minimum(self.recipients, np.ceil(means + above)).astype(np.int64)


def _triggered(campaign: Campaign, timing: Arrivals, workspace: Workspace, case: Case) -> list[_CurvePart]:
    """Return the parts that quiet hours treat alike: zones, or all messages where there are no quiet hours."""
    first, weights = arrival_weights(timing, workspace.time_zone)
    busy = np.flatnonzero(weights)
    minutes, shares = first + busy, weights[busy] / weights.sum()
    quiet = campaign.quiet_hours
    if quiet is None:
        everybody = int(campaign.audience.at(case))
        return [_CurvePart(workspace.time_zone, everybody, minutes, shares, np.ones(len(minutes)))]
    parts = []
    for zone, recipients in by_zone(campaign, workspace, case):
        let_go = _let_go(quiet, zone, minutes)
        joined, place = np.unique(let_go, return_inverse=True)
        of_minute = np.bincount(place, shares).astype(np.float64)
        acting = np.bincount(place, shares * (let_go == minutes)).astype(np.float64) / of_minute
        parts.append(_CurvePart(zone, recipients, joined, of_minute, acting))
    return parts


def _let_go(quiet: QuietHours, zone: str, minutes: Counts) -> Counts:
    """Return when messages due at these rising minutes join: at once, or when quiet hours end."""
    joined, at = minutes.copy(), 0
    while at < len(minutes):
        minute = int(minutes[at])
        held = held_until(quiet, zone, minute)
        alike_until = minute + until_quiet(quiet, zone, minute) if held is None else held
        after = int(np.searchsorted(minutes, alike_until))
        if held is not None:
            joined[at:after] = held
        at = after
    return joined


def _together(parts: Sequence[tuple[_CurvePart, Counts]]) -> ArrivalCurve:
    """Return the messages of all parts by minute."""
    minutes = np.concatenate([part.minutes for part, _ in parts])
    counts = np.concatenate([counts for _, counts in parts])
    acting = np.concatenate([part.acting for part, _ in parts])
    zones = np.repeat(
        np.array([part.zone for part, _ in parts], dtype=object), [len(part.minutes) for part, _ in parts]
    )
    order = np.argsort(minutes, kind="stable")
    order = order[counts[order] > 0]
    arriving = np.floor(counts[order] * acting[order]).astype(np.int64)
    return ArrivalCurve(minutes[order], counts[order], tuple(zones[order].tolist()), arriving=arriving)


def _joining(campaign: Campaign, messages: Mapping[DueMinute, int], skipped: int) -> ArrivalCurve:
    """Order messages by the minute they join; quiet hours make them join at their end."""
    quiet = campaign.quiet_hours
    rows = [(minute, zone, count) for (minute, zone), count in messages.items() if count]
    if quiet is not None:
        clocks = {zone: QuietClock(quiet, zone) for zone in {zone for _, zone, _ in rows}}
        rows = [
            (minute if (held := clocks[zone].held_until(minute)) is None else held, zone, count)
            for minute, zone, count in rows
        ]
    rows.sort(key=lambda row: row[0])
    return ArrivalCurve(
        np.array([minute for minute, _, _ in rows], dtype=np.int64),
        np.array([count for _, _, count in rows], dtype=np.int64),
        tuple(zone for _, zone, _ in rows),
        skipped,
    )
