"""A workspace of Braze with its audience: sends digests, and tells Currents and the board what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from app.board.model import ActivityKind
from app.demo.braze.delivery import Delivery, deliver
from app.demo.braze.events import MailEvents
from app.demo.braze.messages import CampaignMessage, CanvasMessage
from app.demo.braze.people import DeliveredMail, Response
from app.demo.braze.profiles import Profiles, braze_id
from app.demo.braze.schemas import USER_DELETE_REQUEST, USER_ORPHAN
from app.demo.braze.truth import Truth
from app.demo.random_draws import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from app.demo.braze.currents_files import CurrentsEvent
    from app.demo.braze.people import People
    from app.demo.braze.sender import MailSender, SentMail

CONTROL_SHARE: Final = 0.05  # of a campaign's audience: a control group as its marketers often choose it
ORPHANED: Final = 0.002  # assumption: of the audience, between two sends


class Export(Protocol):
    """Takes the events that Currents is to write, as they lie there at `until_s` (seconds since 1970 UTC)."""

    def write(self, events: Iterable[CurrentsEvent], *, until_s: int | None = None) -> int:
        """Take events; returns how many files or events that were."""
        ...


class BoardAction(NamedTuple):
    """A row of activity that the board would have written; `at_s` is in seconds since 1970 UTC."""

    member_id: str
    posting_id: str
    kind: ActivityKind
    at_s: int


@dataclass(slots=True, kw_only=True)
class World:
    """A workspace, its members and what they do.

    Args:
        sender: Renders and sends the mails.
        people: The members.
        export: Where Currents writes.
        act: Takes what members did on the board.
        seed: Every draw follows from it.
    """

    sender: MailSender
    people: People
    export: Export
    act: Callable[[Sequence[BoardAction]], object]
    seed: int = 1
    profiles: Profiles = field(default_factory=Profiles)
    sends: int = 0

    def send_digest(self, members: Sequence[str], *, campaign: str, at: datetime) -> Truth:
        """Send one digest at a time with a zone, live through what comes of it, and return what happened."""
        truth = Truth()
        self.send_into(truth, members, campaign=campaign, at=at)
        return truth

    def send_into(
        self,
        truth: Truth,
        members: Sequence[str],
        *,
        campaign: str,
        at: datetime,
        canvas: str | None = None,
        variants: tuple[str, ...] = (),
    ) -> None:
        """As `send_digest`, counted with earlier sends; by a step of a Canvas where one is named, in variants where there are."""
        self.sends += 1
        send = braze_id("dispatch", self.seed, campaign, self.sends)
        message = (
            CampaignMessage(campaign, send, variants)
            if canvas is None
            else CanvasMessage(campaign, send, canvas, variants=variants)
        )
        events = MailEvents(message, self.profiles)
        at_s = int(at.timestamp())
        written: list[CurrentsEvent] = list(self._orphans(members, at_s))
        audience = [member for member in members if self.profiles.may_get_mail(member)]
        held_back = {member for member in audience if self._is_held_back(canvas or campaign, member)}
        truth.held_back |= held_back
        for member in audience:
            written += events.entered(member, at_s, held_back=member in held_back)
        mailed = [member for member in audience if member not in held_back]
        actions: list[BoardAction] = []
        for mail in self.sender.send(mailed, message=message, at=at):
            written += events.retried(mail)
            truth.retries += len(mail.retried)
            if mail.abort_reason is not None:
                truth.aborted += 1
                written += events.aborted(mail)
                continue
            delivery, response = self._live_through(mail, message.dispatch_of(mail.member_id))
            truth.note(mail, delivery, response)
            written += events.sent(mail, delivery)
            written += events.answered(mail, delivery, response)
            actions += _actions(mail.member_id, response)
            self._remember(mail.member_id, delivery, response)
        until_s = self.people.until_s
        self.export.write((event for event in written if event[1]["time"] <= until_s), until_s=until_s)
        self.act(actions)

    def delete_profiles(self, members: Sequence[str], *, at: datetime) -> None:
        """Delete members' profiles in Braze, which tells of it by Braze's own id alone, and sends them nothing any more."""
        at_s = int(at.timestamp())
        self.profiles.deleted.update(members)
        self.export.write((USER_DELETE_REQUEST, self.profiles.deletion(member, at_s)) for member in members)

    def _live_through(self, mail: SentMail, dispatch_id: str) -> tuple[Delivery, Response]:
        delivered = DeliveredMail(
            member_id=mail.member_id, dispatch_id=dispatch_id, sent_s=mail.at_s, links=mail.links
        )
        delivery = deliver(delivered, self.seed)
        return delivery, self.people.respond(delivered) if delivery.delivered_at_s else Response()

    def _remember(self, member_id: str, delivery: Delivery, response: Response) -> None:
        if response.unsubscribed_at_s or delivery.scanner_unsubscribed_at_s or response.marked_spam_at_s:
            self.profiles.unsubscribed.add(member_id)
        if delivery.bounced_at_s:
            self.profiles.undeliverable.add(member_id)

    def _is_held_back(self, campaign: str, member_id: str) -> bool:
        """A campaign's control group stays the same over its sends: assumption, no page says so for repeated sends."""
        return bool(generator(self.seed, f"control {campaign} {member_id}").random() < CONTROL_SHARE)

    def _orphans(self, members: Sequence[str], at_s: int) -> Iterator[CurrentsEvent]:
        """Members who, since the last send, signed in on a profile that another one takes the place of."""
        if self.sends > 1:
            draws = generator(self.seed, "orphans", self.sends).random(len(members)).tolist()
            for member_id, draw in zip(members, draws, strict=True):
                if draw < ORPHANED:
                    yield USER_ORPHAN, self.profiles.orphan(member_id, at_s - 86_400)


def _actions(member_id: str, response: Response) -> Iterator[BoardAction]:
    for at_s, posting_id in response.views:
        yield BoardAction(member_id, posting_id, ActivityKind.VIEW, at_s)
    for application in response.applications:
        yield BoardAction(member_id, application.posting_id, ActivityKind.APPLY, application.at_s)
