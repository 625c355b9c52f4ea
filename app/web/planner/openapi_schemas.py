"""The schemas of the planner's API: what it takes and what it answers with."""

from __future__ import annotations

from typing import Final, get_args

from app.board.campaign_key import CAMPAIGN_KEY
from app.capacity.campaign import Kind
from app.capacity.register.campaigns import BRAZE_ID, LONGEST_OWNER
from app.web.openapi_parts import PROBLEM, Json, object_of, ref, text, whole

KINDS: Final = list(get_args(Kind))
_RANGE = object_of(low={"type": "number"}, likely={"type": "number"}, high={"type": "number"})
INSTANT = {"type": "string", "format": "date-time"}
PERHAPS_INSTANT: Json = {"type": ["string", "null"], "format": "date-time"}
DEFINITION_FIELDS: Json = {
    "name": text("Unlike every other living campaign's", minLength=1, maxLength=100),
    "kind": text("How Braze sends it", enum=KINDS),
    "audience": {"description": "Recipients: a number, or low, likely and high"},
}
_DEFINITION: Json = {
    "type": "object",
    "description": "A [[campaigns]] table of docs/plan-file.md; times as text, 2026-11-23T09:00",
    "required": ["name", "kind", "audience"],
    "properties": DEFINITION_FIELDS,
}
_DRAFT: Json = {
    "type": "object",
    "required": ["key", "owner", "definition"],
    "properties": {
        "key": text("The template's `campaign` parameter", pattern=f"^{CAMPAIGN_KEY.pattern}$"),
        "owner": text("Who answers for it", minLength=1, maxLength=LONGEST_OWNER),
        "braze_campaign_id": text(
            "As on Braze's campaign page", nullable=True, pattern=f"^{BRAZE_ID.pattern}$"
        ),
        "definition": ref("Definition"),
    },
    "additionalProperties": False,
}
_CAMPAIGN = object_of(
    name=text("The definition's"),
    id=whole("Its number", minimum=1),
    key=text("The template's `campaign` parameter"),
    owner=text("Who answers for it"),
    braze_campaign_id=text("As on Braze's campaign page", nullable=True),
    definition=ref("Definition"),
    version=whole("Goes up by one with every edit", minimum=1),
    created_at=INSTANT,
    created_by=text("An operator"),
    updated_at=INSTANT,
    updated_by=text("An operator"),
    removed_at=PERHAPS_INSTANT,
    series=whole("The number of the campaign that its weekly series began with", nullable=True, minimum=1),
    in_braze={"anyOf": [ref("InBraze"), {"type": "null"}]},
    missing={
        "type": "array",
        "items": {"type": "string"},
        "description": "Fields of one from Braze that somebody has yet to say",
    },
)
_IN_BRAZE = object_of(
    id=text("Braze's id of the campaign or Canvas"),
    told={"type": "object", "description": "name, kind, at, schedule, tags and key, as Braze has them"},
    given={"type": "object", "description": "What was taken over of it; these fields follow Braze"},
    findings={
        "type": "array",
        "items": object_of(
            code=text("What is wrong with a template"), numbers={"type": "object", "description": "Of it"}
        ),
    },
    read_at=INSTANT,
    looked_at=PERHAPS_INSTANT,
    gone_at=PERHAPS_INSTANT,
)
_WORKSPACE_DEFINITION: Json = {
    "type": "object",
    "description": "The top of docs/plan-file.md: time_zone, workspace_limit_per_min, judging, assumptions",
    "required": ["time_zone"],
    "properties": {"time_zone": text("IANA name")},
}
_WORKSPACE = object_of(
    definition=ref("WorkspaceDefinition"),
    version=whole("Goes up by one with every edit", minimum=1),
    updated_at=INSTANT,
    updated_by=text("An operator"),
)
_STALE: Json = PROBLEM | {
    "required": [*PROBLEM["required"], "newer"],
    "properties": PROBLEM["properties"] | {"newer": {"anyOf": [ref("Campaign"), ref("Workspace")]}},
}
_CHANGE = object_of(
    at=INSTANT,
    who=text("An operator"),
    what=text("What was done", enum=["added", "edited", "removed"]),
    before={"type": ["object", "null"]},
    after={"type": ["object", "null"]},
)
_SEND = object_of(
    key=text("The campaign parameter of its calls"),
    send=text("The send parameter of its calls, or the day"),
    first_at=INSTANT,
    last_at=INSTANT,
    calls=whole("Calls answered", minimum=1),
    degraded=whole("Of these, from a poorer source", minimum=0),
    peak_rps=whole("Calls in the busiest second", minimum=1),
    peak_at=INSTANT,
    members=ref("Range"),
    calls_per_recipient={"anyOf": [ref("Range"), {"type": "null"}]},
    burst={"anyOf": [ref("Range"), {"type": "null"}]},
    sent=whole("Braze's own count", nullable=True),
    sent_by=text("Who entered it", nullable=True),
    sent_at=PERHAPS_INSTANT,
)
_EVIDENCE = object_of(
    id=text("The search's"),
    ended_at=PERHAPS_INSTANT,
    kind=text("docs/evidence-schema.md"),
    rps={"type": ["number", "null"]},
    low_rps={"type": ["number", "null"]},
    sentence=text("What was found"),
    added_at=PERHAPS_INSTANT,
    added_by=text("Who added it", nullable=True),
    wrong=text("Why no verdict goes by it, where it cannot be read", nullable=True),
)
CALIBRATED = object_of(
    campaign=text("Its name"),
    field=text("What nobody wrote", enum=["calls_per_recipient", "burst"]),
    value=ref("Range"),
    send=text("The send that it was measured at"),
    measured_at=INSTANT,
    error={"type": ["number", "null"], "description": "Of that send's own forecast: measured / likely - 1"},
)
JUDGEMENT: Json = {
    "type": "object",
    "description": "docs/planner.md",
    "required": ["verdict"],
    "properties": {"verdict": text("May it be sent?", enum=["GO", "GO_IF", "NO_GO", "RETEST"])},
}
SCHEMAS: Json = {
    "Campaign": _CAMPAIGN,
    "Change": _CHANGE,
    "Definition": _DEFINITION,
    "Draft": _DRAFT,
    "Evidence": _EVIDENCE,
    "InBraze": _IN_BRAZE,
    "Problem": PROBLEM,
    "Range": _RANGE,
    "Send": _SEND,
    "StaleEdit": _STALE,
    "Workspace": _WORKSPACE,
    "WorkspaceDefinition": _WORKSPACE_DEFINITION,
}
