"""When messages fall due, without chance: what is expected, and what triggered messages will hardly exceed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.capacity.campaign import Arrivals, Campaign, Case, Workspace
from app.capacity.due import HOUR_MIN, Moment, fall_due
from app.capacity.local_time import held_until, unix_minute
from app.capacity.shares import Counts, split

SURPRISE: Final = 1e-6  # the chance that any minute of a triggered send exceeds `most_due`


@dataclass(frozen=True, slots=True, eq=False)
class Dues:
    """Messages by the minute they join the queue, rising, each with the zone of its members.

    Minutes are since 1970 (UTC). `skipped` messages were too late at launch.
    """

    minutes: Counts
    counts: Counts
    zones: tuple[str, ...]
    skipped: int = 0

    def recipients(self) -> int:
        """Count the messages that join."""
        return int(self.counts.sum())

    def scaled(self, share: float) -> "Dues":
        """Return the dues of a smaller audience, spread alike."""
        return Dues(self.minutes, np.rint(self.counts * share).astype(np.int64), self.zones)

    def moved(self, minutes: int) -> "Dues":
        """Return the dues of the same send begun so much later."""
        return Dues(self.minutes + minutes, self.counts, self.zones, self.skipped) if minutes else self


def expected_due(campaign: Campaign, workspace: Workspace, case: Case) -> Dues:
    """Return when messages fall due; of triggered ones the expected number of each minute."""
    if isinstance(campaign.timing, Arrivals):
        recipients = int(campaign.audience.at(case))
        first, weights = _arrival_weights(campaign.timing, workspace.time_zone)
        return _minute_by_minute(campaign, first, split(recipients, weights.tolist()), workspace)
    due = fall_due(campaign, workspace, case, np.random.default_rng(0))  # nothing is drawn: none is triggered
    return _joining(campaign, due.messages, due.skipped)


def most_due(campaign: Campaign, workspace: Workspace, case: Case) -> Dues:
    """Return what each minute's messages exceed with a chance of `SURPRISE` at most, over all minutes together.

    Messages of a minute are binomial with mean m; by Bernstein's inequality P(X >= m + t) <= exp(-a) for
    t = a/3 + sqrt(a^2/9 + 2 a m), here with a = ln(minutes / SURPRISE). Rejected: the exact quantile, which is a
    little lower, and takes scipy half a second to import. The same as `expected_due` for what is not triggered.
    """
    if not isinstance(campaign.timing, Arrivals):
        return expected_due(campaign, workspace, case)
    recipients = int(campaign.audience.at(case))
    first, weights = _arrival_weights(campaign.timing, workspace.time_zone)
    means = recipients * (weights / weights.sum())
    surprise = log(len(weights) / SURPRISE)
    above = surprise / 3 + np.sqrt(surprise**2 / 9 + 2 * surprise * means)
    most = np.where(means > 0, np.minimum(recipients, np.ceil(means + above)), 0).astype(np.int64)
    return _minute_by_minute(campaign, first, most, workspace)


def _arrival_weights(timing: Arrivals, company_zone: str) -> tuple[int, NDArray[np.float64]]:
    """Return the first minute, and the weight of each minute on."""
    first = unix_minute(timing.at, company_zone)
    minutes = np.arange(max(1, unix_minute(timing.ends_at, company_zone) - first))
    hourly = np.array(timing.hourly or [1.0])
    weights = hourly[np.minimum(minutes // HOUR_MIN, len(hourly) - 1)]
    return first, weights if weights.any() else np.ones(len(minutes))


def _minute_by_minute(campaign: Campaign, first: int, counts: Counts, workspace: Workspace) -> Dues:
    busy = np.flatnonzero(counts)
    minutes, counts, zone = first + busy, counts[busy], workspace.time_zone
    if campaign.quiet_hours is None:
        return Dues(minutes, counts, (zone,) * len(busy))
    due = zip(minutes.tolist(), counts.tolist(), strict=True)
    return _joining(campaign, {Moment(minute, zone): count for minute, count in due}, 0)


def _joining(campaign: Campaign, messages: Mapping[Moment, int], skipped: int) -> Dues:
    """Order messages by the minute they join; quiet hours make them join at their end."""
    quiet = campaign.quiet_hours
    rows = [(minute, zone, count) for (minute, zone), count in messages.items() if count]
    if quiet is not None:
        rows = [
            (minute if (held := held_until(quiet, zone, minute)) is None else held, zone, count)
            for minute, zone, count in rows
        ]
    rows.sort(key=lambda row: row[0])
    return Dues(
        np.array([minute for minute, _, _ in rows], dtype=np.int64),
        np.array([count for _, _, count in rows], dtype=np.int64),
        tuple(zone for _, zone, _ in rows),
        skipped,
    )
