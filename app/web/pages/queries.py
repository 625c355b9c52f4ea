"""What the pages ask: the plan of a week or a campaign, and how it is judged, from what is on record now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from app.capacity.on_record import judge_one, judge_window, read_record
from app.capacity.plan.json_values import DefinitionError
from app.capacity.plan.plan import Judging, read_shared
from app.capacity.plan.table import PlanError, is_zone
from app.capacity.register.campaigns import NoSuchCampaignError, RegisteredCampaign, read_draft
from app.capacity.register.plans import sends_of, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.capacity.calibration import MeasuredSend
    from app.capacity.on_record import JudgedRecord, LeftOut
    from app.capacity.planner import CampaignJudgement, Judgement
    from app.capacity.register.campaigns import Draft
    from app.capacity.register.plans import RegisteredPlan
    from app.capacity.register.ports import EvidenceStore, Register

    Judge = Callable[..., Judgement]

WEEK = timedelta(days=7)
UNSAVED = 0  # the number of a campaign that is not on record
# While somebody types, the answer is wanted at once: fewer draws for the chance, and one minute played of what
# becomes of a send that is too fast.
QUICK: Final[Mapping[str, int]] = {"samples": 2_000, "most_played": 60}
_OVER_AFTER = timedelta(minutes=15)  # without a call


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A plan of campaigns on record with its judgement; `own` is the one that was asked about, where one was."""

    plan: RegisteredPlan
    judgement: Judgement
    own: CampaignJudgement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Seven days from a Monday: who sends, and the judgement, None where nobody does.

    `next_send` is the first to begin later, looked up where nobody sends in the week. `left_out` are all on record that could not be judged, of whatever week.
    """

    begins: date
    today: date
    time_zone: ZoneInfo
    campaigns: Sequence[tuple[RegisteredCampaign, datetime]]
    judged: Judged | None
    next_send: tuple[RegisteredCampaign, datetime] | None
    left_out: Sequence[LeftOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOnRecord:
    """A campaign on record, its judgement beside all that are, and its sends so far."""

    campaign: RegisteredCampaign
    begins_at: datetime
    ends_at: datetime
    now: datetime
    judged: Judged | None
    sends: Sequence[MeasuredSend]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerQueries:
    """The register, the evidence and the planner behind one door; each method may raise RegisterUnavailableError."""

    register: Register
    evidence: EvidenceStore
    judge: Judge
    clock: Callable[[], datetime]

    def today(self) -> date:
        """The date where the company is."""
        return self.clock().astimezone(self.zone()).date()

    def zone(self) -> ZoneInfo:
        """The company's time zone; UTC where this machine does not know it."""
        name = self.register.workspace().time_zone
        return ZoneInfo(name if is_zone(name) else "UTC")

    def offered_limits(self) -> Sequence[int]:
        """The delivery speeds that Braze offers, rising."""
        try:
            _workspace, judging = read_shared(self.register.workspace().definition)
        except PlanError:  # a workspace that can no longer be read: a verdict will say so
            judging = Judging()
        return judging.offered_limits_per_min

    def week(self, day: date | None) -> Week:
        """The week that holds a day (default: today)."""
        now, zone = self.clock(), self.zone()
        today = now.astimezone(zone).date()
        monday = (day or today) - timedelta(days=(day or today).weekday())
        begin = datetime.combine(monday, time(), zone)
        window = (begin, datetime.combine(monday + WEEK, time(), zone))
        found = judge_window(self.register, self.evidence, now=now, window=window, judge=self.judge)
        shown = _with_begins(found.told, zone)
        return Week(
            begins=monday,
            today=today,
            time_zone=zone,
            campaigns=shown,
            judged=_judged(found),
            next_send=None if shown else self._first_after(window[1], zone),
            left_out=found.left_out,
        )

    def next_week(self) -> Week:
        """This week, or, where nobody sends any more in it, the next week in which somebody does."""
        week = self.week(None)
        if any(at.date() >= week.today for _one, at in week.campaigns):
            return week
        end = datetime.combine(week.begins + WEEK, time(), week.time_zone)
        later = week.next_send or self._first_after(end, week.time_zone)
        return week if later is None else self.week(later[1].date())

    def _first_after(self, end: datetime, zone: ZoneInfo) -> tuple[RegisteredCampaign, datetime] | None:
        later = _with_begins(read_record(self.register).campaigns, zone)
        return next((pair for pair in later if pair[1] >= end), None)

    def ask(self, values: Mapping[str, Any], *, instead_of: int = UNSAVED) -> Judged:
        """Judge a campaign that is not on record, beside all on record.

        Args:
            values: The draft's, as `read_draft` takes them.
            instead_of: The number of the one on record that it would replace.

        Raises:
            DefinitionError: names the field at fault.
        """
        now = self.clock()
        asked = _made_up(read_draft(values), now)
        try:
            found = judge_one(
                self.register,
                self.evidence,
                asked,
                instead_of=instead_of,
                now=now,
                judge=self.judge,
                **QUICK,
            )
        except PlanError as error:
            raise DefinitionError(str(error), "name") from error
        judged = _judged(found, about=asked.name)
        if judged is None:  # it is always in its own plan
            raise DefinitionError("The campaign has no time at which it sends.", "at")
        return judged

    def planned(self, number: int) -> CampaignOnRecord:
        """A campaign on record, living or removed; raises NoSuchCampaignError."""
        campaign = self.register.campaign(number)
        if campaign is None:
            raise NoSuchCampaignError(f"There is no campaign {number}.")
        now, workspace = self.clock(), self.register.workspace()
        begins_at, ends_at = span(campaign.campaign(), workspace.time_zone)
        judged = None
        if campaign.removed_at is None:
            found = judge_one(self.register, self.evidence, campaign, now=now, judge=self.judge)
            judged = _judged(found, about=campaign.name)
        of_key = [one for one in read_record(self.register).campaigns if one.key == campaign.key]
        return CampaignOnRecord(
            campaign=campaign,
            begins_at=begins_at,
            ends_at=ends_at,
            now=now.astimezone(ZoneInfo(workspace.time_zone)),
            judged=judged,
            sends=sends_of(campaign, of_key, self.register.sends(campaign.key), workspace.time_zone),
        )


def _with_begins(
    campaigns: Sequence[RegisteredCampaign], zone: ZoneInfo
) -> list[tuple[RegisteredCampaign, datetime]]:
    """Campaigns and when each begins, the first first."""
    begins = [(one, span(one.campaign(), zone.key)[0].astimezone(zone)) for one in campaigns]
    return sorted(begins, key=lambda pair: pair[1])


def _judged(found: JudgedRecord, *, about: str | None = None) -> Judged | None:
    if found.plan is None or found.judgement is None:
        return None
    own = next((one for one in found.judgement.campaigns if one.name == about), None)
    return Judged(plan=found.plan, judgement=found.judgement, own=own)


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
