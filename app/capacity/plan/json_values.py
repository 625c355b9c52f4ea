"""A plan, a campaign and a workspace given as JSON values, refused in the plan file's own words.

JSON has no times: where a plan file has one, JSON has its text, "2026-11-23T09:00:00".
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.capacity.campaign import Campaign
from app.capacity.plan.campaign_table import read_campaign, with_speed
from app.capacity.plan.plan import Plan, read_plan, read_shared
from app.capacity.plan.repeats import repeated
from app.capacity.plan.table import PLAN, PlanError, shown
from app.capacity.plan.times import as_json_values, as_plan_values

TOP_FIELDS: Final = ("time_zone", "workspace_limit_per_min", "judging", "assumptions")


class DefinitionError(ValueError):
    """A campaign or a workspace that the plan file's reader refuses.

    `field` is the field at fault where one is, and the sentence says what is wrong with it and how to mend it.
    """

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


def read_definition(values: Mapping[str, Any]) -> tuple[Campaign, dict[str, Any]]:
    """Read one `[[campaigns]]` table given as JSON values; returns the campaign and its values in one form.

    Raises:
        DefinitionError: the plan file's sentence, without the table's place in a file.
    """
    timed = as_plan_values(values)
    try:
        return with_speed(1, read_campaign(1, timed)), as_json_values(timed)
    except PlanError as error:
        where = f"campaigns[1] {shown(timed['name'])}" if "name" in timed else "campaigns[1]"
        raise _about(str(error), where, "campaigns[1]") from error
    except RecursionError:
        raise DefinitionError("The campaign is nested too deeply: write its fields flat.") from None


def read_repeated(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read a table as `read_definition` does, once for each week that its `repeat_weekly_until` asks for."""
    try:
        tables = repeated(1, values)
    except PlanError as error:
        raise _about(str(error), "campaigns[1]") from error
    return [read_definition(table)[1] for table in tables]


def read_workspace(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read the plan file's top-level fields given as JSON values; returns them in one form.

    Raises:
        DefinitionError: the plan file's sentence.
    """
    for name in values:
        if name not in TOP_FIELDS:
            raise DefinitionError(
                f"{shown(name)} is not a field of the workspace; it has {', '.join(TOP_FIELDS)}.", name
            )
    try:
        read_shared(values)
    except PlanError as error:
        raise _about(str(error), PLAN) from error
    except RecursionError:
        raise DefinitionError("The workspace is nested too deeply: write its fields flat.") from None
    return as_json_values(as_plan_values(values))


def read_plan_values(values: Mapping[str, Any]) -> Plan:
    """Read a whole plan given as JSON values, the plan file's fields.

    Raises:
        PlanError: the plan file's own sentence.
    """
    campaigns = values.get("campaigns")
    if not isinstance(campaigns, list) or not all(isinstance(one, dict) for one in campaigns):
        raise PlanError("plan: campaigns is no list of tables; write a list of 1 to 100 campaigns.")
    try:
        return read_plan(values)
    except RecursionError:
        raise PlanError("plan: lists or tables are nested too deeply; write them flat.") from None


def _about(sentence: str, *places: str) -> DefinitionError:
    """The reader's sentence without the place it names first, which is none that a person wrote."""
    for place in places:
        if sentence.startswith(place):
            sentence = sentence.removeprefix(place).lstrip(": ")
            break
    named = re.match(r'"?([A-Za-z_]+)', sentence)
    return DefinitionError(sentence[:1].upper() + sentence[1:], named[1] if named else None)
