"""The description of what mails came to."""

from __future__ import annotations

from typing import Final, NamedTuple

from app.feedback.results.experiment import Conclusion
from app.web.openapi_parts import Json, body, object_of, parameter, problem, ref, text, whole
from app.web.planner.openapi_schemas import INSTANT, PERHAPS_INSTANT


class Described(NamedTuple):
    """An operation that reads: its id, what it is for, its answers and parameters."""

    name: str
    summary: str
    responses: Json
    parameters: tuple[Json, ...] = ()


_NUMBER: Json = {"type": "number"}
_COUNTS: Json = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_PERHAPS: Json = {"anyOf": [ref("Difference"), {"type": "null"}]}
_INTERVAL = object_of(value=_NUMBER, low=_NUMBER, high=_NUMBER)
_DIFFERENCE = object_of(
    absolute=ref("Interval"),
    relative={"anyOf": [ref("Interval"), {"type": "null"}]},
    p_value={"type": ["number", "null"]},
    method=text(
        "score and welch at the planned end; gavi holds at every look", enum=["score", "welch", "gavi"]
    ),
    alpha=_NUMBER,
)
_MAIL_COUNTS = object_of(
    arm=text("Of an experiment; empty where there was none"),
    mailed=whole("Mails that went out", minimum=0),
    members=whole("Members mailed", minimum=0),
    clicked=whole("People who clicked", minimum=0),
    clicks=whole("Clicks by people", minimum=0),
    scanners=_COUNTS,
    unfiltered=whole("Clicks of which Braze said nothing", minimum=0),
    applied=whole("Members with a credited application", minimum=0),
    applications=_COUNTS,
    events=_COUNTS,
)
_RATE = object_of(
    name=text("Place, source or reason code"),
    shown=whole("How often shown", minimum=0),
    clicked=whole("Of these, clicked by a person", minimum=0),
    low=_NUMBER,
    high=_NUMBER,
    rate=_NUMBER,
)
_VARIANT = object_of(
    variation_id=text("Braze's message_variation_id"),
    mailed=whole("Mails", minimum=0),
    members=whole("Members", minimum=0),
    clicked=whole("People who clicked", minimum=0),
    applied=whole("Members with a credited application", minimum=0),
    variants=_COUNTS,
)
_HELD = object_of(
    of=text("Held back from what", enum=["campaign", "canvas"]),
    members=whole("Held back", minimum=0),
    applied=whole("Of these, who applied to anything within 7 days", minimum=0),
    mailed=whole("Mailed on the same days", minimum=0),
    mailed_applied=whole("Of these, who applied to anything", minimum=0),
    difference=_PERHAPS,
)
_HEAD: Json = {"schema": {"const": "connected-jobs/results"}, "version": {"const": 1}, "computed_at": INSTANT}
_ARM = object_of(
    arm=text("Its name; the first is the control"),
    share=_NUMBER,
    recipe=text("How its lists are made", nullable=True),
    members=whole("Members mailed, whatever became of the mail", minimum=0),
    clicked=whole(
        "People who clicked; null, as all below, where the arm has fewer than 10 members",
        nullable=True,
        minimum=0,
    ),
    applied=whole("Members with a credited application", nullable=True, minimum=0),
    after_click=whole(
        "Members who applied to a posting that they had clicked in the mail", nullable=True, minimum=0
    ),
    applications={"type": ["number", "null"]},
    applied_anyway=whole("Members with any application on the board", nullable=True, minimum=0),
    events={"anyOf": [_COUNTS, {"type": "null"}]},
)
_COMPARISON = object_of(
    arm=text("Its name"),
    clicked=_PERHAPS,
    decisive=_PERHAPS,
    applied=_PERHAPS,
    applications=_PERHAPS,
    applied_anyway=_PERHAPS,
    guards={"type": "object", "additionalProperties": _PERHAPS},
    conclusion=text("What may be said of it", enum=[str(one) for one in Conclusion]),
    more_days=whole("For not_yet: days to wait; null for until the planned end", nullable=True),
)
_EXPERIMENT = object_of(
    **_HEAD,
    kind={"const": "experiment"},
    experiment=text("Its key"),
    campaign=text("The campaign's key"),
    state=text("draft, running or stopped"),
    started_at=PERHAPS_INSTANT,
    planned_end=PERHAPS_INSTANT,
    stopped_at=PERHAPS_INSTANT,
    until=INSTANT,
    at_planned_end={"type": "boolean"},
    sample_ratio_p={"type": ["number", "null"]},
    withheld={"type": "boolean", "description": "Members are not split as planned: no difference is told"},
    crossed=whole("Members met in two arms", minimum=0),
    narrowed={"type": "number", "description": "Share of the variance of applications that CUPED takes away"},
    arms={"type": "array", "items": ref("ArmResult")},
    comparisons={"type": "array", "items": ref("ArmComparison")},
    sentences={"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
)
_SEND: Json = {
    "campaign": text("Its key"),
    "day": {"type": "string", "format": "date"},
    "arms": {"type": "array", "items": ref("MailCounts")},
}
_RATES: Json = {"type": "array", "items": ref("ClickRate")}
_CAMPAIGN = object_of(
    **_HEAD,
    kind={"const": "campaign"},
    campaign=text("Its key"),
    sends={"type": "array", "items": object_of(**_SEND, still_grows={"type": "boolean"})},
    by_position=_RATES,
    by_source=_RATES,
    by_reason=_RATES,
    variants={"type": "array", "items": ref("BrazeVariant")},
    variants_not_one_to_one={"type": "array", "items": {"type": "string"}},
    held_back={"type": "array", "items": ref("HeldBack")},
)
RESULT_SCHEMAS: Final[Json] = {
    "ArmComparison": _COMPARISON,
    "ArmResult": _ARM,
    "BrazeVariant": _VARIANT,
    "CampaignResult": _CAMPAIGN,
    "ClickRate": _RATE,
    "Difference": _DIFFERENCE,
    "ExperimentResult": _EXPERIMENT,
    "HeldBack": _HELD,
    "Interval": _INTERVAL,
    "MailCounts": _MAIL_COUNTS,
}
_LISTED = object_of(
    experiments={
        "type": "array",
        "items": object_of(
            experiment=text("Its key"), campaign=text("The campaign's"), state=text("As it was counted")
        ),
    },
    campaigns={"type": "array", "items": object_of(**_SEND)},
)
_POWER = object_of(
    members=whole("In all arms", minimum=0),
    lift={"type": ["number", "null"], "description": "Relative difference; null where none would be seen"},
    base_share=_NUMBER,
    arms=whole("Of equal size", minimum=2),
    power=_NUMBER,
    alpha=_NUMBER,
)
_KEY = parameter("key", "Its key", {"type": "string", "minLength": 1}, where="path", required=True)
_NONE = problem("Nothing was counted of it.")
RESULTS: Final = {
    "/v1/results": Described(
        "all_results",
        "Every experiment counted, and each campaign's newest send",
        {"200": body("Lists.", _LISTED)},
    ),
    "/v1/results/experiments/{key}": Described(
        "experiment_results",
        "What an experiment's arms came to, and what may be concluded",
        {
            "200": body("docs/loop.md", ref("ExperimentResult")),
            "400": problem("`since` was given: an experiment is counted whole."),
            "404": _NONE,
        },
        (_KEY,),
    ),
    "/v1/results/campaigns/{key}": Described(
        "campaign_results",
        "What a campaign's sends came to",
        {"200": body("docs/loop.md", ref("CampaignResult")), "404": _NONE},
        (_KEY, parameter("since", "Sends from this day on, in Seoul", {"type": "string", "format": "date"})),
    ),
    "/v1/results/power": Described(
        "power",
        "How many members an experiment needs for how small a difference",
        {"200": body("The other of members and lift.", _POWER)},
        (
            parameter("base_share", "Share of members who apply as it is", _NUMBER, required=True),
            parameter("lift", "The relative difference to see", _NUMBER),
            parameter("members", "Members in all arms", _NUMBER),
            parameter("arms", "Arms of equal size; 2 where absent", _NUMBER),
        ),
    ),
}
