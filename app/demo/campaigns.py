"""Campaigns of next week for the demo: one of each verdict, sized to the measured rate of the service at hand."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from app.capacity.plan.plan import Judging

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

OWNER: Final = "demo"
UNMEASURED_RPS: Final = 200.0  # sizes the campaigns until a load test is run; no verdict uses it
# An HTML and a text part; the busiest second has four times the mean: calls/s that one message a minute may ask for.
CALLS: Final = {"low": 1, "likely": 2, "high": 2}
BUSIEST: Final = 2 * 4 / 60
PLANNED_SHARE: Final = 0.9  # of the usable rate; the rest is for seconds that chance makes busier
MORE_INSTANCES: Final = 4


def example_campaigns(usable_rps: float | None, today: date) -> list[Mapping[str, Any]]:
    """Drafts of campaigns in the week after `today`, as JSON values.

    Args:
        usable_rps: Calls/s that may be planned on; None where nothing was measured.
        today: The day in the company's zone.
    """
    affordable = (usable_rps or UNMEASURED_RPS) * PLANNED_SHARE / BUSIEST
    speeds = [limit for limit in Judging().offered_limits_per_min if limit <= affordable]
    fast = speeds[-1] if speeds else Judging().offered_limits_per_min[0]
    slow = speeds[-2] if len(speeds) > 1 else fast
    each_of_two = _as_typed(int(affordable * 0.6))
    monday = today + timedelta(days=7 - today.weekday())

    def at(day: int, hour: int, minute: int = 0) -> str:
        return datetime.combine(monday + timedelta(days=day), time(hour, minute)).isoformat(
            timespec="minutes"
        )

    definitions: dict[str, dict[str, Any]] = {
        "monday-digest": {
            "name": "월요일 아침 맞춤 공고",
            "kind": "at_once",
            "audience": fast * 60,
            "at": at(0, 9),
            "calls_per_recipient": CALLS,
            "finish_by": at(0, 13),
        },
        "weekly-digest": _rate_limited("주간 추천 공고", slow, 40, at(1, 9), at(1, 11), retry=True),
        "closing-soon": _rate_limited("오늘 마감 공고 알림", 500_000, 6, at(2, 18), at(2, 18, 5)),
        "career-letter": _rate_limited("커리어 뉴스레터", each_of_two, 45, at(3, 10), at(3, 12), priority=3),
        "first-job": _rate_limited("신입 공채 알림", each_of_two, 45, at(3, 10), at(3, 17)),
        "year-end": _rate_limited(
            "연말 특별 발송", fast * MORE_INSTANCES, 60, at(4, 9), at(4, 10, 30), instances=MORE_INSTANCES
        ),
    }
    return [{"key": key, "owner": OWNER, "definition": definition} for key, definition in definitions.items()]


def _as_typed(limit_per_min: int) -> int:
    """Round a speed up to two figures, as somebody types one, and to ten at least."""
    unit = max(10, int("1" + "0" * (len(str(limit_per_min)) - 2)))
    return max(10, -(-limit_per_min // unit) * unit)


def _rate_limited(
    name: str, limit: int, minutes: int, begins: str, finish_by: str, **more: Any
) -> dict[str, Any]:
    """A campaign at `limit` messages a minute whose audience takes so many minutes."""
    return {
        "name": name,
        "kind": "rate_limited",
        "audience": limit * minutes,
        "at": begins,
        "limit_per_min": limit,
        "calls_per_recipient": CALLS,
        "finish_by": finish_by,
        **more,
    }
