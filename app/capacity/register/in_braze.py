"""Campaigns that came from Braze's calendar: what Braze owns of them, what a person typed, and what is missing.

Braze tells name, time, zone and tags, and neither audience nor delivery speed. A field that still says what Braze last
gave is Braze's and follows it; any other is a person's and stays.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the fields by their types
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from app.capacity.plan.json_values import DefinitionError, read_definition
from app.capacity.plan.repeats import begins_on, dated, moved, undated
from app.capacity.plan.table import LONGEST_TEXT, YEARS
from app.capacity.register.campaigns import Draft

if TYPE_CHECKING:
    from collections.abc import Collection

    from app.capacity.register.campaigns import RegisteredCampaign

OWNER: Final = "Braze"  # until somebody answers for it
LOCAL: Final = "local_time_zones"
BEST_HOUR: Final = "intelligent_delivery"
_KEY: Final = "key"
_NAME: Final = "name"
_OF_DEFINITION: Final = (_NAME, "kind", "at", "on")
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "rate_limited": ("limit_per_min",),
    "local_time_zones": ("zones",),
    "intelligent_timing": ("users_per_hour", "fallback_share", "fallback_at"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFinding:
    """One thing that is wrong with a message's template: a code for programs, and what its sentence is filled with."""

    code: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSend:
    """A campaign or Canvas that Braze will send, as it was read.

    Args:
        at: Its next time, as Braze writes it.
        schedule: `local_time_zones`, `intelligent_delivery` or the company's zone.
        key: The `campaign` parameter of its call, None where none was found.
        findings: None where its templates could not be read.
    """

    id: str
    name: str
    kind: Literal["campaign", "canvas"]
    at: str
    schedule: str
    tags: tuple[str, ...]
    key: str | None = None
    findings: tuple[TemplateFinding, ...] | None = None

    def told(self) -> dict[str, Any]:
        """What Braze says, as it is kept."""
        return {
            "name": self.name,
            "kind": self.kind,
            "at": self.at,
            "schedule": self.schedule,
            "tags": list(self.tags),
            "key": self.key,
        }

    def planned(self, time_zone: str) -> dict[str, Any]:
        """The kind and the time of a plan file's table; the speed is a person's to say.

        Raises:
            ValueError: the time is none, or beyond what can be planned.
        """
        at = datetime.fromisoformat(self.at)
        if at.tzinfo is not None:
            at = at if self.schedule in {LOCAL, BEST_HOUR} else at.astimezone(ZoneInfo(time_zone))
        wall = at.replace(tzinfo=None, second=0, microsecond=0)
        if wall.year not in YEARS:
            raise ValueError(self.at)
        if self.schedule == BEST_HOUR:
            return {"kind": "intelligent_timing", "on": wall.date().isoformat()}
        kind = LOCAL if self.schedule == LOCAL else "canvas_step" if self.kind == "canvas" else "rate_limited"
        return {"kind": kind, "at": wall.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class InBraze:
    """What Braze says of a campaign on record.

    Args:
        told: The last that it said, times as it writes them.
        given: What the register took over of it: the key, and fields of the definition.
        looked_at: When its templates were last read, None where they never were.
        gone_at: When Braze no longer had it scheduled, None while it has.
    """

    id: str
    told: Mapping[str, Any]
    given: Mapping[str, Any]
    findings: tuple[TemplateFinding, ...]
    read_at: datetime
    looked_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInBraze:
    """What Braze says of a campaign and the register does not."""

    field: Literal["at", "key"]
    here: str
    there: str


def missing(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields without which a campaign of its kind cannot be judged, in the order of the form."""
    needed = ("audience", *_NEEDED.get(str(definition.get("kind")), ()))
    return tuple(name for name in needed if definition.get(name) is None)


def is_unfinished(one: RegisteredCampaign) -> bool:
    """Whether a campaign came from Braze and waits for what only a person can say."""
    return one.in_braze is not None and bool(missing(one.definition))


def differences(one: RegisteredCampaign, time_zone: str) -> tuple[OtherInBraze, ...]:
    """Where somebody typed another time than Braze has, or the template has another key than the register."""
    if one.in_braze is None or one.in_braze.gone_at is not None:
        return ()
    told = one.in_braze.told
    found = []
    try:
        there = _send_of(one.in_braze).planned(time_zone)
    except (ValueError, OverflowError, TypeError):
        there = {}
    name = "on" if "on" in there else "at"
    here = one.definition.get(name)
    if name in there and here is not None and here != there[name]:
        found.append(OtherInBraze(field="at", here=_told_time(here), there=_told_time(there[name])))
    key = told.get(_KEY)
    if isinstance(key, str) and key != one.key:
        found.append(OtherInBraze(field="key", here=one.key, there=key))
    return tuple(found)


def _told_time(wall: object) -> str:
    """A wall time or day as a sentence has it."""
    return str(wall).replace("T", " ")[: len("2026-11-23 09:00")]


def first_draft(
    send: ScheduledSend, time_zone: str, taken: Collection[str], before: RegisteredCampaign | None
) -> tuple[Draft, dict[str, Any]]:
    """What is put on record for a send that is new, and what of it is Braze's.

    Args:
        send: What Braze has scheduled.
        time_zone: The company's.
        taken: Names of living campaigns.
        before: Its last occurrence, whose audience, speed and other typed fields stand for this one too.
    """
    planned = send.planned(time_zone)
    name = free_name(send.name, planned, taken, day=before is not None)
    key = send.key or key_without_template(send.id)
    given = {_KEY: key, _NAME: name, **planned}
    if before is None:
        definition = {_NAME: name, **planned}
        return Draft(key=key, owner=OWNER, braze_campaign_id=send.id, definition=definition), given
    began, begins = begins_on(before.definition), begins_on(planned)
    again = moved(before.definition, begins - began) if began and begins else dict(before.definition)
    was_given = before.in_braze.given if before.in_braze is not None else {}
    if was_given.get("kind", planned["kind"]) == planned["kind"]:  # what was typed in its place stays
        planned = {**planned, "kind": again.get("kind", planned["kind"])}
    typed = {field: value for field, value in again.items() if field not in {*_OF_DEFINITION, "launched_at"}}
    definition = {_NAME: name, **planned, **typed}
    if _reads(before.definition) and not _reads(definition):
        definition.pop("finish_by", None)
    if before.key != was_given.get(_KEY, send.key):
        key = before.key
    return replace(before.draft(), key=key, braze_campaign_id=send.id, definition=definition), given


def updated_draft(
    one: RegisteredCampaign, known: InBraze, send: ScheduledSend, time_zone: str, taken: Collection[str]
) -> tuple[Draft, dict[str, Any]]:
    """A campaign with what Braze now says in place of what it gave before, and all that is given then.

    What somebody typed over stays; so does the whole where what Braze says does not fit what was typed beside it.
    """
    given = dict(known.given)
    now: dict[str, Any] = send.planned(time_zone)
    now[_NAME] = _renamed(known, send, now, taken)
    if send.key is not None:
        now[_KEY] = send.key
    values: dict[str, Any] = {**one.definition, _KEY: one.key}
    after = dict(values)
    for name in (*_OF_DEFINITION, _KEY):
        if name == _KEY and name not in now:
            continue
        if values.get(name) != given.get(name):
            continue
        after.pop(name, None)
        given.pop(name, None)
        if name in now:
            after[name] = given[name] = now[name]
    key = after.pop(_KEY)
    draft = replace(one.draft(), key=key, definition=_in_order(after, one.definition))
    if _reads(one.definition) and not _reads(draft.definition):
        return one.draft(), dict(known.given)
    return draft, given


def is_untouched(one: RegisteredCampaign) -> bool:
    """Whether nobody typed anything over or beside what Braze gave."""
    if one.in_braze is None or one.owner != OWNER:
        return False
    return {**one.definition, _KEY: one.key} == one.in_braze.given


def has_passed(one: RegisteredCampaign, wall_now: datetime) -> bool:
    """Whether its planned time lies behind; what has none has not."""
    start = one.definition.get("at")
    if isinstance(start, str):
        try:
            return datetime.fromisoformat(start).replace(tzinfo=None) <= wall_now
        except ValueError:
            return False
    day = begins_on(one.definition)
    return day is not None and day < wall_now.date()


def key_without_template(braze_id: str) -> str:
    """A key for a send whose template names none, until somebody says one."""
    kept = "".join(letter for letter in braze_id.lower() if letter.isascii() and letter.isalnum())
    return f"braze-{kept[:32] or 'send'}"


def free_name(raw: str, planned: Mapping[str, Any], taken: Collection[str], *, day: bool = False) -> str:
    """Braze's name, or, where another campaign has it, with its day or a number beside it."""
    plain = _plain(raw)
    begins = begins_on(planned)
    tries = [dated(plain, begins)] if day else [plain, dated(plain, begins)]
    for name in tries:
        if name not in taken:
            return name
    tails = (f" ({number})" for number in count(2))
    return next(
        name for tail in tails if (name := plain[: LONGEST_TEXT - len(tail)].rstrip() + tail) not in taken
    )


def _plain(raw: str) -> str:
    """Braze's name as a plan file may have it."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in raw).split())
    return text[:LONGEST_TEXT].rstrip() or "Braze"


def _renamed(known: InBraze, send: ScheduledSend, planned: Mapping[str, Any], taken: Collection[str]) -> str:
    """The name that Braze now gives; the same as before where nothing it goes by changed."""
    before = str(known.given.get(_NAME) or "")
    plain, begins = _plain(str(known.told.get("name"))), begins_on(planned)
    has_day = plain == undated(plain) and before != undated(before) and plain.startswith(undated(before))
    stands = not has_day or (begins is not None and before.endswith(begins.isoformat()))
    if before and known.told.get("name") == send.name and stands:
        return before
    return free_name(send.name, planned, {name for name in taken if name != before}, day=has_day)


def _in_order(values: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Values in the order in which a person reads them: as they stood, what is new at the end."""
    return {
        name: values[name]
        for name in [*(n for n in like if n in values), *(n for n in values if n not in like)]
    }


def _reads(definition: Mapping[str, Any]) -> bool:
    try:
        read_definition(definition)
    except DefinitionError:
        return False
    return True


def _send_of(found: InBraze) -> ScheduledSend:
    told = found.told
    return ScheduledSend(
        id=found.id,
        name=str(told.get("name")),
        kind="canvas" if told.get("kind") == "canvas" else "campaign",
        at=str(told.get("at")),
        schedule=str(told.get("schedule")),
        tags=(),
    )
