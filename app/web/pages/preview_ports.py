"""What the preview page needs of whoever renders mails; `app.braze` has it, and composition brings the two together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Part = Literal["html", "txt"]
Outcome = Literal["rendered", "aborted", "would_be_retried", "wrong_template"]


class MailCall(Protocol):
    """One call that a part's render made, and what came back."""

    @property
    def url(self) -> str:
        """What was called."""

    @property
    def status(self) -> int | None:
        """The answer's status, None without an answer."""

    @property
    def milliseconds(self) -> float:
        """How long it took."""

    @property
    def failure(self) -> str | None:
        """Why the template could not use the answer, None where it could."""

    @property
    def body(self) -> str | None:
        """The answer as it came."""


class MailPart(Protocol):
    """One part of a mail: its text where it was rendered, else the reason why it was not."""

    @property
    def outcome(self) -> Outcome:
        """What became of it."""

    @property
    def text(self) -> str:
        """The part as it would be sent; empty where it would not be."""

    @property
    def reason(self) -> str:
        """Why it would not be sent."""

    @property
    def calls(self) -> Sequence[MailCall]:
        """The calls it made, in order."""

    @property
    def missing(self) -> Sequence[str]:
        """What only Braze would fill in and what stayed empty here, as the template writes it."""

    @property
    def notes(self) -> Sequence[str]:
        """What the preview cannot do and what Braze reads otherwise than it looks, in English."""


class Previews(Protocol):
    """The published templates, and mails made of them."""

    def templates(self) -> Sequence[str]:
        """The names of the templates there are."""

    def liquid(self, template: str, part: Part, *, campaign: str) -> str:
        """A part's Liquid, ready to copy for a campaign (its `campaign=` value)."""

    def part(self, template: str, part: Part, *, member: str, campaign: str) -> MailPart:
        """Render one part for a member, with a call of its own, as Braze does."""
