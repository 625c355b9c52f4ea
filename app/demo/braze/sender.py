"""Sends a campaign's mails: the published templates, rendered against a running service, in the seconds of the send model.

Calls go out as fast as they are rendered; only what is written of them is dated by the model. A mail of which a call fails is
aborted by the template, as docs/user_guide/personalization_and_dynamic_content/connected_content/aborting_connected_content says;
with the template that asks for `:retry` it goes to the back of the queue instead, up to five times
(…/connected_content/connected_content_retries), and is rendered anew then: no page says that anything of the first time is kept.

Assumption RETRIES_WAIT_LAST: those that still wait when the send model has started all are tried a minute apart.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from app.braze.calls import FetchError
from app.braze.http_fetch import fetch_over_http
from app.braze.mails import TEMPLATES, Mails
from app.braze.preview import Aborted, Rendered, WouldBeRetried, preview
from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace
from app.capacity.local_time import MINUTE_S
from app.capacity.simulation.send import Send
from app.capacity.simulation.service import Answer
from app.demo.braze.people import Link
from app.demo.braze.profiles import TIME_ZONE
from app.demo.random_draws import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import numpy as np

    from app.braze.calls import CallAnswer, Fetch, Request, StoredCredential
    from app.braze.preview import PartPreview
    from app.demo.braze.messages import BrazeMessage

TEMPLATE: Final = "jobs-mail"
RETRYING: Final = "jobs-mail-retry"
PARTS: Final = ("html", "txt")
MINUTES: Final = 30  # the delivery speed is set so that a send takes this long, and longer above FASTEST
FASTEST: Final = (
    1_000  # messages a minute: too few failures for Braze to halt the host, which this sender does not play
)
LOST_CALLS: Final = 0.002  # assumption: calls that the network loses, of which the service knows nothing
_USABLE: Final = range(200, 300)
_HREF: Final = re.compile(r'<a\b[^>]*\shref="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """A mail that went out, or was aborted (`abort_reason`): when, with which extras, links and answer.

    `retried` is when a failed call sent it back before that, and why.
    """

    member_id: str
    at_s: int
    extras: Mapping[str, str]
    links: Sequence[Link] = ()
    arm: str | None = None
    abort_reason: str | None = None
    retried: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message in the queue, with the times that it was sent back."""

    member_id: str
    retried: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class MailSender:
    """Renders mails against the service at `base_url`, with a credential that Braze would have stored."""

    base_url: str
    credential: StoredCredential
    fetch: Fetch = fetch_over_http
    seed: int = 1
    template: str = TEMPLATE
    lost_calls: float = LOST_CALLS
    progress: Callable[[float], None] = field(default=lambda _share: None)

    def send(self, members: Sequence[str], *, message: BrazeMessage, at: datetime) -> Iterator[SentMail]:
        """Send to members in their order, from `at` (with a zone) on; a send takes about `MINUTES`."""
        planned = _planned(message.campaign, len(members), at, retry=self.template == RETRYING)
        send = Send([planned], Workspace(time_zone=TIME_ZONE), seed=self.seed)
        waiting = deque(map(_Waiting, members))
        renderer = _MessageRenderer(self, message)
        done, second = 0, int(at.timestamp())
        for offer in send.offers():
            second = offer.second
            started = sum(part.batch.started[part.place] for part in offer.parts)
            renderer.begin(second)
            for _ in range(min(started, len(waiting))):
                mail = renderer.render(waiting.popleft(), second, waiting)
                if mail is not None:
                    yield mail
                    done += 1
            send.settle(offer, renderer.ended.answer(offer.calls))
            self.progress(done / len(members))
        while waiting:
            second += MINUTE_S
            renderer.begin(second)
            for one in [waiting.popleft() for _ in range(len(waiting))]:
                mail = renderer.render(one, second, waiting)
                if mail is not None:
                    yield mail


