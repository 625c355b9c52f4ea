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


def until_quiet(quiet: QuietHours, zone: str, minute: int) -> int:
    """Minutes until quiet hours begin; 1 where a change of clocks lies in between and has to be watched for."""
    local = wall_time(minute, zone)
    begin = datetime.combine(local.date(), quiet.begin, tzinfo=local.tzinfo)
    if begin <= local:
        begin += DAY
    ahead = int((begin.replace(tzinfo=None) - local.replace(tzinfo=None)).total_seconds()) // MINUTE_S
    return ahead if wall_time(minute + ahead, zone).utcoffset() == local.utcoffset() else 1


class QuietClock:
    """Quiet hours in one zone, looked up once for all minutes between two of their edges.

    Minutes may be asked in any order; rising ones cost the fewest looks.
    """

    def __init__(self, quiet: QuietHours, zone: str) -> None:
        self._quiet = quiet
        self._zone = zone
        self._first, self._end = 0, 0  # of the minutes that the next two are true of
        self._released: int | None = None
        self._began = 0

    def held_until(self, minute: int) -> int | None:
        """Return the minute when quiet hours release a message of `minute`, or None outside quiet hours."""
        if not self._first <= minute < self._end:
            self._look(minute)
        return self._released

    def nearest_edge(self, minute: int, *, not_before: int | None = None) -> int | None:
        """Return the minute outside quiet hours that is nearest to `minute`, or None outside quiet hours.

        That is the last minute before them or the first after them; the later one of two as near, and where the earlier
        one lies before `not_before`. So Intelligent Timing does.
        Source: braze.com/docs/user_guide/messaging/messaging_fundamentals/quiet_hours (its questions and answers).
        """
        after = self.held_until(minute)
        if after is None:
            return None
        before = self._began - 1
        if minute - self._began < after - minute and (not_before is None or before >= not_before):
            return before
        return after

    def _look(self, minute: int) -> None:
        quiet, local = self._quiet, wall_time(minute, self._zone)
        self._first, self._released = minute, held_until(quiet, self._zone, minute)
        if self._released is None:
            self._end = minute + until_quiet(quiet, self._zone, minute)
            return
        past_midnight = quiet.begin > quiet.end and local.time() < quiet.begin
        day = local.date() - (DAY if past_midnight else timedelta())
        self._began = unix_minute(datetime.combine(day, quiet.begin), self._zone)
        # Where clocks change in between, some of these minutes may be outside quiet hours.
        same = wall_time(self._released, self._zone).utcoffset() == local.utcoffset()
        self._end = self._released if same else minute + 1


def quiet_begins(quiet: QuietHours, zone: str, first: int, end: int) -> list[int]:
    """Return the minutes from `first` until `end` at which quiet hours begin, where clocks change either reading."""
    day, last = wall_time(first, zone).date(), wall_time(end, zone).date()
    found = set()
    while day <= last:
        begin = datetime.combine(day, quiet.begin)
        found |= {unix_minute(begin, zone), unix_minute(begin.replace(fold=1), zone)}
        day += DAY
    return sorted(minute for minute in found if first <= minute < end)


def _inside(quiet: QuietHours, now: time) -> bool:
    if quiet.begin < quiet.end:
        return quiet.begin <= now < quiet.end
    return now >= quiet.begin or now < quiet.end
