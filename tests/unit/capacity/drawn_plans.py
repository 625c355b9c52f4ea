"""Campaigns and workspaces that Hypothesis draws, half an hour before clocks change in London."""

from datetime import datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import (
    AllAtOnce,
    Campaign,
    IntelligentTiming,
    LocalTimeZones,
    QuietHours,
    Range,
    Timing,
    Workspace,
)

AT = datetime(2026, 3, 29, 0, 30)  # noqa: DTZ001  (wall time)


def timings(*more: st.SearchStrategy[Timing], starts: tuple[datetime, ...] = ()) -> st.SearchStrategy[Timing]:
    """All at once, by local time, by best hours, or one of `more`."""
    return st.one_of(
        st.builds(AllAtOnce, st.sampled_from([AT, AT + timedelta(minutes=3), *starts])),
        st.just(LocalTimeZones(AT, AT)),
        st.just(
            IntelligentTiming(AT.date(), tuple(float(hour % 3) for hour in range(24)), 0.3, time(10), AT)
        ),
        *more,
    )


def campaigns(kind: str, timing: st.SearchStrategy[Timing], **more: st.SearchStrategy[Any]) -> Any:
    """Campaigns of up to 4,000 recipients; `more` are fields that a test draws its own way."""
    usual: dict[str, st.SearchStrategy[Any]] = {
        "audience": st.integers(0, 4_000).map(Range.exactly),
        "limit_per_min": st.one_of(st.none(), st.integers(10, 700)),
        "burst": st.floats(1, 60).map(Range.exactly),
        "quiet_hours": st.sampled_from(
            [None, QuietHours(time(22), time(7)), QuietHours(time(0, 20), time(1, 10))]
        ),
        "priority": st.integers(1, 3),
    }
    return st.builds(Campaign, name=st.just("c"), kind=st.just(kind), timing=timing, **(usual | more))


def workspaces(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Workspace]:
    """Workspaces in London, with a limit or without; `more` are assumptions beside those of every test."""
    usual: dict[str, st.SearchStrategy[Any]] = {
        "minute_shape": st.sampled_from(["decay", "block"]),
        "workspace_order": st.sampled_from(["first_come", "mixed"]),
        "cache_hit_share": st.sampled_from([0.0, 0.5, 1.0]),
        "delay_abort_h": st.sampled_from([1, 2, 72]),
    }
    return st.builds(
        Workspace,
        time_zone=st.just("Europe/London"),
        limit_per_min=st.one_of(st.none(), st.integers(10, 2_000)),
        assumptions=st.builds(Assumptions, **(usual | more)),
    )
