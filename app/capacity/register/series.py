"""Campaigns sent every week: each is one of its own, and an edit of one may be carried on to those that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.capacity.plan.json_values import DefinitionError, read_definition
from app.capacity.plan.repeats import begins_on, follow, next_week
from app.capacity.register.campaigns import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.capacity.register.campaigns import RegisteredCampaign


def in_order(campaigns: Sequence[RegisteredCampaign]) -> list[RegisteredCampaign]:
    """Campaigns by their start; what has none comes last."""
    return sorted(campaigns, key=_start)


def following(one: RegisteredCampaign, series: Sequence[RegisteredCampaign]) -> list[RegisteredCampaign]:
    """Those of a series that begin after one of it."""
    return [other for other in in_order(series) if other.id != one.id and _start(other) > _start(one)]


def carried_on(before: Draft, after: Draft, other: RegisteredCampaign) -> Draft:
    """Another campaign of the series with what an edit changed.

    Raises:
        DefinitionError: what came of it does not fit; names the campaign.
    """
    try:
        definition = read_definition(follow(before.definition, after.definition, other.definition))[1]
    except DefinitionError as error:
        raise DefinitionError(f"{other.name} (campaign {other.id}): {error}", error.field) from error
    kept = other.draft()
    return Draft(
        key=after.key if after.key != before.key else kept.key,
        owner=after.owner if after.owner != before.owner else kept.owner,
        braze_campaign_id=after.braze_campaign_id
        if after.braze_campaign_id != before.braze_campaign_id
        else kept.braze_campaign_id,
        definition=definition,
    )


def changed_in_turn(
    before: Draft, after: Draft, campaigns: Sequence[RegisteredCampaign]
) -> list[RegisteredCampaign]:
    """In which order campaigns are moved, so that none takes the name of one that has yet to give it up."""
    begun, begins = begins_on(before.definition), begins_on(after.definition)
    later = begun is not None and begins is not None and begins > begun
    return in_order(campaigns)[:: -1 if later else 1]


def added_weeks(draft: Draft, series: Sequence[RegisteredCampaign]) -> list[Draft]:
    """The weeks that a draft asks for beyond those that its series has."""
    last = max((day for one in series if (day := begins_on(one.definition))), default=None)
    return [
        Draft(key=draft.key, owner=draft.owner, braze_campaign_id=draft.braze_campaign_id, definition=one)
        for one in draft.repeats
        if last is None or (begins_on(one) or last) > last
    ]


def duplicate(one: RegisteredCampaign, now: datetime) -> Draft:
    """A campaign again on the same weekday of the next week that is still to come; `now` is naive wall time.

    Raises:
        DefinitionError: the campaign can no longer be read.
    """
    kept = one.draft()
    return Draft(
        key=kept.key,
        owner=kept.owner,
        braze_campaign_id=kept.braze_campaign_id,
        definition=read_definition(next_week(one.definition, now))[1],
    )


def _start(one: RegisteredCampaign) -> tuple[bool, str, int]:
    start: Any = one.definition.get("at") or one.definition.get("on")
    return not isinstance(start, str), str(start), one.id
