"""Events of a file, sorted by the table that they go to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from app.feedback import links, mail_events
from app.feedback.exposure import ExposureError, of_extras
from app.postgres.feedback.counts import CountKey, Tally
from app.postgres.feedback.retention import KEPT_DAYS, first_day
from app.postgres.feedback.rows import ClickRow, ExposureRow, MailEventRow
from app.postgres.feedback.users import Consent, name_of_deleted
from app.serving.send_counts import NOT_COUNTED

if TYPE_CHECKING:
    from datetime import date

    from app.feedback.exposure import Exposure
    from app.feedback.mail_events import MailEvent
    from app.postgres.feedback.users import Tombstones

AHEAD: Final = timedelta(days=1)  # of a clock that is wrong
_TABLE_OF: Final = {mail_events.SEND: "exposure", mail_events.CLICK: "click"} | dict.fromkeys(
    mail_events.COUNTED, "mail_count"
)


_EVER: Final = (
    mail_events.CONSENT,
    mail_events.ORPHANED,
)  # what they change holds, however long ago it happened


class LateError(ValueError):
    """An event that is too old to be kept, or not of this time; the sentence says so."""


@dataclass(slots=True)
class Sorted:
    """Rows for each table, from some events of a file.

    Attributes:
        now: The time by which an event is late.
        tombstones: Whose events are passed over.
        without_exposure: Sends whose template gave no exposure, so that nothing is known of what they showed.
        left_alone: Events of erased members, previews and load tests.
    """

    now: datetime
    tombstones: Tombstones
    exposures: list[ExposureRow] = field(default_factory=list)
    clicks: list[ClickRow] = field(default_factory=list)
    events: list[MailEventRow] = field(default_factory=list)
    counted: dict[CountKey, Tally] = field(default_factory=lambda: defaultdict(Tally))
    members: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    consents: list[Consent] = field(default_factory=list)
    without_exposure: int = 0
    left_alone: int = 0
    _latest: float = 0.0
    _earliest: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._latest = (self.now + AHEAD).timestamp()
        self._earliest = {
            table: datetime.combine(first_day(table, self.now.date()), time(), UTC).timestamp()
            for table in KEPT_DAYS
        }

    def add(self, event: MailEvent) -> None:
        """Put an event where it belongs.

        Raises:
            LateError: it happened too long ago, or in the future.
            ExposureError: what a send's template says it showed was cut, or is none.
        """
        if event.kind == mail_events.DELETED:
            self.deleted.add(event.braze_user)
            return
        self._check_time(event)
        at = datetime.fromtimestamp(event.at, UTC)
        # A sketch names nobody, and is the same before and after an erasure.
        if event.kind in mail_events.COUNTED:
            self._count(event, at.date())
            return
        if self.tombstones.buries(event.member_id, event.braze_user):
            self.left_alone += 1
            if event.withdrawn and event.member_id and not self.tombstones.buries(event.member_id, ""):
                deleted = name_of_deleted(event.braze_user)
                self.consents.append(Consent(deleted, event.member_id, True, at))
            return
        self._put(event, at)
        if event.member_id is not None:
            known = self.members.get(event.braze_user)
            self.members[event.braze_user] = max(event.member_id, known or "")

    def _put(self, event: MailEvent, at: datetime) -> None:
        match event.kind:
            case mail_events.SEND:
                self._add_exposure(event, at)
            case mail_events.CLICK:
                self._add_click(event, at)
            case mail_events.ORPHANED:
                self._add_merge(event)
            case mail_events.CONSENT:
                self._add_consent(event, at)
            case _:
                self._add_event(event, at)

    def _check_time(self, event: MailEvent) -> None:
        if event.at > self._latest:
            raise LateError("The event is of a day to come.")
        table = _TABLE_OF.get(event.kind, "mail_event")
        if event.at < self._earliest[table] and event.kind not in _EVER:
            raise LateError(f"The event is older than the {KEPT_DAYS[table]} days that such events are kept.")

    def _count(self, event: MailEvent, day: date) -> None:
        key = (day, event.kind, event.campaign_id or "", event.canvas_id or "", event.variation_id or "")
        counted = self.counted[key]
        counted.events.append(event.event_id.hex)
        counted.members.append(event.member_id or f"braze:{event.braze_user}")

    def _exposure(self, event: MailEvent) -> Exposure | None:
        """What the template of a send or abort says; None where it says nothing."""
        shown = None if event.extras is None else of_extras(event.extras)
        if shown is not None and any("\0" in one for one in shown.posting_ids):
            raise ExposureError("The exposure names a posting with a NUL character.")
        return shown

    def _add_exposure(self, event: MailEvent, at: datetime) -> None:
        shown = self._exposure(event)
        if shown is None:
            self.without_exposure += 1
            return
        if shown.campaign.startswith(NOT_COUNTED):
            self.left_alone += 1
            return
        self.exposures.append(
            ExposureRow(
                day=at.date(),
                event_id=event.event_id,
                rid=shown.rid,
                member_id=event.member_id,
                braze_user=event.braze_user,
                nameless=event.member_id is None,
                campaign=shown.campaign,
                campaign_id=event.campaign_id,
                variation_id=event.variation_id,
                canvas_id=event.canvas_id,
                dispatch_id=event.dispatch_id,
                source=shown.source,
                arm=shown.arm,
                shown=shown.shown,
                posting_ids=list(shown.posting_ids),
                sent_at=at,
            )
        )

    def _add_click(self, event: MailEvent, at: datetime) -> None:
        link = links.parse(event.url or "")
        if (link.campaign or "").startswith(NOT_COUNTED):
            self.left_alone += 1
            return
        self.clicks.append(
            ClickRow(
                day=at.date(),
                event_id=event.event_id,
                rid=link.rid,
                member_id=event.member_id,
                braze_user=event.braze_user,
                nameless=event.member_id is None,
                campaign=link.campaign,
                campaign_id=event.campaign_id,
                variation_id=event.variation_id,
                canvas_id=event.canvas_id,
                dispatch_id=event.dispatch_id,
                arm=link.arm,
                variant=link.variant,
                position=link.position,
                link=link.link,
                at=at,
                sent_at=None if event.sent_at is None else datetime.fromtimestamp(event.sent_at, UTC),
                suspect=event.suspect,
                suspected=None if event.suspected is None else list(event.suspected),
            )
        )

    def _add_event(self, event: MailEvent, at: datetime) -> None:
        try:
            shown = self._exposure(event)
        except ExposureError:  # that nothing went out is known all the same
            shown = None
        if shown is not None and shown.campaign.startswith(NOT_COUNTED):
            self.left_alone += 1
            return
        self.events.append(
            MailEventRow(
                day=at.date(),
                event_id=event.event_id,
                kind=event.kind,
                member_id=event.member_id,
                braze_user=event.braze_user,
                nameless=event.member_id is None,
                campaign_id=event.campaign_id,
                variation_id=event.variation_id,
                canvas_id=event.canvas_id,
                dispatch_id=event.dispatch_id,
                rid=shown.rid if shown else None,
                campaign=shown.campaign if shown else None,
                arm=shown.arm if shown else None,
                at=at,
                why=event.why,
            )
        )

    def _add_merge(self, event: MailEvent) -> None:
        remains = event.merged_into or ""
        if self.tombstones.buries(None, remains):
            self.deleted.add(event.braze_user)
        elif remains != event.braze_user:
            self.merged[event.braze_user] = max(remains, self.merged.get(event.braze_user, ""))

    def _add_consent(self, event: MailEvent, at: datetime) -> None:
        if event.withdrawn is None:
            return
        self.consents.append(Consent(event.braze_user, event.member_id, event.withdrawn, at))
        if event.at >= self._earliest["mail_event"]:
            self._add_event(event, at)
