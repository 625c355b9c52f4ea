"""The report of a played plan: as JSON values, and as a table of totals, campaigns and minutes (alike ones together)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from operator import add
from typing import Any, Final

import numpy as np
from rich.cells import cell_len

from app.capacity.campaign import Campaign, Case
from app.capacity.local_time import MINUTE_S, unix_minute, wall_time
from app.capacity.plan.plan import Plan
from app.capacity.simulation.result import Quantity, SimulationResult

NAMES: Final[Mapping[Quantity, str]] = {
    Quantity.ATTEMPTS: "attempts",
    Quantity.RETRIES: "retries",
    Quantity.CALLS: "calls",
    Quantity.SENT: "sent",
    Quantity.BLANK: "sent_blank",
    Quantity.DEGRADED: "sent_degraded",
    Quantity.ABORTED: "aborted",
    Quantity.EXPIRED: "aborted_delayed",
}
MOST_ROWS: Final = 100  # of minutes; the JSON form has every one
COUNTS: Final = ("attempts", "retries", "calls", "sent", "sent_blank", "sent_degraded", "aborted")
OF_CAMPAIGN: Final = ("recipients", *COUNTS, "skipped", "pending")
OF_MINUTE: Final = (*COUNTS, "peak_calls_per_s")

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """A plan and what playing it came to; `case` says which numbers of the plan's ranges were played."""

    plan: Plan
    played: SimulationResult
    case: Case

    def as_json(self) -> dict[str, Any]:
        """Return the whole report as plain JSON values; times are ISO 8601 in the company's zone."""
        played = self.played
        return {
            "case": self.case,
            "seed": self.plan.seed,
            "time_zone": self.plan.workspace.time_zone,
            "workspace_limit_per_min": self.plan.workspace.limit_per_min,
            "starts_at": self._when(int(played.minutes[0]) if len(played.minutes) else None),
            "ends_at": self._when(played.end_minute()),
            "totals": _totals(played, None),
            "peak": self._peak(),
            "campaigns": [
                self._campaign(index, campaign) for index, campaign in enumerate(self.plan.campaigns)
            ],
            "minutes": self._minutes(),
            "halts": [{"host": host, "halted_after": self._second(second)} for host, second in played.halts],
            "assumptions": self.plan.workspace.assumptions.explained(),
        }

    def as_text(self) -> str:
        """Return the report as a plain table for people."""
        return _as_text(self.as_json())

    def _when(self, minute: int | None) -> str | None:
        zone = self.plan.workspace.time_zone
        return None if minute is None else wall_time(minute, zone).isoformat(timespec="minutes")

    def _second(self, second: int) -> str:
        minute, place = divmod(second, MINUTE_S)
        return wall_time(minute, self.plan.workspace.time_zone).replace(second=place).isoformat()

    def _peak(self) -> dict[str, Any] | None:
        by_second = self.played.by_second()
        if not by_second.any():
            return None
        row, place = np.unravel_index(int(by_second.argmax()), by_second.shape)
        at = int(self.played.minutes[row]) * MINUTE_S + int(place)
        return {"calls_per_s": int(by_second.max()), "at": self._second(at)}

    def _campaign(self, index: int, campaign: Campaign) -> dict[str, Any]:
        played = self.played
        end = played.end_minute(index)
        finish_by = campaign.finish_by
        limit = None if finish_by is None else unix_minute(finish_by, self.plan.workspace.time_zone)
        return {
            "name": campaign.name,
            "kind": campaign.kind,
            "limit_per_min": campaign.limit_per_min,
            "ends_at": self._when(end),
            "finish_by": self._when(limit),
            "in_time": None if limit is None else played.pending[index] == 0 and (end or 0) <= limit,
            **_totals(played, index),
        }

    def _minutes(self) -> list[dict[str, Any]]:
        played = self.played
        by_second = played.by_second().tolist()
        totals = played.tallies.sum(axis=2).tolist()
        attempts = played.count(Quantity.ATTEMPTS).tolist()
        return [
            {
                "minute": minute - played.first_minute + 1,
                "at": self._when(minute),
                **{name: totals[row][what] for what, name in NAMES.items()},
                "attempts_by_campaign": dict(zip(played.names, attempts[row], strict=True)),
                "outcomes": dict(played.outcomes[row]),
                "peak_calls_per_s": max(by_second[row]),
                "calls_per_s": by_second[row],
            }
            for row, minute in enumerate(played.minutes.tolist())
        ]


def _totals(played: SimulationResult, campaign: int | None) -> dict[str, int]:
    columns = slice(None) if campaign is None else slice(campaign, campaign + 1)
    counts = {name: int(played.count(what)[:, columns].sum()) for what, name in NAMES.items()}
    return {
        "recipients": sum(played.recipients[columns]),
        **counts,
        "skipped": sum(played.skipped[columns]),
        "pending": sum(played.pending[columns]),
    }


def _as_text(report: Values) -> str:
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
    widths = [max(map(cell_len, column)) for column in zip_longest(*rows, fillvalue="")]
    lines = []
    for row in rows:
        pads = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False)]
        cells = [row[0] + pads[0], *map(add, pads[1:], row[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines
