"""What a person does with a mail: reads it or not, looks from the top down, clicks, applies on the board, leaves.

Published shapes, with numbers of ours that make a small sample tell something (real mails are clicked far less):
how far down people look is Craswell et al., "An experimental comparison of click position-bias models" (WSDM 2008), as a power of the
place; that interest falls with each time the same thing was shown and ignored is Lee et al., "Modeling impression discounting in
large-scale recommender systems" (KDD 2014); that it rises with fit is the random utility that members' activity is drawn from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from app.demo.random_draws import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from app.demo.tastes import Tastes

# Assumptions of the double, each a number that no page gives.
READS: Final = (1.3, 1.7)  # a Beta distribution over members: the share of mails that each one reads
LOOKS_DOWN: Final = 0.5  # place p is looked at in p ** -LOOKS_DOWN of the mails that are read
STALE: Final = 0.55  # interest that is left each time a posting was looked at and let be
CLICKS: Final = (0.9, 3.6)  # slope, and the fit at which half of those who look click
APPLIES: Final = (0.9, 4.0)  # the same for applying after a click
SEEN_SHARE: Final = 0.06  # of those who would click and apply, and do so in the app instead
DRAWN: Final = 0.05  # of clicks without an application: the person applies to another posting of their field
VIEW_RECORDED: Final = 0.7  # of clicks that the board's own log shows as a view
UNSUBSCRIBES: Final = 0.004  # of mails read
MARKS_SPAM: Final = 0.0005
READ_AFTER_S: Final = (9.2, 1.4)  # of the logarithm: some three hours, and days for a few
SOONEST_READ_S: Final = 90
LATEST_READ_S: Final = 6 * 86_400
APPLIES_AT_ONCE: Final = 0.7
SEEN_WITHIN_S: Final = 2 * 86_400  # from the send to an application without a click

Basis = Literal["clicked", "seen", "drawn"]


class Link(NamedTuple):
    """A link of a mail; one that shows a posting has its id and its place, from 1."""

    url: str
    posting_id: str | None = None
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredMail:
    """A mail in a member's mailbox; `sent_s` is in seconds since 1970 UTC."""

    member_id: str
    dispatch_id: str
    sent_s: int
    links: Sequence[Link]

    def postings(self) -> list[Link]:
        """The first link of each posting, in the order of the mail."""
        return list({link.posting_id: link for link in reversed(self.links) if link.posting_id}.values())[
            ::-1
        ]


class LinkClick(NamedTuple):
    """A click, and what a scanner is known by (nothing for a person)."""

    at_s: int
    link: Link
    reasons: tuple[str, ...] = ()


class Application(NamedTuple):
    """An application on the board, and how the mail led to it."""

    at_s: int
    posting_id: str
    basis: Basis


@dataclass(slots=True)
class Response:
    """What a person did with a mail."""

    read_at_s: list[int] = field(default_factory=list)
    clicks: list[LinkClick] = field(default_factory=list)
    views: list[tuple[int, str]] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    unsubscribed_at_s: int | None = None
    marked_spam_at_s: int | None = None


@dataclass(slots=True)
class People:
    """The members of a generated board as readers of mail; they remember what they were shown.

    Nothing happens after `until_s`. The same seed gives the same people and, mail for mail, the same actions.
    """

    tastes: Tastes
    until_s: int
    seed: int = 1
    let_be: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: set[tuple[str, str]] = field(default_factory=set)

    def respond(self, mail: DeliveredMail) -> Response:
        """What the member does with a mail that reached the mailbox."""
        draws = generator(self.seed, f"{mail.dispatch_id} {mail.member_id}")
        response = Response()
        after_s = max(SOONEST_READ_S, int(exp(READ_AFTER_S[0] + READ_AFTER_S[1] * draws.standard_normal())))
        at_s = mail.sent_s + after_s
        if draws.random() >= self._reads(mail.member_id) or after_s > LATEST_READ_S or at_s > self.until_s:
            return response
        response.read_at_s.append(at_s)
        self._look_through(mail, at_s, response, draws)
        if draws.random() < UNSUBSCRIBES:
            response.unsubscribed_at_s = self._before_the_end(at_s + 600)
        elif draws.random() < MARKS_SPAM:
            response.marked_spam_at_s = self._before_the_end(at_s + 15)
        return response

    def _reads(self, member_id: str) -> float:
        return float(generator(self.seed, f"reads {member_id}").beta(*READS))

    def _before_the_end(self, at_s: int) -> int | None:
        return at_s if at_s <= self.until_s else None

    def _look_through(
        self, mail: DeliveredMail, at_s: int, response: Response, draws: np.random.Generator
    ) -> None:
        """Look at places from the top down, and click what is liked; a person takes a while over each."""
        shown = [
            link
            for link in mail.postings()
            if link.posting_id and self.tastes.is_open(link.posting_id, mail.sent_s)
        ]
        fits = self.tastes.suit(mail.member_id, [link.posting_id or "" for link in shown])
        for link, fit in zip(shown, fits.tolist(), strict=True):
            key = (mail.member_id, link.posting_id or "")
            if key in self.done or draws.random() >= link.position**-LOOKS_DOWN:
                continue
            at_s += int(draws.integers(8, 60))
            likes = _chance(CLICKS, fit) * STALE ** self.let_be[key]
            self.let_be[key] += 1
            if draws.random() < likes and at_s <= self.until_s:
                self.done.add(key)
                self._follow(mail, link, fit, at_s, response, draws)

    def _follow(
        self,
        mail: DeliveredMail,
        link: Link,
        fit: float,
        at_s: int,
        response: Response,
        draws: np.random.Generator,
    ) -> None:
        """Click a posting that is liked, or find it in the app; then apply to it, to another, or to none."""
        applies = draws.random() < _chance(APPLIES, fit)
        posting_id = link.posting_id or ""
        then_s = at_s + _apply_delay_s(draws)
        if applies and draws.random() < SEEN_SHARE:
            if then_s - mail.sent_s <= SEEN_WITHIN_S:
                self._apply(Application(then_s, posting_id, "seen"), response)
            return
        response.clicks.append(LinkClick(at_s, link))
        if draws.random() < VIEW_RECORDED:
            response.views.append((at_s + 2, posting_id))
        if applies:
            self._apply(Application(then_s, posting_id, "clicked"), response)
        elif draws.random() < DRAWN:
            self._apply_elsewhere(mail, at_s + int(draws.integers(300, 40_000)), response, draws.random())

    def _apply_elsewhere(self, mail: DeliveredMail, at_s: int, response: Response, unit: float) -> None:
        """Apply to a posting that no mail showed this member."""
        other = self.tastes.another(mail.member_id, unit, at_s)
        key = (mail.member_id, other or "")
        shown = {link.posting_id for link in mail.links}
        if other and other not in shown and key not in self.done and key not in self.let_be:
            self.done.add(key)
            self._apply(Application(at_s, other, "drawn"), response)

    def _apply(self, application: Application, response: Response) -> None:
        open_then = self.tastes.is_open(application.posting_id, application.at_s)
        if open_then and application.at_s <= self.until_s:
            response.applications.append(application)


def _chance(curve: tuple[float, float], fit: float) -> float:
    slope, half = curve
    return 1 / (1 + exp(-slope * (fit - half)))


def _apply_delay_s(draws: np.random.Generator) -> int:
    at_once = draws.random() < APPLIES_AT_ONCE
    return int(draws.integers(60, 1_800) if at_once else draws.integers(3_600, 2 * 86_400))
