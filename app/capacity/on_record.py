"""The campaigns on record, judged: the one way, for every page, the API and the commands.

Whatever is asked about, all that may still be sent is in the plan, so that a campaign has one verdict wherever it is
looked at: an advised speed may be far slower than the planned one, and meet what no planned hour does. Who was put on
record first goes first, and what is only asked about comes last: it pushes nobody aside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Protocol

from app.capacity.plan.json_values import DefinitionError
from app.capacity.plan.table import PlanError, is_zone
from app.capacity.planner import ALL_WORK, JudgementScope, Reason, ReasonCode
from app.capacity.planner import judge as judge_plan
from app.capacity.register.in_braze import differences, is_unfinished, missing
from app.capacity.register.plans import MOST_PLANNED, calibrations, in_turn, meets, plan_of, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.capacity.calibration import Calibration
    from app.capacity.evidence.ceiling import MeasuredCeiling
    from app.capacity.planner import Judgement
    from app.capacity.register.campaigns import RegisteredCampaign, WorkspaceSettings
    from app.capacity.register.plans import RegisteredPlan
    from app.capacity.register.ports import Register

    Window = tuple[datetime, datetime]
    Judge = Callable[..., Judgement]

MARGIN: Final = timedelta(hours=1)  # shown before the start
LATEST: Final = timedelta(days=4)  # after the planned end: Braze keeps a message for three days


class LoadTests(Protocol):
    """Where load tests come from."""

    def measured(self) -> Sequence[MeasuredCeiling]:
        """What a plan goes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A campaign on record that is not judged.

    It cannot be read, came from Braze and is not finished (`detail` names the missing fields), is beyond too many at
    once, or is too much work.
    """

    campaign: RegisteredCampaign
    why: Literal["unreadable", "unfinished", "too_many", "too_much"]
    detail: str = ""

    def sentence(self) -> str:
        """Say why, and what to do."""
        if self.why == "too_many":
            return "Too many campaigns are on record to judge all at once: those that begin first are."
        if self.why == "too_much":
            return "Its quiet hours in many time zones are too much work beside the others: plan it alone, or in parts."
        if self.why == "unfinished":
            return f"It came from Braze and lacks {self.detail}: see `connected-jobs campaigns edit --help`."
        return f"It can no longer be read: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What is on record and can be read, in turn, with what is left out."""

    workspace: WorkspaceSettings
    campaigns: Sequence[RegisteredCampaign]
    left_out: Sequence[LeftOut]

    @property
    def time_zone(self) -> str:
        """The company's zone."""
        return self.workspace.time_zone


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRecord:
    """A plan of campaigns on record and what is said of those in question; no judgement where there are none."""

    told: Sequence[RegisteredCampaign]
    left_out: Sequence[LeftOut]
    plan: RegisteredPlan | None = None
    judgement: Judgement | None = None


def read_record(register: Register) -> OnRecord:
    """Read the register; what of it cannot be read is left out and named.

    Raises:
        DefinitionError: the workspace's own zone is not known here, without which no time means anything.
    """
    workspace = register.workspace()
    if not is_zone(str(workspace.definition.get("time_zone"))):
        raise DefinitionError(
            f"The workspace's time zone {workspace.definition.get('time_zone')!r} is not known on this machine: "
            "give it another with PUT /v1/capacity/workspace, or install its time zone data.",
            "time_zone",
        )
    campaigns, left_out = [], []
    for one in in_turn(register.campaigns()):
        try:
            span(one.campaign(), workspace.time_zone)
        except (DefinitionError, OverflowError, ValueError) as error:
            left_out.append(
                LeftOut(campaign=one, why="unfinished", detail=", ".join(missing(one.definition)))
                if is_unfinished(one)
                else LeftOut(campaign=one, why="unreadable", detail=str(error))
            )
        else:
            campaigns.append(one)
    return OnRecord(workspace=workspace, campaigns=campaigns, left_out=left_out)


def judge_window(
    register: Register,
    evidence: LoadTests,
    *,
    now: datetime,
    window: Window | None = None,
    judge: Judge = judge_plan,
    work: Mapping[str, int] = ALL_WORK,
) -> JudgedRecord:
    """Judge the campaigns that may be sending in a window; without one, all that are not over.

    `work` says how much is worked out beside verdicts.
    """
    record = read_record(register)
    told = [one for one in record.campaigns if meets(one, record.time_zone, window or (now, now + _EVER))]
    return _judged(
        register,
        evidence,
        record,
        told,
        scope_window=window,
        now=now,
        judge=partial(judge, **work),
    )


