"""When a campaign's messages fall due, minute by minute and zone by zone."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.capacity.apportion import apportion, apportion_in_order
from app.capacity.campaign import (
    AllAtOnce,
    Arrivals,
    Campaign,
    Case,
    IntelligentTiming,
    LocalTimeZones,
    Workspace,
)
from app.capacity.local_time import QuietClock, unix_minute

HOUR_MIN: Final = 60
UNKNOWN_ZONE: Final = "unknown"


class DueMinute(NamedTuple):
    """A minute since 1970 (UTC) and the zone of the members whose messages fall due in it."""

    minute: int
    zone: str


def first_minute(campaign: Campaign, company_zone: str) -> int:
    """Return the minute at which a campaign begins in the company's zone, whoever it goes to."""
    timing = campaign.timing
    at = datetime.combine(timing.on, time()) if isinstance(timing, IntelligentTiming) else timing.at
    return unix_minute(at, company_zone)


class Schedule(NamedTuple):
    """Messages by the minute they fall due, and those never sent because their time had passed at launch."""

    messages: dict[DueMinute, int]
    skipped: int


def schedule_of(campaign: Campaign, workspace: Workspace, case: Case, rng: np.random.Generator) -> Schedule:
    """Place every message of the audience in the minute it falls due; `rng` draws triggered arrivals."""
    messages: Counter[DueMinute] = Counter()
    alike = isinstance(campaign.timing, Arrivals) and campaign.quiet_hours is None
    everybody = [(workspace.time_zone, int(campaign.audience.at(case)))]  # whose zone makes no difference
    for zone, count in everybody if alike else by_zone(campaign, workspace, case):
        for minute, due in _in_zone(campaign, workspace, zone, count, rng):
            messages[DueMinute(minute, zone)] += due
    timing = campaign.timing
    if not isinstance(timing, LocalTimeZones | IntelligentTiming) or timing.launched_at is None:
        return Schedule(dict(messages), 0)
    return _launched(messages, unix_minute(timing.launched_at, workspace.time_zone), workspace)


def by_zone(campaign: Campaign, workspace: Workspace, case: Case) -> Iterator[tuple[str, int]]:
    """Cut the audience into zones."""
    zones = campaign.zones or ((workspace.time_zone, 1.0),)
    counts = apportion(int(campaign.audience.at(case)), [weight for _, weight in zones])
    for (zone, _), count in zip(zones, counts.tolist(), strict=True):
        # Members whose zone Braze does not know are sent to in the company's zone.
        yield (workspace.time_zone if zone == UNKNOWN_ZONE else zone), count


def _in_zone(
    campaign: Campaign, workspace: Workspace, zone: str, count: int, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    match campaign.timing:
        case AllAtOnce(at):
            yield unix_minute(at, workspace.time_zone), count
        case LocalTimeZones(at):
            yield unix_minute(at, zone), count
        case IntelligentTiming() as timing:
            yield from _outside_quiet_hours(
                campaign, workspace, zone, _by_best_hour(timing, zone, count, workspace)
            )
        case Arrivals() as timing:
            yield from _by_chance(timing, workspace.time_zone, count, rng)


def _by_best_hour(
    timing: IntelligentTiming, zone: str, count: int, workspace: Workspace
) -> Iterator[tuple[int, int]]:
    fallback, known = apportion(count, [timing.fallback_share, 1 - timing.fallback_share]).tolist()
    yield unix_minute(datetime.combine(timing.on, timing.fallback_at), zone), fallback
    midnight = datetime.combine(timing.on, datetime.min.time())
    # Braze's preview gives users per hour and no finer.
    minutes = 1 if workspace.assumptions.hour_shape == "on_the_hour" else HOUR_MIN
    for hour, in_hour in enumerate(apportion(known, timing.users_per_hour).tolist()):
        first = unix_minute(midnight + timedelta(hours=hour), zone)
        due = apportion_in_order(in_hour, [1.0] * minutes).tolist() if in_hour else []
        yield from ((minute, count) for minute, count in enumerate(due, start=first) if count)


def _outside_quiet_hours(
    campaign: Campaign, workspace: Workspace, zone: str, due: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Move what Intelligent Timing finds best in quiet hours to their nearest edge."""
    if campaign.quiet_hours is None:
        yield from due
        return
    clock, launched_at = QuietClock(campaign.quiet_hours, zone), getattr(campaign.timing, "launched_at", None)
    launch = None if launched_at is None else unix_minute(launched_at, workspace.time_zone)
    for minute, count in due:
        edge = clock.nearest_edge(minute, not_before=launch)
        yield (minute if edge is None else edge), count


def _by_chance(
    timing: Arrivals, company_zone: str, count: int, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    first, weights = arrival_weights(timing, company_zone)
    yield from enumerate(rng.multinomial(count, weights / weights.sum()).tolist(), start=first)


def arrival_weights(timing: Arrivals, company_zone: str) -> tuple[int, NDArray[np.float64]]:
    """Return the first minute, and the weight of each minute on."""
    first = unix_minute(timing.at, company_zone)
    # A change of clocks in between may take minutes away, or give some that no weight was written for.
    minutes = np.arange(max(1, unix_minute(timing.ends_at, company_zone) - first))
    hourly = np.array(timing.hourly or [1.0])
    weights = hourly[np.minimum(minutes // HOUR_MIN, len(hourly) - 1)]
    return first, weights if weights.any() else np.ones(len(minutes))


def _launched(messages: Counter[DueMinute], launch: int, workspace: Workspace) -> Schedule:
    """Send what is a little late at launch, skip what is later than that."""
    oldest = launch - workspace.assumptions.late_skip_h * HOUR_MIN
    sent: Counter[DueMinute] = Counter()
    for due_minute, count in messages.items():
        if due_minute.minute >= oldest:
            sent[DueMinute(max(due_minute.minute, launch), due_minute.zone)] += count
    return Schedule(dict(sent), messages.total() - sent.total())
