"""What the pages ask: the plan of a week or a campaign, and how it is judged, from what is on record now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from app.capacity.on_record import judge_one, judge_window, read_record
from app.capacity.open_question import FEWEST, Question, largest_audience, may_go, wished_speed
from app.capacity.plan.json_values import DefinitionError
from app.capacity.plan.plan import Judging, read_shared
from app.capacity.plan.table import PlanError, is_zone
from app.capacity.planner import ONLY_VERDICTS
from app.capacity.register.campaigns import NoSuchCampaignError, RegisteredCampaign, read_draft
from app.capacity.register.plans import sends_of, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.capacity.calibration import MeasuredSend
    from app.capacity.on_record import JudgedRecord, LeftOut
    from app.capacity.planner import CampaignJudgement, Instances, Judgement, Verdict
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
class JudgedOne(Judged):
    """A plan with its judgement and the campaign in it that was asked about."""

    own: CampaignJudgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question's judgement, with what it left open.

    `audience` is the largest that may go where that was asked, None where none may; `instances` are those that the
    send needs at the speed it is asked at, or, where that is asked for, at the one that it needs.
    """

    judged: JudgedOne
    open_speed: bool
    open_audience: bool
    audience: int | None
    instances: Instances


class ReadOnce:
    """A register, or where load tests are kept, whose answers are kept for as long as one question takes."""

    def __init__(self, kept: object) -> None:
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        """Return the method, each of whose answers is kept."""
        read = cache(getattr(self._kept, name))
        setattr(self, name, read)
        return read


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
        found = judge_window(
            self.register, self.evidence, now=now, window=window, judge=self.judge, work=ONLY_VERDICTS
        )
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

    def verdicts(self) -> Mapping[int, Verdict]:
        """What is said now of each campaign on record that is not over, by its number."""
        found = judge_window(
            self.register, self.evidence, now=self.clock(), judge=self.judge, work=ONLY_VERDICTS
        )
        judged = found.judgement.by_name if found.judgement else {}
        return {one.id: judged[one.name].verdict for one in found.told if one.name in judged}

    def _first_after(self, end: datetime, zone: ZoneInfo) -> tuple[RegisteredCampaign, datetime] | None:
        later = _with_begins(read_record(self.register).campaigns, zone)
        return next((pair for pair in later if pair[1] >= end), None)

    def ask(self, values: Mapping[str, Any], *, instead_of: int = UNSAVED) -> Answered:
        """Judge a campaign that is not on record, beside all on record; what it leaves open is answered.

        Args:
            values: The draft's, as `read_draft` takes them, but that `audience` and `limit_per_min` may be missing.
            instead_of: The number of the one on record that it would replace.

        Raises:
            DefinitionError: names the field at fault.
        """
        question, ask_once = Question(values["definition"]), self._asking(values, instead_of)

        def fits(audience: int) -> bool:
            return may_go(ask_once(question.settled(audience=audience), ONLY_VERDICTS).own)

        audience = largest_audience(fits) if question.open_audience else None
        found = ask_once(question.settled(audience=audience or FEWEST), QUICK)
        speed = wished_speed(found.own, found.plan.plan) if question.open_speed else None
        wished = found
        if speed is not None:
            settled = question.settled(audience=audience or FEWEST, limit_per_min=speed)
            wished = ask_once(settled, ONLY_VERDICTS)
        return Answered(
            judged=found,
            open_speed=question.open_speed,
            open_audience=question.open_audience,
            audience=audience,
            instances=wished.judgement.instances,
        )

    def _asking(
        self, values: Mapping[str, Any], instead_of: int
    ) -> Callable[[Mapping[str, Any], Mapping[str, int]], JudgedOne]:
        """What judges a table of this draft; what is on record is read once, however often it is asked."""
        now = self.clock()
        register: Any = ReadOnce(self.register)
        evidence: Any = ReadOnce(self.evidence)

        def ask_once(table: Mapping[str, Any], work: Mapping[str, int]) -> JudgedOne:
            asked = _made_up(read_draft({**values, "definition": table}), now)
            try:
                found = judge_one(
                    register,
                    evidence,
                    asked,
                    instead_of=instead_of,
                    now=now,
                    judge=self.judge,
                    work=work,
                )
            except PlanError as error:
                raise DefinitionError(str(error), "name") from error
            judged = _judged(found, about=asked.name)
            if judged is None:  # it is always in its own plan
                raise DefinitionError("The campaign has no time at which it sends.", "at")
            if judged.own is None:
                raise DefinitionError("There is another campaign of this name.", "name")
            return JudgedOne(plan=judged.plan, judgement=judged.judgement, own=judged.own)

        return ask_once

    def living(self, number: int) -> RegisteredCampaign:
        """A campaign that is on record and not removed; raises NoSuchCampaignError."""
        campaign = self.register.campaign(number)
        if campaign is None or campaign.removed_at is not None:
            raise NoSuchCampaignError
        return campaign

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
