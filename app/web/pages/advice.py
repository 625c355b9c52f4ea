"""A campaign's advice taken over: what it changes in the campaign's table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.capacity.planner import CampaignJudgement


def advised_changes(own: CampaignJudgement) -> Mapping[str, Any] | None:
    """Return the plan file's fields that the advice changes, as JSON values; None if it changes nothing.

    Of a campaign that is only too late it is the speed that the service carries, and the end that it has then.
    """
    if own.state != "planned":
        return None
    if own.verdict == "GO_IF" and own.advised_limit_per_min not in {None, own.planned_limit_per_min}:
        kind = "rate_limited" if own.kind == "at_once" else own.kind
        return {"kind": kind, "limit_per_min": own.advised_limit_per_min}
    later = own.if_later
    if own.verdict == "NO_GO" and later is not None and later.limit_per_min is not None:
        kind = "rate_limited" if own.kind == "at_once" else own.kind
        return {
            "kind": kind,
            "limit_per_min": later.limit_per_min,
            "finish_by": later.finishes_at.replace(tzinfo=None).isoformat(timespec="seconds"),
        }
    return None
