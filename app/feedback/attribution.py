"""Which mail an application is credited to: one application, one credit, to the last touch of the strongest kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

RULE_VERSION: Final = 1
Basis = Literal["clicked", "seen", "drawn"]
BASES: Final[tuple[Basis, ...]] = ("clicked", "seen", "drawn")  # the strongest first
LATEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long before an application each kind of touch may lie.

    Attributes:
        clicked: A person's click on the posting applied to.
        seen: A mail that showed the posting; the member applied without a click in it.
        drawn: A person's click on another posting.
    """

    clicked: timedelta = LATEST
    seen: timedelta = timedelta(days=3)
    drawn: timedelta = timedelta(hours=24)

    @property
    def longest(self) -> timedelta:
        """The longest of them: nothing earlier matters to an application."""
        return max(self.clicked, self.seen, self.drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A mail that showed postings to the member, or a person's click in one.

    Attributes:
        at: When the mail was sent, or the click.
        click: Whether it is a click.
        same_posting: Whether it shows, or is a click on, the posting applied to.
        rid: The mail's recommendation id.
        campaign: Its campaign's key.
        arm: Its arm of an experiment; empty where there was none.
    """

    at: datetime
    click: bool
    same_posting: bool
    rid: str
    campaign: str
    arm: str = ""

    @property
    def basis(self) -> Basis | None:
        """What it may be credited as; a mail that showed other postings is nothing."""
        if self.click:
            return "clicked" if self.same_posting else "drawn"
        return "seen" if self.same_posting else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The mail that an application is credited to, on which ground, and how long before it the touch was."""

    touch: Touch
    basis: Basis
    lag: timedelta


def credit(applied_at: datetime, touches: Iterable[Touch], windows: Windows = Windows()) -> Credit | None:
    """Credit an application to the last touch of the strongest kind within its window; None where there is none.

    A touch at the very second of the application counts, as the click and the application may share one; a later one
    does not. Of two at once the one of the greater rid counts, so that the order of the touches decides nothing.
    """
    best: tuple[int, datetime, str] | None = None
    found: Credit | None = None
    for touch in touches:
        basis = touch.basis
        if basis is None:
            continue
        lag = applied_at - touch.at
        if not timedelta() <= lag <= getattr(windows, basis):
            continue
        rank = (-BASES.index(basis), touch.at, touch.rid)
        if best is None or rank > best:
            best, found = rank, Credit(touch=touch, basis=basis, lag=lag)
    return found
