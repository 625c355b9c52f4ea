"""Wall time in a zone to minutes since 1970 (UTC), and back for quiet hours."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.capacity.campaign import QuietHours

MINUTE_S: Final = 60
DAY: Final = timedelta(days=1)


def unix_minute(wall: datetime, zone: str) -> int:
    """Return the minute of naive wall time `wall` in `zone`.

    A time the clocks skip is read with the offset before the change (02:30 becomes 03:30), a time that
    comes twice is its first coming. How Braze treats either is not documented.
    """
    return int(wall.replace(tzinfo=ZoneInfo(zone)).timestamp()) // MINUTE_S


def wall_time(minute: int, zone: str) -> datetime:
    """Return the aware local time at which `minute` begins."""
    return datetime.fromtimestamp(minute * MINUTE_S, UTC).astimezone(ZoneInfo(zone))


def held_until(quiet: QuietHours, zone: str, minute: int) -> int | None:
    """Return the minute when quiet hours release a message of `minute`, or None outside quiet hours.

    Source: braze.com/docs/user_guide/messaging/messaging_fundamentals/quiet_hours (local time, all at once).
    """
    local = wall_time(minute, zone)
    if not _inside(quiet, local.time()):
        return None
    past_midnight = quiet.begin > quiet.end and local.time() >= quiet.begin
    end = datetime.combine(local.date() + (DAY if past_midnight else timedelta()), quiet.end)
    release = unix_minute(end, zone)
    # On the night the clocks go back, `end` may come twice and be over once.
    return release if release > minute else unix_minute(end.replace(fold=1), zone)


def _inside(quiet: QuietHours, now: time) -> bool:
    if quiet.begin < quiet.end:
        return quiet.begin <= now < quiet.end
    return now >= quiet.begin or now < quiet.end
