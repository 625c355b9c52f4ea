"""People or scanners: which clicks of one message a person made.

Security software opens the links of a mail before, or instead of, its reader. Braze marks what it suspects, and with its
filter switched off says nothing at all: null is not "a person", so two rules of our own look at every click.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

RULE_VERSION: Final = 1
MANY_LINKS: Final = 4  # different links of one message ...
BURST_S: Final = 10  # ... clicked within these seconds are a burst
SOONEST_S: Final = 2  # nobody reads a mail and clicks in it sooner after it was sent

FLAGGED: Final = "flagged"
BURST: Final = "burst"
TOO_SOON: Final = "too_soon"


@dataclass(frozen=True, slots=True)
class MessageClick:
    """One click of a message, as the rule needs it.

    Attributes:
        at: When, in seconds since 1970; Braze knows no finer time.
        link: What tells the message's links apart.
        suspected: Braze's reasons to take it for a scanner's, or its mark alone; None or empty where it has none, which
            with its filter off says nothing.
        sent_at: When the message was sent, in the same seconds; None where the event did not say.
    """

    at: int
    link: str
    suspected: Sequence[str] | None = None
    sent_at: int | None = None


def scanner_reasons(clicks: Sequence[MessageClick]) -> list[str | None]:
    """Why each click of one message is no person's, in the order given; None for a person's.

    A click is a person's where Braze suspects nothing, and it is no part of a burst (`MANY_LINKS` different links within
    `BURST_S` seconds), and it does not come within `SOONEST_S` seconds of the send. What Braze says goes before our own
    rules, so that the reasons can be held against Braze's figures. The order of the clicks changes nothing.
    """
    in_burst = _in_burst(clicks) if len(clicks) >= MANY_LINKS else [False] * len(clicks)
    return [_reason(click, burst=burst) for click, burst in zip(clicks, in_burst, strict=True)]


def _reason(click: MessageClick, *, burst: bool) -> str | None:
    if click.suspected:
        return f"{FLAGGED}:{min(click.suspected)}"
    if burst:
        return BURST
    if click.sent_at is not None and click.at - click.sent_at < SOONEST_S:
        return TOO_SOON
    return None


def _in_burst(clicks: Sequence[MessageClick]) -> list[bool]:
    """Which clicks lie within some `BURST_S` seconds in which `MANY_LINKS` different links were clicked."""
    order = sorted(range(len(clicks)), key=lambda place: clicks[place].at)
    found = [False] * len(clicks)
    links: dict[str, int] = {}  # how often each is within the window
    first = marked = 0  # a click is marked once, however many windows it is in
    for last, place in enumerate(order):
        links[clicks[place].link] = links.get(clicks[place].link, 0) + 1
        while clicks[place].at - clicks[order[first]].at > BURST_S:
            link = clicks[order[first]].link
            links[link] -= 1
            if not links[link]:
                del links[link]
            first += 1
        if len(links) >= MANY_LINKS:
            for within in order[max(first, marked) : last + 1]:
                found[within] = True
            marked = last + 1
    return found
