"""A judgement as JSON."""

import json
from collections.abc import Callable
from typing import Any

from app.capacity.planner import as_json

Build = Callable[..., Any]


def test_the_json_form_holds_everything_and_is_json(at: Build, judged: Build) -> None:
    told = as_json(judged(at("early"), at("late", 5)))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert list(told) == [
        *("sentence", "verdict", "binding", "if_evidence_held", "time_zone", "judged_at", "seed", "ceiling"),
        *("campaigns", "collisions", "planned", "advised", "instances", "notes", "assumptions"),
    ]
    assert told["planned"]["rows"][0] == ["2026-11-23T09:00+09:00", 1_667, 1_667, 1_667]
    assert told["planned"]["rows"][5] == ["2026-11-23T09:05+09:00", 3_334, 3_334, 3_334]
    assert told["planned"]["peak"]["at"] == "2026-11-23T09:05+09:00"
    assert max(told["planned"]["peak"]["seconds"]) == told["planned"]["peak"]["high"] == 3_334
    assert told["binding"]["sentence"]["en"].startswith(
        "At 50,000 messages a minute, up to 3,334 calls come in"
    )


def test_a_curve_of_weeks_is_cut_to_two_thousand_rows(at: Build, judged: Build) -> None:
    weeks = [at(f"c{day}", day * 24 * 60, recipients=43_200, limit_per_min=10) for day in range(0, 12, 3)]
    judgement = judged(*weeks)
    told = as_json(judgement)["planned"]
    assert len(judgement.planned.minutes) == 4 * 4_320
    assert (told["bucket_min"], len(told["rows"])) == (10, 4 * 432)
