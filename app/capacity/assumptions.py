"""What the send model takes for granted about Braze: each value with its source, or "assumed"."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

DOCS: Final = "braze.com/docs/user_guide/"
PACING: Final = DOCS + "messaging/messaging_fundamentals/frequency_capping"
CONTENT: Final = DOCS + "messaging/design_and_edit/personalize/connected_content"
HEALTH: Final = CONTENT + "/troubleshooting_webhooks_and_connected_content"
RETRIES: Final = CONTENT + "/connected_content_retries"
CACHING: Final = CONTENT + "/caching_responses"
TIMING: Final = DOCS + "brazeai/intelligence_suite/intelligent_timing"
WORKSPACE: Final = DOCS + "administer/global/workspace_settings/messaging_rate_limits"

MinuteShape = Literal["decay", "block"]
HourShape = Literal["even", "on_the_hour"]
WorkspaceOrder = Literal["first_come", "mixed"]
BreakerResume = Literal["probing", "full_speed"]


def _said(source: str, low: float = 0, high: float = 0, choices: tuple[str, ...] = ()) -> Mapping[str, Any]:
    return {"source": source, "low": low, "high": high, "choices": choices}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Braze's behaviour in numbers; a plan file overrides any of them in its table `assumptions`.

    Each field's metadata carries `source` (a page of Braze's public documentation, or "assumed: ..."),
    and the bounds or choices that a plan file must keep to.
    """

    at_once_max_per_min: int = field(
        default=1_000_000,
        metadata=_said(f"assumed: {PACING} says only that unlimited sends may exceed 500,000", 10, 5_000_000),
    )
    minute_shape: MinuteShape = field(
        default="decay",
        metadata=_said(
            f"assumed: {PACING} says only that more may fall in the first half of a minute",
            choices=("decay", "block"),
        ),
    )
    hour_shape: HourShape = field(
        default="even",
        metadata=_said(
            f"assumed: {TIMING} tells the users of an hour and no finer; on_the_hour is the stress case",
            choices=("even", "on_the_hour"),
        ),
    )
    workspace_order: WorkspaceOrder = field(
        default="first_come",
        metadata=_said(
            f"{WORKSPACE}: first come, first served, campaigns of one start in no particular order",
            choices=("first_come", "mixed"),
        ),
    )
    delay_abort_h: int = field(default=72, metadata=_said(PACING, 1, 168))
    late_skip_h: float = field(default=1.0, metadata=_said(TIMING, 0, 24))
    part_gap_ms: float = field(
        default=20.0,
        metadata=_said(f"assumed: {CONTENT} says only that parts render separately", 0, 1_000),
    )
    cache_age_s: int = field(default=300, metadata=_said(CACHING, 300, 14_400))
    cache_hit_share: float = field(
        default=0.0,
        metadata=_said(f"assumed: {CACHING} calls its cache volatile; 0 sizes for no help from it", 0, 1),
    )
    cut_off_s: float = field(default=2.0, metadata=_said(f"{CONTENT}/making_an_api_call", 0.1, 60))
    cut_off_status: int = field(
        default=408,
        metadata=_said(f"assumed: {CONTENT} does not say which status a cut-off call gets", 400, 599),
    )
    max_retries: int = field(default=5, metadata=_said(RETRIES, 0, 20))
    backoff_base_s: float = field(
        default=10.0, metadata=_said(f"assumed: {RETRIES} says only that backoff is exponential", 0, 3_600)
    )
    backoff_factor: float = field(
        default=2.0, metadata=_said(f"assumed: {RETRIES} says only that backoff is exponential", 1, 10)
    )
    backoff_cap_s: float = field(
        default=600.0, metadata=_said(f"assumed: {RETRIES} names no longest wait", 0, 86_400)
    )
    breaker: bool = field(default=True, metadata=_said(HEALTH))
    breaker_failures: int = field(default=3_000, metadata=_said(HEALTH, 0, 10_000_000))
    breaker_share: float = field(default=0.9, metadata=_said(HEALTH, 0, 1))
    breaker_statuses: tuple[int, ...] = field(
        default=(408, 429, 502, 503, 504, 529), metadata=_said(HEALTH, 400, 599)
    )
    breaker_halt_s: int = field(default=60, metadata=_said(HEALTH, 1, 3_600))
    breaker_resume: BreakerResume = field(
        default="probing",
        metadata=_said(
            f"{HEALTH} gives both: a few probes first, or full speed at once",
            choices=("probing", "full_speed"),
        ),
    )
    breaker_probes: int = field(
        default=10, metadata=_said(f"assumed: {HEALTH} says only a small number of requests", 1, 10_000)
    )

    def backoff_s(self, attempt: int) -> float:
        """Seconds between the failure of attempt number `attempt` (first is 0) and its retry's turn."""
        return min(self.backoff_cap_s, self.backoff_base_s * self.backoff_factor**attempt)

    def explained(self) -> list[dict[str, Any]]:
        """Every value with its name and source, as JSON values, in the order of the fields."""
        values = ((f, getattr(self, f.name)) for f in fields(self))
        return [
            {
                "name": f.name,
                "value": list(value) if isinstance(value, tuple) else value,
                "source": f.metadata["source"],
            }
            for f, value in values
        ]
