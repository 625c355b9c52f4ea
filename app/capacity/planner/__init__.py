"""The planner: may a plan be sent, how fast, and why.

`judge` takes a plan, the load tests there are and what runs now, and returns a `Judgement` of plain values; `sentence`,
`as_text` and `as_json` say it. docs/planner.md says how it decides.
"""

from app.capacity.planner.judgement import (
    CampaignJudgement,
    Ceiling,
    Collision,
    Curve,
    Instances,
    Instants,
    Judgement,
    Later,
    Probability,
    Rejected,
    SendOutcome,
    ShiftedSend,
    SlowerSend,
    Verdict,
)
from app.capacity.planner.reasons import Reason, ReasonCode, TooManyCalls
from app.capacity.planner.scope import JudgementScope
from app.capacity.planner.verdict.judge import ALL_WORK, ONLY_VERDICTS, judge
from app.capacity.planner.wording.as_json import as_json
from app.capacity.planner.wording.sentences import safe_range, sentence, ways_out
from app.capacity.planner.wording.text import as_text

__all__ = (
    "ALL_WORK",
    "ONLY_VERDICTS",
    "CampaignJudgement",
    "Ceiling",
    "Collision",
    "Curve",
    "Instances",
    "Instants",
    "Judgement",
    "JudgementScope",
    "Later",
    "Probability",
    "Reason",
    "ReasonCode",
    "Rejected",
    "SendOutcome",
    "ShiftedSend",
    "SlowerSend",
    "TooManyCalls",
    "Verdict",
    "as_json",
    "as_text",
    "judge",
    "safe_range",
    "sentence",
    "ways_out",
)
