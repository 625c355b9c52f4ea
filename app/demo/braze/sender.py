"""Sends a campaign's mails: the published templates, rendered against a running service, in the seconds of the send model.

Calls go out as fast as they are rendered; only what is written of them is dated by the model. A mail of which a call fails is
aborted by the template, as docs/user_guide/personalization_and_dynamic_content/connected_content/aborting_connected_content says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from app.braze.calls import FetchError
from app.braze.http_fetch import fetch_over_http
from app.braze.mails import TEMPLATES, Mails
from app.braze.preview import Aborted, Rendered, preview
from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace
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

TEMPLATE: Final = "jobs-mail"
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
    """A mail that went out, or was aborted (`abort_reason`): when, with which extras, links and answer."""

    member_id: str
    at_s: int
    extras: Mapping[str, str]
    links: Sequence[Link] = ()
    arm: str | None = None
    abort_reason: str | None = None


@dataclass(slots=True, kw_only=True)
class MailSender:
    """Renders mails against the service at `base_url`, with a credential that Braze would have stored."""

    base_url: str
    credential: StoredCredential
    fetch: Fetch = fetch_over_http
    seed: int = 1
    progress: Callable[[float], None] = field(default=lambda _share: None)

    def send(
        self, members: Sequence[str], *, campaign: str, dispatch_id: str, at: datetime
    ) -> Iterator[SentMail]:
        """Send to members in their order, from `at` (with a zone) on; a send takes about `MINUTES`."""
        send = Send([_planned(campaign, len(members), at)], Workspace(time_zone=TIME_ZONE), seed=self.seed)
        mails = Mails(base_url=self.base_url, credential=self.credential, folder=TEMPLATES)
        templates = [mails.liquid(TEMPLATE, part, campaign=campaign) for part in PARTS]
        waiting = iter(members)
        done = 0
        for offer in send.offers():
            started = sum(part.batch.started[part.place] for part in offer.parts)
            message = _MessageRenderer(
                templates, dispatch_id, self, generator(self.seed, dispatch_id, offer.second)
            )
            ended = _EndedCalls()
            for member_id in [next(waiting) for _ in range(started)]:
                yield message.render(member_id, offer.second, ended)
            send.settle(offer, ended.answer(offer.calls))
            done += started
            self.progress(done / len(members))


def _planned(campaign: str, audience: int, at: datetime) -> Campaign:
    """The send as the send model takes it: no retries, aborted where a call fails, a call for each part."""
    return Campaign(
        name=campaign,
        kind="rate_limited",
        audience=Range.exactly(audience),
        timing=AllAtOnce(at.astimezone(ZoneInfo(TIME_ZONE)).replace(tzinfo=None, second=0, microsecond=0)),
        limit_per_min=min(FASTEST, max(1, -(-audience // MINUTES))),
        calls_per_recipient=Range.exactly(len(PARTS)),
        abort_on_failure=True,
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

    templates: Sequence[str]
    dispatch_id: str
    sender: MailSender
    draws: np.random.Generator
    ended: _EndedCalls = field(default_factory=_EndedCalls)
    body: bytes = b""

    def render(self, member_id: str, at_s: int, ended: _EndedCalls) -> SentMail:
        """Both parts of a member's mail; the first that is aborted aborts it."""
        self.ended = ended
        rendered: list[PartPreview] = []
        for template in self.templates:
            part = preview(
                template,
                user_id=member_id,
                base_url=self.sender.base_url,
                credential=self.sender.credential,
                attributes={"campaign.dispatch_id": self.dispatch_id},
                fetch=self._fetch,
            )
            rendered.append(part)
            if not isinstance(part.outcome, Rendered):
                reason = part.outcome.reason if isinstance(part.outcome, Aborted) else part.outcome.failure
                return SentMail(member_id=member_id, at_s=at_s, extras=part.extras, abort_reason=reason or "")
        answer = json.loads(self.body)
        html = rendered[0].outcome
        links = _links(html.text, answer) if isinstance(html, Rendered) else []
        return SentMail(
            member_id=member_id, at_s=at_s, extras=rendered[0].extras, links=links, arm=answer.get("arm")
        )

    def _fetch(self, request: Request, /) -> CallAnswer:
        """A call that the network may lose."""
        if self.draws.random() < LOST_CALLS:
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
