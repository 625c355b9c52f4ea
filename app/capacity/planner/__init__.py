"""The planner: may a plan be sent, how fast, and why.

`judge` takes a plan, the load tests there are and what runs now, and returns a `Judgement`: values, JSON, text.
docs/planner.md says how it decides.
"""

from app.capacity.planner.judgement import (
    CampaignJudgement,
    Ceiling,
    Chance,
    Collision,
    Curve,
    Instances,
    Instants,
    Judgement,
    Lang,
    Later,
    Outcome,
    Reason,
    Rejected,
    Shift,
    Slow,
    Verdict,
)
from app.capacity.planner.scope import Scope
from app.capacity.planner.verdict.judge import judge

__all__ = (
    "CampaignJudgement",
    "Ceiling",
    "Chance",
    "Collision",
    "Curve",
    "Instances",
    "Instants",
    "Judgement",
    "Lang",
    "Later",
    "Outcome",
    "Reason",
    "Rejected",
    "Scope",
    "Shift",
    "Slow",
    "Verdict",
    "judge",
)
