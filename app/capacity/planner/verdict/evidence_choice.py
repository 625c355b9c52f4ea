"""Which load test decides, and whether it still speaks of what runs now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from app.capacity.evidence.file import is_ahead
from app.capacity.planner.judgement import Ceiling
from app.capacity.planner.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from app.capacity.evidence.ceiling import MeasuredCeiling, RunningService
    from app.capacity.plan.plan import Plan

TABLES_MAY_DIFFER: Final = 0.2
FEWEST_SOAK_CALLS: Final = 3_000  # without one failure they show, at 95 %, that fewer than a thousandth fail
FALLING: Final = "falling"
DAY_S: Final = 86_400
USABLE: Final = ("ceiling", "at_least")
SLOWED: Final = ("latency", "still_climbing")
UNANSWERED: Final = {"cut_offs": ReasonCode.CUT_OFFS, "service_went_away": ReasonCode.SERVICE_WENT_AWAY}


def choose_ceiling(
    plan: Plan,
    measured: Sequence[MeasuredCeiling],
    running: RunningService | None,
    now: datetime,
    *,
    instances: int | None = None,
) -> tuple[Ceiling, MeasuredCeiling | None]:
    """Return the ceiling to plan on, and the test it comes from.

    With `instances` a test of so many that holds otherwise goes before all others: a send may count on more than run now.

    Of the tests that hold for what runs now it is the newest ceiling, without one the newest lower bound. Where
    none holds it is the newest test that found something, and the ceiling says why it does not hold. A test dated ahead
    of `now` is none: a clock was wrong, and it would be the newest for as long.
    """
    share = plan.judging.usable_share
    of_now = [test for test in measured if not is_ahead(test.ended_at, now)]
    if not of_now:
        why = ReasonCode.EVIDENCE_AHEAD if measured else ReasonCode.EVIDENCE_MISSING
        return Ceiling(usable_share=share, retest=(Reason(why),), unchecked=_unchecked(running)), None
    counted_on = [test for test in of_now if test.instances == instances] if instances else []
    then = None if running is None or instances is None else replace(running, instances=instances)
    if any(test.kind in USABLE and not any(_why_not(plan, test, then, now)) for test in counted_on):
        of_now, running = counted_on, then
    newest = sorted(of_now, key=lambda test: (test.ended_at, test.evidence_id), reverse=True)
    reasons = {test.evidence_id: tuple(_why_not(plan, test, running, now)) for test in newest}
    found = [test for test in newest if test.kind in USABLE]
    holding = [test for test in found if not reasons[test.evidence_id]]
    ceilings = [test for test in holding if test.kind == "ceiling"]
    best = (ceilings or holding or found or newest)[0]
    ceiling = _ceiling(plan, best, running)
    age_days = round(_age_days(best, now), 2)
    return replace(ceiling, age_days=age_days, retest=reasons[best.evidence_id]), best


def _ceiling(plan: Plan, test: MeasuredCeiling, running: RunningService | None) -> Ceiling:
    share = plan.judging.usable_share
    return Ceiling(
        evidence_id=test.evidence_id,
        kind=test.kind,
        rps=test.rps,
        low_rps=test.low_rps,
        high_rps=test.high_rps,
        ended_at=test.ended_at.astimezone(ZoneInfo(plan.workspace.time_zone)),
        instances=test.instances,
        bound_by=test.bound_by,
        breaks=ReasonCode.LIMITER if _limited(test, running, share) else first_to_break(test),
        usable_share=share,
        usable_rps=_usable(test, running, share),
        base_load_rps=plan.judging.base_load_rps,
        unchecked=_unchecked(running),
    )


def _usable(test: MeasuredCeiling, running: RunningService | None, share: float) -> float:
    """Return the calls/s to plan on: the share of what was sustained, and never above a line that is on now."""
    line = running.limiter_rps if running is not None else None
    sustained = max(0.0, test.low_rps) * share
    return sustained if line is None else min(sustained, line)


def _limited(test: MeasuredCeiling, running: RunningService | None, share: float) -> bool:
    return _usable(test, running, share) < _usable(test, None, share)


def first_to_break(test: MeasuredCeiling) -> ReasonCode:
    """Name what gives first above a test's ceiling.

    A service that degrades or refuses at one of its own limiting lines is limited; one that degrades elsewhere
    waits for its database.
    """
    if not test.bound_by:
        return ReasonCode.CEILING
    first = test.bound_by[0]
    if first in SLOWED:
        return ReasonCode.LATENCY_SLO
    if first in {"degraded", "failures"}:
        broke_at = test.rps if test.high_rps is None else test.high_rps
        if test.limiter_rps is not None and test.limiter_rps <= broke_at:
            return ReasonCode.LIMITER
        return ReasonCode.DATABASE if first == "degraded" else ReasonCode.FAILURES
    return UNANSWERED.get(first, ReasonCode.CEILING)


def _why_not(
    plan: Plan, test: MeasuredCeiling, running: RunningService | None, now: datetime
) -> Iterator[Reason]:
    if test.kind == "unconfirmed":
        is_falling = FALLING in test.bound_by
        yield Reason(ReasonCode.EVIDENCE_FALLING if is_falling else ReasonCode.EVIDENCE_UNCONFIRMED)
    if test.kind == "none":
        yield Reason(ReasonCode.EVIDENCE_NONE)
    if test.kind in USABLE and test.soak_calls is not None and test.soak_calls < FEWEST_SOAK_CALLS:
        numbers = {"soak_calls": test.soak_calls, "fewest": FEWEST_SOAK_CALLS}
        yield Reason(ReasonCode.EVIDENCE_SHORT, numbers)
    oldest, age = plan.judging.evidence_max_age_days, _age_days(test, now)
    if age > oldest:
        yield Reason(ReasonCode.EVIDENCE_OLD, {"age_days": int(age), "max_age_days": oldest})
    if running is not None:
        yield from _mismatches(test, running)


def _mismatches(test: MeasuredCeiling, running: RunningService) -> Iterator[Reason]:
    if test.fingerprint is None:
        yield Reason(ReasonCode.EVIDENCE_UNTOLD, {"what": "fingerprint"})
    elif set(running.fingerprints) - {test.fingerprint}:
        versions = len(set(running.fingerprints))
        yield Reason(
            ReasonCode.EVIDENCE_FINGERPRINT, {"measured": test.fingerprint, "versions_running": versions}
        )
    if test.instances is None:
        yield Reason(ReasonCode.EVIDENCE_UNTOLD, {"what": "instances"})
    elif test.instances != running.instances:
        yield Reason(
            ReasonCode.EVIDENCE_INSTANCES, {"measured": test.instances, "running": running.instances}
        )
    if running.tables and not test.tables:
        yield Reason(ReasonCode.EVIDENCE_UNTOLD, {"what": "tables"})
    for name in sorted(set(running.tables) & set(test.tables)):
        then, now = test.tables[name], running.tables[name]
        if abs(now - then) > TABLES_MAY_DIFFER * then:
            yield Reason(ReasonCode.EVIDENCE_TABLES, {"table": name, "measured": then, "running": now})


def _unchecked(running: RunningService | None) -> tuple[str, ...]:
    if running is None:
        return "fingerprint", "instances", "tables"
    return () if running.tables else ("tables",)


def _age_days(test: MeasuredCeiling, now: datetime) -> float:
    return (now - test.ended_at.astimezone(UTC)).total_seconds() / DAY_S
