"""What the pages ask: the plan of a week or a campaign, and how it is judged, from what is on record now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from app.capacity.plan_table import PlanError
from app.capacity.plan_values import DefinitionError
from app.capacity.register import (
    NoSuchCampaignError,
    RegisteredCampaign,
    calibrations,
    plan_of,
    read_draft,
    read_plan_values,
    sends_of,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.capacity.calibration import Calibration, MeasuredSend
    from app.capacity.planner import CampaignJudgement, Judgement
    from app.capacity.register import Draft, EvidenceShelf, Register, RegisteredPlan, WorkspaceSettings

    Judge = Callable[..., Judgement]

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
UNSAVED = 0  # the number of a campaign that is not on record
# While somebody types, the answer is wanted at once: fewer draws for the chance, and one minute played of what
# becomes of a send that is too fast.
FULL: Final[Mapping[str, int]] = {}
QUICK: Final[Mapping[str, int]] = {"samples": 2_000, "most_played": 60}
_NOBODY = {"name": "nobody", "kind": "at_once", "audience": 0, "at": "2000-01-01T00:00"}
_OVER_AFTER = timedelta(minutes=15)  # without a call


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A plan of campaigns on record with its judgement; `own` is the one that was asked about, where one was."""

    plan: RegisteredPlan
    judgement: Judgement
    own: CampaignJudgement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Seven days from a Monday: who sends, and the judgement, None where nobody does."""

    begins: date
    today: date
    time_zone: ZoneInfo
    campaigns: Sequence[tuple[RegisteredCampaign, datetime]]
    judged: Judged | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A campaign on record, its judgement beside all that send at the same time, and its sends so far."""

    campaign: RegisteredCampaign
    begins_at: datetime
    ends_at: datetime
    now: datetime
    judged: Judged | None
    sends: Sequence[MeasuredSend]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """The register, the evidence and the planner behind one door; each method may raise RegisterUnavailableError."""

    register: Register
    evidence: EvidenceShelf
    judge: Judge
    clock: Callable[[], datetime]

    def today(self) -> date:
        """The date where the company is."""
        return self.clock().astimezone(self.zone()).date()

    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.register.workspace().time_zone)

    def offered_limits(self) -> Sequence[int]:
        """The delivery speeds that Braze offers, rising."""
        settings = read_plan_values({**self.register.workspace().definition, "campaigns": [_NOBODY]})
        return settings.judging.offered_limits_per_min

    def week(self, day: date | None) -> Week:
        """The week that holds a day (default: today)."""
        workspace, known = self.register.workspace(), self.register.campaigns()
        zone = ZoneInfo(workspace.time_zone)
        today = self.clock().astimezone(zone).date()
        monday = (day or today) - timedelta(days=(day or today).weekday())
        begin = datetime.combine(monday, time(), zone)
        window = (begin, datetime.combine(monday + WEEK, time(), zone))
        plan = plan_of(workspace, known, calibrations=self._calibrations(known, zone.key), window=window)
        shown = [(one, _begins(one, zone)) for one in (plan.campaigns if plan else ())]
        return Week(
            begins=monday,
            today=today,
            time_zone=zone,
            campaigns=sorted(shown, key=lambda pair: pair[1]),
            judged=None if plan is None else self._judged(plan),
        )

    def ask(self, values: Mapping[str, Any], *, instead_of: int = UNSAVED) -> Judged:
        """Judge a campaign that is not on record, beside all on record that may send at the same time.

        Args:
            values: The draft's, as `read_draft` takes them.
            instead_of: The number of the one on record that it would replace.

        Raises:
            DefinitionError: names the field at fault.
        """
        draft, workspace = read_draft(values), self.register.workspace()
        asked = _made_up(draft, self.clock())
        others = [one for one in self.register.campaigns() if one.id != instead_of]
        plan = self._beside(asked, others, workspace)
        return self._judged(plan, about=asked.name, work=QUICK)

    def planned(self, number: int) -> Planned:
        """A campaign on record, living or removed; raises NoSuchCampaignError."""
        campaign = self.register.campaign(number)
        if campaign is None:
            raise NoSuchCampaignError(f"There is no campaign {number}.")
        workspace, known = self.register.workspace(), self.register.campaigns()
        begins_at, ends_at = span(campaign.campaign(), workspace.time_zone)
        removed = campaign.removed_at is not None
        others = [one for one in known if one.id != number]
        plan = None if removed else self._beside(campaign, others, workspace, known_at=begins_at)
        of_key = [one for one in known if one.key == campaign.key]
        return Planned(
            campaign=campaign,
            begins_at=begins_at,
            ends_at=ends_at,
            now=self.clock().astimezone(ZoneInfo(workspace.time_zone)),
            judged=None if plan is None else self._judged(plan, about=campaign.name),
            sends=sends_of(campaign, of_key, self.register.sends(campaign.key), workspace.time_zone),
        )

    def _beside(
        self,
        own: RegisteredCampaign,
        others: Sequence[RegisteredCampaign],
        workspace: WorkspaceSettings,
        *,
        known_at: datetime | None = None,
    ) -> RegisteredPlan:
        """The plan of a campaign and all that may send at its time, by what sends before `known_at` had shown."""
        everyone, window = [own, *others], span(own.campaign(), workspace.time_zone)
        try:
            plan = plan_of(
                workspace,
                everyone,
                calibrations=self._calibrations(everyone, workspace.time_zone, known_at),
                window=window,
            )
        except PlanError as error:
            raise DefinitionError(str(error), "name") from error
        if plan is None:  # its own window always holds a campaign
            raise DefinitionError("The campaign has no time at which it sends.", "at")
        return plan

    def _judged(
        self, plan: RegisteredPlan, *, about: str | None = None, work: Mapping[str, int] = FULL
    ) -> Judged:
        measured, running = self.evidence.measured(), self.register.running()
        try:
            judgement = self.judge(plan.plan, measured, running=running, now=self.clock(), **work)
        except PlanError as error:
            raise DefinitionError(str(error)) from error
        own = next((one for one in judgement.campaigns if one.name == about), None)
        return Judged(plan=plan, judgement=judgement, own=own)

    def _calibrations(
        self, campaigns: Sequence[RegisteredCampaign], time_zone: str, known_at: datetime | None = None
    ) -> Mapping[str, Calibration]:
        sends = {key: self.register.sends(key) for key in {one.key for one in campaigns}}
        if known_at is not None:
            sends = {key: [s for s in of_key if s.first_at < known_at] for key, of_key in sends.items()}
        return calibrations(campaigns, sends, time_zone)


def is_going_on(send: MeasuredSend, now: datetime) -> bool:
    """Whether calls of a send may still come."""
    return send.last_at + _OVER_AFTER > now


def _made_up(draft: Draft, now: datetime) -> RegisteredCampaign:
    return RegisteredCampaign(
        id=UNSAVED,
        key=draft.key,
        owner=draft.owner,
        braze_campaign_id=draft.braze_campaign_id,
        definition=draft.definition,
        version=0,
        created_at=now,
        created_by=draft.owner,
        updated_at=now,
        updated_by=draft.owner,
    )


def _begins(campaign: RegisteredCampaign, zone: ZoneInfo) -> datetime:
    return span(campaign.campaign(), zone.key)[0].astimezone(zone)
