"""A judgement as plain JSON values: docs/planner.md describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from app.capacity.formats import LANGUAGES
from app.capacity.local_time import wall_time
from app.capacity.planner.demand.curves import coarse_enough
from app.capacity.planner.judgement import CampaignJudgement, Collision, Curve, Judgement
from app.capacity.planner.reasons import Reason
from app.capacity.planner.wording.sentences import sentence, ways_out

if TYPE_CHECKING:
    from app.capacity.apportion import Counts

MOST_ROWS: Final = 2_000  # of a curve


def as_json(judged: Judgement) -> dict[str, Any]:
    """Return everything that was judged; instants are ISO 8601 with their offset, curves have at most 2,000 rows."""
    return {"sentence": {lang: sentence(judged, lang) for lang in LANGUAGES}, **_fields(judged)}


def _plain(value: object) -> Any:
    match value:
        case Reason() | CampaignJudgement() | Collision():
            return _told(value)
        case Curve():
            return _curve(value)
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
        case tuple():
            return [_plain(one) for one in value]
        case datetime():
            return value.isoformat(timespec="minutes")
    return _fields(value) if is_dataclass(value) else value


def _told(value: Reason | CampaignJudgement | Collision) -> dict[str, Any]:
    """Return what is said of a value beside its fields."""
    in_all = {lang: sentence(value, lang) for lang in LANGUAGES}
    match value:
        case Reason():
            return {"code": value.code.value, "numbers": _plain(value.numbers), "sentence": in_all}
        case Collision():
            ways = {lang: list(ways_out(value, lang)) for lang in LANGUAGES}
            return {"sentence": in_all, "ways_out": ways, **_fields(value)}
        case CampaignJudgement():
            return {"sentence": in_all, **_fields(value)}


def _fields(value: Any) -> dict[str, Any]:
    return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}


def _curve(curve: Curve) -> dict[str, Any]:
    bucket_min = coarse_enough(curve.minutes, MOST_ROWS, at_least=curve.bucket_min)
    minutes = curve.minutes // bucket_min * bucket_min
    starts = np.flatnonzero(np.diff(minutes, prepend=-1))
    totals = (_highest(calls, starts).tolist() for calls in (curve.low, curve.likely, curve.high))
    likely, high = (_highest(calls, starts) for calls in (curve.by_campaign_likely, curve.by_campaign_high))
    rows = zip(minutes[starts].tolist(), *totals, strict=True)
    return {
        "bucket_min": bucket_min,
        "columns": ["at", "low", "likely", "high"],
        "rows": [[_plain(wall_time(minute, curve.time_zone)), *calls] for minute, *calls in rows],
        "campaigns": [
            {"name": name, "likely": likely[place].tolist(), "high": high[place].tolist()}
            for place, name in enumerate(curve.names)
        ],
        "peak": {
            "at": _plain(curve.peak_at),
            "high": curve.peak_rps,
            "seconds": curve.seconds_of_peak.sum(axis=0).tolist(),
        },
    }


def _highest(calls: Counts, starts: Counts) -> Counts:
    """Return the highest of each stretch of columns that begins at one of `starts`."""
    if not len(starts):
        return calls
    top: Counts = np.maximum.reduceat(calls, starts, axis=-1)
    return top
