"""The report of a played plan as plain text: totals, campaigns, and the minutes (alike ones together)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from operator import add
from typing import Any, Final
from unicodedata import east_asian_width

MOST_ROWS: Final = 100  # of minutes; the JSON form has every one
COUNTS: Final = ("attempts", "retries", "calls", "sent", "sent_blank", "sent_degraded", "aborted")
OF_CAMPAIGN: Final = ("recipients", *COUNTS, "skipped", "pending")
OF_MINUTE: Final = (*COUNTS, "peak_calls_per_s")

Values = Mapping[str, Any]


def as_text(report: Values) -> str:
    """Write what `Report.as_json` returns as a table for people."""
    halts = [
        f"Braze halted host {halt['host']} for failing at {halt['halted_after']}." for halt in report["halts"]
    ]
    lines = [
        _headline(report),
        "",
        *_aligned(list(_campaign_rows(report["campaigns"]))),
        "",
        *_aligned(list(_minute_rows(report["minutes"]))),
        *halts,
    ]
    return "\n".join(lines) + "\n"


def _headline(report: Values) -> str:
    totals, peak = report["totals"], report["peak"]
    calls = f", at most {peak['calls_per_s']:,} calls/s at {peak['at']}" if peak else ""
    ending = f"ends at {report['ends_at']}{calls}" if report["ends_at"] else "nothing was started"
    return (
        f"{totals['sent']:,} of {totals['recipients']:,} messages sent "
        f"({totals['sent_blank']:,} blank, {totals['sent_degraded']:,} degraded), {totals['aborted']:,} aborted, "
        f"{totals['skipped']:,} skipped, {totals['pending']:,} pending; {ending}."
    )


def _campaign_rows(campaigns: Sequence[Values]) -> Iterator[list[str]]:
    yield ["campaign", *OF_CAMPAIGN, "ends at", "in time"]
    for campaign in campaigns:
        in_time = {None: "-", True: "yes", False: "no"}[campaign["in_time"]]
        yield [campaign["name"], *_numbers(campaign, OF_CAMPAIGN), campaign["ends_at"] or "-", in_time]


def _minute_rows(minutes: Sequence[Values]) -> Iterator[list[str]]:
    yield ["minute", "at", *OF_MINUTE]
    groups = _alike(minutes)
    for group in groups[:MOST_ROWS]:
        first, last = group[0], group[-1]
        span = str(first["minute"]) if first is last else f"{first['minute']}-{last['minute']}"
        yield [span, first["at"], *_numbers(first, OF_MINUTE)]
    if len(groups) > MOST_ROWS:
        yield ["...", f"{sum(map(len, groups[MOST_ROWS:]))} minutes more: see the JSON form"]


def _alike(minutes: Sequence[Values]) -> list[list[Values]]:
    """Group minutes that follow each other and show the same numbers."""
    keyed = groupby(
        enumerate(minutes), key=lambda one: (one[1]["minute"] - one[0], _numbers(one[1], OF_MINUTE))
    )
    return [[minute for _, minute in group] for _, group in keyed]


def _numbers(values: Values, names: Sequence[str]) -> list[str]:
    return [f"{values[name]:,}" for name in names]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the cells of each column: the first to the left, the others to the right."""
    widths = [max(map(_width, column)) for column in zip_longest(*rows, fillvalue="")]
    lines = []
    for row in rows:
        pads = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
        cells = [row[0] + pads[0], *map(add, pads[1:], row[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """Count terminal columns: Korean letters take two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
