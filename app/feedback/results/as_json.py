"""Results as JSON, the same for commands and the API: counts and differences, never a member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from app.feedback.results.fewest import is_few
from app.feedback.results.sentences import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.feedback.results.campaign import CampaignResult, ClickRate
    from app.feedback.results.counts import ArmCounts, SendCounts
    from app.feedback.results.experiment import ExperimentResult

SCHEMA = "connected-jobs/results"
VERSION = 1


def experiment_json(found: ExperimentResult, computed_at: datetime) -> dict[str, Any]:
    """An experiment's arms, what may be concluded, and the sentences in both languages."""
    counts = found.counts
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "kind": "experiment",
        "computed_at": computed_at.isoformat(),
        "experiment": counts.key,
        "campaign": counts.campaign,
        "state": counts.state,
        **{
            name: value and value.isoformat()
            for name, value in (
                ("started_at", counts.started_at),
                ("planned_end", counts.planned_end),
                ("stopped_at", counts.stopped_at),
                ("until", counts.until),
            )
        },
        "at_planned_end": found.at_planned_end,
        "sample_ratio_p": found.sample_ratio_p,
        "withheld": found.withheld,
        "crossed": counts.crossed,
        "narrowed": found.narrowed,
        "arms": [
            {
                "arm": arm.arm,
                "share": arm.share,
                "recipe": arm.recipe or None,
                "members": arm.members,
                **_came_of(arm),
            }
            for arm in counts.arms
        ],
        "comparisons": msgspec.to_builtins(found.comparisons),
        "sentences": {lang: sentences(found, lang) for lang in ("ko", "en")},
    }


def _came_of(arm: ArmCounts) -> dict[str, Any]:
    """What became of an arm's members; null where that would tell of a few."""
    told = {
        "clicked": arm.clicked,
        "applied": arm.applied,
        "after_click": arm.after_click,
        "applications": arm.applications.y,
        "applied_anyway": arm.applied_anyway,
        "events": arm.events,
    }
    return dict.fromkeys(told) if is_few(arm) else told


def campaign_json(found: CampaignResult, computed_at: datetime) -> dict[str, Any]:
    """A campaign's sends, click rates, Braze's variants and who was held back."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "kind": "campaign",
        "computed_at": computed_at.isoformat(),
        "campaign": found.campaign,
        "sends": [send_json(send) | {"still_grows": send.day >= found.open_since} for send in found.sends],
        "by_position": _rates(found.by_position),
        "by_source": _rates(found.by_source),
        "by_reason": _rates(found.by_reason),
        "variants": msgspec.to_builtins(found.variants),
        "variants_not_one_to_one": list(found.mixed),
        "held_back": msgspec.to_builtins(found.held),
    }


def send_json(send: SendCounts) -> dict[str, Any]:
    """One send: its day and arms."""
    return {"campaign": send.campaign, "day": send.day.isoformat(), "arms": msgspec.to_builtins(send.arms)}


def _rates(rates: Sequence[ClickRate]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(rate) | {"rate": rate.rate} for rate in rates]
