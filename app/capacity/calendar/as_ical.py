"""A calendar as iCalendar, RFC 5545, for the calendars of phones and offices."""

from __future__ import annotations

from datetime import UTC, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event

from app.capacity.calendar.entries import NO_WORDS, one_line
from app.capacity.planner import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.capacity.calendar.entries import CalendarEntry
    from app.capacity.formats import Lang

_MINUTE: Final = timedelta(minutes=1)
_YEAR: Final = timedelta(days=366)  # of clock changes on either side


def as_ical(
    entries: Sequence[CalendarEntry],
    lang: Lang,
    *,
    words: Mapping[str, str] = NO_WORDS,
    address: Callable[[int], str] | None = None,
) -> bytes:
    """Write an event for each campaign, the same as long as nothing of it changed.

    An event keeps its UID through edits, and its SEQUENCE goes up with them. `words` says verdicts, `address` gives a
    campaign's page by its number.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//Connected Jobs//planner {version('connected-jobs')}//EN")
    calendar.add("version", "2.0")
    for entry in entries:
        calendar.add_component(_event(entry, lang, words, address))
    if entries:
        first, last = entries[0].starts_at.date(), max(one.ends_at for one in entries).date()
        calendar.add_missing_timezones(first - _YEAR, last + _YEAR)
    written: bytes = calendar.to_ical()
    return written


def _event(
    entry: CalendarEntry, lang: Lang, words: Mapping[str, str], address: Callable[[int], str] | None
) -> Event:
    one, judged = entry.campaign, entry.judgement
    event = Event()
    event.add(
        "uid", str(uuid5(NAMESPACE_URL, f"connected-jobs:campaign:{one.id}:{one.created_at.isoformat()}"))
    )
    event.add("dtstamp", one.updated_at.astimezone(UTC))
    event.add("created", one.created_at.astimezone(UTC))
    event.add("last-modified", one.updated_at.astimezone(UTC))
    event.add("sequence", one.version - 1)
    if entry.all_day:
        event.add("dtstart", entry.starts_at.date())
        event.add("dtend", entry.ends_at.date())
    else:
        event.add("dtstart", entry.starts_at)
        event.add("dtend", max(entry.ends_at, entry.starts_at + _MINUTE))
    verdict = f" [{words.get(judged.verdict, judged.verdict)}]" if judged else ""
    event.add("summary", f"{one_line(one.name)}{verdict}")
    told = [sentence(judged, lang), *(sentence(said, lang) for said in judged.late_hours)] if judged else []
    event.add("description", "\n".join([*told, f"campaign={one_line(one.key)}", one_line(one.owner)]))
    if address is not None:
        event.add("url", address(one.id))
    event.add("transp", "TRANSPARENT")  # nobody is busy while mails go out
    return event
