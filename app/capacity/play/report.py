"""A plan file played, and its report as JSON values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.capacity.campaign import Campaign, Case
from app.capacity.local_time import MINUTE_S, unix_minute, wall_time
from app.capacity.plan.plan import Plan, read_plan
from app.capacity.play.report_text import as_text
from app.capacity.simulation.limited_service import LimitedService
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import Send, play_through
from app.capacity.simulation.service import Perfect, Scripted, Service

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
        return as_text(self.as_json())

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


def play_file(text: str, *, case: Case = "likely") -> Report:
    """Read a plan file's text and play it. Raises PlanError: one sentence."""
    plan = read_plan(text)
    return Report(plan, play_plan(plan, case=case), case)


def play_plan(plan: Plan, *, case: Case = "likely") -> SimulationResult:
    """Play a plan against the service it supposes."""
    send = Send(plan.campaigns, plan.workspace, seed=plan.seed, case=case)
    return play_through(send, supposed_service(plan, send.first_minute))


def supposed_service(plan: Plan, first_minute: int, *, speed: int = 1) -> Service:
    """Make the service that a plan supposes: its own lines and failure script, else a perfect one.

    In a send played `speed` times as fast, the service's own seconds are so many of the plan's.
    """
    lines = plan.service
    inner: Service = Perfect()
    if lines is not None:
        inner = LimitedService(
            lines.ceiling_rps,
            soft_rps=lines.soft_rps,
            hard_rps=lines.hard_rps,
            cut_off_s=plan.workspace.assumptions.cut_off_s * speed,
            most_waiting=lines.most_waiting * speed,
            overloaded_share=lines.overloaded_share,
            degraded_cost=lines.degraded_cost,
            refused_cost=lines.refused_cost,
            window_s=speed,
        )
    if not plan.failures:
        return inner
    return Scripted(
        plan.failures, inner, first_minute=first_minute, rng=np.random.default_rng([plan.seed, 1])
    )


def _totals(played: SimulationResult, campaign: int | None) -> dict[str, int]:
    columns = slice(None) if campaign is None else slice(campaign, campaign + 1)
    counts = {name: int(played.count(what)[:, columns].sum()) for what, name in NAMES.items()}
    return {
        "recipients": sum(played.recipients[columns]),
        **counts,
        "skipped": sum(played.skipped[columns]),
        "pending": sum(played.pending[columns]),
    }