def _planned(campaign: str, audience: int, at: datetime, *, retry: bool) -> Campaign:
    """The send as the send model takes it: aborted or tried again where a call fails, a call for each part."""
    return Campaign(
        name=campaign,
        kind="rate_limited",
        audience=Range.exactly(audience),
        timing=AllAtOnce(at.astimezone(ZoneInfo(TIME_ZONE)).replace(tzinfo=None, second=0, microsecond=0)),
        limit_per_min=min(FASTEST, max(1, -(-audience // MINUTES))),
        calls_per_recipient=Range.exactly(len(PARTS)),
        abort_on_failure=not retry,
        retry=retry,
    )


@dataclass(slots=True)
class _EndedCalls:
    """How the calls of a second ended."""

    ok: int = 0
    cut_off: int = 0
    failed: dict[int, int] = field(default_factory=dict)

    def answer(self, calls: int) -> Answer:
        """For as many calls as the model counts: it also counts the second part's call of a mail that was aborted in its first."""
        uncounted = calls - self.ok - self.cut_off - sum(self.failed.values())
        return Answer(ok=self.ok + uncounted, cut_off=self.cut_off, failed=self.failed)


@dataclass(slots=True)
class _MessageRenderer:
    """Renders one message after another, and keeps the answer that the last part got."""

    sender: MailSender
    message: BrazeMessage
    ended: _EndedCalls = field(default_factory=_EndedCalls)
    body: bytes = b""
    draws: np.random.Generator = field(init=False)
    _liquid: dict[str | None, Sequence[str]] = field(default_factory=dict)

    def begin(self, second: int) -> None:
        """What follows is rendered in this second."""
        self.ended = _EndedCalls()
        self.draws = generator(self.sender.seed, self.message.send, second)

    def render(self, waiting: _Waiting, at_s: int, queue: deque[_Waiting]) -> SentMail | None:
        """Both parts of a member's mail; the first that is aborted aborts it. None where it went to the back of the queue."""
        rendered: list[PartPreview] = []
        member_id = waiting.member_id
        for template in self._templates(self.message.variant_of(member_id)):
            part = preview(
                template,
                user_id=member_id,
                base_url=self.sender.base_url,
                credential=self.sender.credential,
                attributes={"campaign.dispatch_id": self.message.dispatch_of(member_id)},
                fetch=self._fetch,
                attempt=1 + len(waiting.retried),
            )
            rendered.append(part)
            if isinstance(part.outcome, WouldBeRetried):
                queue.append(_Waiting(member_id, (*waiting.retried, (at_s, part.outcome.failure))))
                return None
            if isinstance(part.outcome, Aborted):
                return SentMail(
                    member_id=member_id,
                    at_s=at_s,
                    extras=part.extras,
                    abort_reason=part.outcome.reason or "",
                    retried=waiting.retried,
                )
        answer = json.loads(self.body)
        html = rendered[0].outcome
        links = _links(html.text, answer) if isinstance(html, Rendered) else []
        return SentMail(
            member_id=member_id,
            at_s=at_s,
            extras=rendered[0].extras,
            links=links,
            arm=answer.get("arm"),
            retried=waiting.retried,
        )

    def _templates(self, variant: str | None) -> Sequence[str]:
        """The Liquid of both parts, in a variant with its `variant=` typed into the call."""
        if variant not in self._liquid:
            mails = Mails(base_url=self.sender.base_url, credential=self.sender.credential, folder=TEMPLATES)
            key = self.message.campaign if variant is None else f"{self.message.campaign}&variant={variant}"
            parts = [
                mails.liquid(self.sender.template, part, campaign=self.message.campaign) for part in PARTS
            ]
            asked = f"campaign={self.message.campaign}&"
            self._liquid[variant] = [part.replace(asked, f"campaign={key}&") for part in parts]
        return self._liquid[variant]

    def _fetch(self, request: Request, /) -> CallAnswer:
        """A call that the network may lose."""
        if self.draws.random() < self.sender.lost_calls:
            self.ended.cut_off += 1
            raise FetchError("no complete answer within 2 s")
        try:
            answer = self.sender.fetch(request)
        except FetchError:
            self.ended.cut_off += 1
            raise
        self.body = answer.body
        if answer.status in _USABLE:
            self.ended.ok += 1
        else:
            self.ended.failed[answer.status] = self.ended.failed.get(answer.status, 0) + 1
        return answer


def _links(html: str, answer: Mapping[str, Any]) -> list[Link]:
    """The links of a mail in their order; those of postings have `rid` and `position`."""
    ids = [posting["id"] for posting in answer["postings"]]
    links = []
    for url in map(unescape, _HREF.findall(html)):
        query = parse_qs(urlsplit(url).query)
        place = int(query["position"][0]) if "rid" in query and "position" in query else 0
        links.append(Link(url, ids[place - 1], place) if place else Link(url))
    return links
