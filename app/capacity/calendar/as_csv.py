"""A calendar as comma-separated values, RFC 4180, which no spreadsheet takes for a program."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from app.capacity.calendar.entries import NO_WORDS, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.capacity.calendar.entries import CalendarEntry

COLUMNS: Final = (
    *("number", "starts_at", "ends_at", "time_zone", "name", "verdict", "recipients"),
    *("limit_per_min", "advised_limit_per_min", "kind", "owner", "key", "braze_campaign_id", "series"),
)
BOM: Final = "\ufeff"  # by which Excel knows UTF-8
# What begins a formula in some spreadsheet, written wide too.
_FORMULAS: Final = tuple("=+-@\t\r\n＝＋－＠")


def as_csv(entries: Sequence[CalendarEntry], *, words: Mapping[str, str] = NO_WORDS) -> str:
    """Write a row for each campaign under the names of the columns.

    Times are wall time in the zone beside them, as spreadsheets read them. `words` says columns, verdicts and kinds in
    a reader's language; without it they are the API's. A text that a spreadsheet would take for a formula gets an
    apostrophe before it.
    """
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow([words.get(name, name) for name in COLUMNS])
    table.writerows([_row(one, words) for one in entries])
    return written.getvalue()


def _row(entry: CalendarEntry, words: Mapping[str, str]) -> list[str | int | None]:
    one, plan, judged = entry.campaign, entry.plan, entry.judgement
    verdict = judged.verdict if judged else None
    return [
        one.id,
        f"{entry.starts_at:%Y-%m-%d}" if entry.all_day else _wall(entry.starts_at),
        _wall(entry.ends_at),
        str(entry.starts_at.tzinfo),
        harmless(one.name),
        None if verdict is None else words.get(verdict, verdict),
        int(plan.audience.likely),
        plan.limit_per_min,
        judged.advised_limit_per_min if judged else None,
        words.get(plan.kind, plan.kind),
        harmless(one.owner),
        harmless(one.key),
        harmless(one.braze_campaign_id or ""),
        one.series,
    ]


def harmless(text: str) -> str:
    """A text as a cell that is no formula and one line."""
    line = one_line(text)
    return f"'{line}" if text.lstrip().startswith(_FORMULAS) or text.startswith(_FORMULAS) else line


def _wall(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
