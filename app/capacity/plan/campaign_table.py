"""One [[campaigns]] table of a plan file."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Final, cast, get_args

from app.capacity.campaign import (
    ARRIVING_BURST,
    BURST,
    CALLS_PER_RECIPIENT,
    HOST,
    PRIORITY,
    AllAtOnce,
    Arrivals,
    Campaign,
    Case,
    IntelligentTiming,
    Kind,
    LocalTimeZones,
    QuietHours,
    Range,
    Timing,
)
from app.capacity.local_time import DAY, MINUTE_S
from app.capacity.plan.table import ZONE_MEND, Table, is_zone, shown
from app.capacity.simulation.schedule import UNKNOWN_ZONE

MOST_RECIPIENTS: Final = 100_000_000
MOST_CALLS: Final = 100  # a tag in a loop of ten postings makes twenty calls in two parts
SLOWEST_PER_MIN: Final = 10  # frequency_capping: Braze offers 10 to 500,000
FASTEST_PER_MIN: Final = 500_000
LONGEST_QUIET: Final = timedelta(hours=20)  # quiet_hours
LONGEST_ARRIVALS: Final = timedelta(days=7)
LOWEST_PRIORITY: Final = 9
MOST_INSTANCES: Final = 1_000
HOURS: Final = 24
ZONES_MEND: Final = 'write zones and their weights, such as {"Asia/Seoul" = 95, "America/New_York" = 5}'
HOUR: Final = timedelta(hours=1)

OWN_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "at_once": frozenset({"at"}),
    "rate_limited": frozenset({"at", "limit_per_min"}),
    "local_time_zones": frozenset({"at", "launched_at", "limit_per_min"}),
    "intelligent_timing": frozenset(
        {"on", "users_per_hour", "fallback_share", "fallback_at", "launched_at", "limit_per_min"}
    ),
    "triggered": frozenset({"at", "ends_at", "hourly", "limit_per_min"}),
    "canvas_step": frozenset({"at", "ends_at", "hourly", "limit_per_min"}),
}
ALL_OWN_FIELDS: Final[frozenset[str]] = frozenset().union(*OWN_FIELDS.values())


def read_campaign(place: int, values: Mapping[str, Any]) -> Campaign:
    """Read the campaign at `place` (from 1) of the file; its speed may be open. Raises PlanError."""
    table = Table(f"campaigns[{place}]", values)
    name = table.text("name", "a name")
    table.where += f" {shown(name)}"
    kind = cast("Kind", table.choice("kind", get_args(Kind)))
    _refuse_other_kinds(table, kind)
    timing = _timing(table, kind)
    campaign = Campaign(
        name=name,
        kind=kind,
        timing=timing,
        audience=read_range(table, "audience", 0, MOST_RECIPIENTS, whole=True),
        limit_per_min=table.either(None, table.whole, "limit_per_min", SLOWEST_PER_MIN, FASTEST_PER_MIN),
        calls_per_recipient=table.either(
            CALLS_PER_RECIPIENT, partial(read_range, table), "calls_per_recipient", 1, MOST_CALLS
        ),
        burst=table.either(
            ARRIVING_BURST if isinstance(timing, Arrivals) else BURST,
            partial(read_range, table),
            *("burst", 1, MINUTE_S),
        ),
        retry=table.either(False, table.flag, "retry"),
        abort_on_failure=table.either(False, table.flag, "abort_on_failure"),
        host=table.either(HOST, table.text, "host", "a host name"),
        zones=table.either((), partial(_zones, table), "zones"),
        quiet_hours=table.either(None, partial(_quiet_hours, table), "quiet_hours"),
        finish_by=table.either(None, table.wall, "finish_by"),
        priority=table.either(PRIORITY, table.whole, "priority", 1, LOWEST_PRIORITY),
        instances=table.either(None, table.whole, "instances", 1, MOST_INSTANCES),
    )
    table.done()
    _check(table, campaign)
    return campaign


def with_speed(place: int, campaign: Campaign) -> Campaign:
    """Return a campaign that is to be sent, and so says how fast. Raises PlanError: its speed is open."""
    if campaign.open_speed:
        table = Table(f"campaigns[{place}] {shown(campaign.name)}", {})
        table.whole("limit_per_min", SLOWEST_PER_MIN, FASTEST_PER_MIN)
    return campaign


def read_range(table: Table, name: str, low: float, high: float, *, whole: bool = False) -> Range:
    """Read one number, or a table of low, likely and high."""
    if not isinstance(table.raw(name, "write one number or a table of low, likely and high"), dict):
        return Range.exactly(table.whole(name, int(low), int(high)) if whole else table.real(name, low, high))
    inner = table.table(name)
    read = Range(
        *(
            inner.whole(case, int(low), int(high)) if whole else inner.real(case, low, high)
            for case in get_args(Case)
        )
    )
    inner.done()
    if not read.low <= read.likely <= read.high:
        raise table.error(name, "is not in rising order", "write low, likely and high from small to large")
    return read


def _refuse_other_kinds(table: Table, kind: Kind) -> None:
    for name in table.values:
        if name in ALL_OWN_FIELDS - OWN_FIELDS[kind]:
            raise table.error(name, f"does not belong to kind {kind}", "remove it or choose another kind")


def _timing(table: Table, kind: Kind) -> Timing:
    if kind == "intelligent_timing":
        return IntelligentTiming(
            on=table.day("on"),
            users_per_hour=table.weights("users_per_hour", HOURS),
            fallback_share=table.real("fallback_share", 0, 1),
            fallback_at=table.clock("fallback_at"),
            launched_at=table.either(None, table.wall, "launched_at"),
        )
    at = table.wall("at")
    if kind == "local_time_zones":
        return LocalTimeZones(at, table.either(None, table.wall, "launched_at"))
    if kind == "triggered" or (kind == "canvas_step" and table.has("ends_at")):
        return _arrivals(table, at)
    if table.has("hourly"):
        raise table.error("hourly", "has no ends_at beside it", "write ends_at, or remove hourly")
    return AllAtOnce(at)


def _arrivals(table: Table, at: datetime) -> Arrivals:
    ends_at = table.wall("ends_at")
    if not at < ends_at <= at + LONGEST_ARRIVALS:
        raise table.error(
            "ends_at",
            f"is {shown(ends_at)}",
            f"write a time after at ({shown(at)}), at most {LONGEST_ARRIVALS.days} days later",
        )
    hours = -((at - ends_at) // HOUR)
    return Arrivals(at, ends_at, table.either(None, table.weights, "hourly", hours))


def _zones(table: Table, name: str) -> tuple[tuple[str, float], ...]:
    zones = table.named_numbers(name, ZONES_MEND)
    for zone in zones:
        if zone != UNKNOWN_ZONE and not is_zone(zone):
            raise table.error(f"{name} {shown(zone)}", "is not a time zone", ZONE_MEND)
    return tuple(zones.items())


def _quiet_hours(table: Table, name: str) -> QuietHours:
    inner = table.table(name)
    quiet = QuietHours(inner.clock("begin"), inner.clock("end"))
    inner.done()
    begin, end = (datetime.combine(date.min, clock) for clock in (quiet.begin, quiet.end))
    if not timedelta() < (end - begin) % DAY <= LONGEST_QUIET:
        raise table.error(
            name, "lasts no time or more than 20 hours", "write a begin and an end at most 20 h apart"
        )
    return quiet


def _check(table: Table, campaign: Campaign) -> None:
    """Refuse fields that contradict each other."""
    timing = campaign.timing
    if campaign.retry and campaign.abort_on_failure:
        raise table.error(
            "abort_on_failure",
            "and retry are both true, but in Braze an abort on failure prevents retries",
            "set one of them to false",
        )
    if campaign.kind == "local_time_zones" and not campaign.zones:
        raise table.error("zones", "is missing", ZONES_MEND)
    begins = datetime.combine(timing.on, time()) if isinstance(timing, IntelligentTiming) else timing.at
    if campaign.finish_by is not None and campaign.finish_by <= begins:
        raise table.error(
            "finish_by", f"is {shown(campaign.finish_by)}", f"write a time after the start ({shown(begins)})"
        )