def judge_one(
    register: Register,
    evidence: LoadTests,
    own: RegisteredCampaign,
    *,
    now: datetime,
    instead_of: int | None = None,
    judge: Judge = judge_plan,
    work: Mapping[str, int] = ALL_WORK,
) -> JudgedRecord:
    """Judge one campaign beside all that are on record: one of them, or one that is only asked about.

    One asked about takes the last place, or, where it changes nothing of the one it would replace, that one's.
    """
    record = read_record(register)
    begins, ends = span(own.campaign(), record.time_zone)
    replaced = own.id if instead_of is None else instead_of
    others = [one for one in record.campaigns if one.id != replaced]
    place = len(others)
    for index, one in enumerate(record.campaigns):
        if one.id == replaced and (instead_of is None or one.definition == own.definition):
            place = index
    record = OnRecord(
        workspace=record.workspace,
        campaigns=[*others[:place], own, *others[place:]],
        left_out=record.left_out,
    )
    return _judged(
        register,
        evidence,
        record,
        [own],
        scope_window=(begins - MARGIN, ends + LATEST),
        known_at=begins if begins < now else None,
        now=now,
        judge=partial(judge, **work),
    )


def said_of_braze(one: RegisteredCampaign, time_zone: str) -> tuple[Reason, ...]:
    """What is wrong with a campaign in Braze, as it was last read: its templates, its time and its key; that it is gone."""
    found = one.in_braze
    if found is None:
        return ()
    if found.gone_at is not None:
        return (Reason(ReasonCode.BRAZE_GONE, {"name": one.name}),)
    codes = {code.value for code in ReasonCode if code.name.startswith("TEMPLATE_")}
    templates = [
        Reason(ReasonCode(finding.code), {**finding.numbers, "name": one.name})
        for finding in found.findings
        if finding.code in codes
    ]
    if found.looked_at is None:
        templates.append(Reason(ReasonCode.TEMPLATE_UNREAD, {"name": one.name}))
    apart = [
        Reason(_DIFFERENCES[other.field], {"name": one.name, "here": other.here, "there": other.there})
        for other in differences(one, time_zone)
    ]
    return (*templates, *apart)


_DIFFERENCES: Final = {"at": ReasonCode.BRAZE_OTHER_TIME, "key": ReasonCode.BRAZE_OTHER_KEY}


def calibrations_of(
    record: OnRecord, register: Register, known_at: datetime | None = None
) -> Mapping[str, Calibration]:
    """What was measured of each key on record, or of what had been sent by then."""
    sends = {key: register.sends(key) for key in sorted({one.key for one in record.campaigns})}
    if known_at is not None:
        sends = {key: [one for one in of_key if one.first_at < known_at] for key, of_key in sends.items()}
    return calibrations(record.campaigns, sends, record.time_zone)


def _judged(
    register: Register,
    evidence: LoadTests,
    record: OnRecord,
    told: Sequence[RegisteredCampaign],
    *,
    scope_window: Window | None,
    now: datetime,
    judge: Judge,
    known_at: datetime | None = None,
) -> JudgedRecord:
    if not told:
        return JudgedRecord(told=(), left_out=record.left_out)
    calibrated = calibrations_of(record, register, known_at)
    measured, running = evidence.measured(), register.running()
    most, too_much = MOST_PLANNED, frozenset[int]()
    while True:
        planned = [one for one in _soonest(record, told, now, most) if one.id not in too_much]
        kept = {one.id for one in planned}
        shown = [one for one in told if one.id in kept]
        plan = plan_of(record.workspace, planned, calibrations=calibrated)
        if plan is None:
            return JudgedRecord(told=(), left_out=record.left_out)
        scope = JudgementScope(names=frozenset(one.name for one in shown), window=scope_window)
        try:
            judgement = judge(plan.plan, measured, running=running, now=now, scope=scope)
        except PlanError as error:
            heavy = frozenset(
                one.id for one in planned if _is_heavy(one) and (len(told) > 1 or one not in told)
            )
            too_much |= heavy
            if not heavy:
                most = min(most, len(planned)) // 2
            if not most:
                raise DefinitionError(str(error)) from error
            continue
        too_many = [
            LeftOut(campaign=one, why="too_much" if one.id in too_much else "too_many")
            for one in record.campaigns
            if one.id not in kept and (one in told or not _is_over(one, record.time_zone, now))
        ]
        left_out = [*record.left_out, *too_many]
        if said := [reason for one in shown for reason in said_of_braze(one, record.time_zone)]:
            judgement = replace(judgement, notes=(*judgement.notes, *said))
        return JudgedRecord(told=shown, left_out=left_out, plan=plan, judgement=judgement)


def _soonest(
    record: OnRecord, told: Sequence[RegisteredCampaign], now: datetime, most: int
) -> list[RegisteredCampaign]:
    """All that may still be sent and all that are told of, in turn; of too many those that begin first."""

    def begins(one: RegisteredCampaign) -> datetime:
        return span(one.campaign(), record.time_zone)[0]

    may_come = [one for one in record.campaigns if not _is_over(one, record.time_zone, now)]
    kept = {one.id for some in (may_come, told) for one in sorted(some, key=begins)[:most]}
    return [one for one in record.campaigns if one.id in kept]


def _is_heavy(one: RegisteredCampaign) -> bool:
    """Whether a campaign has to be played minute by minute for each of many zones."""
    return bool(one.definition.get("quiet_hours") and one.definition.get("zones"))


def _is_over(one: RegisteredCampaign, time_zone: str, now: datetime) -> bool:
    return span(one.campaign(), time_zone)[1] + LATEST <= now


_EVER: Final = timedelta(days=365 * 70)
