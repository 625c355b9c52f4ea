"""A send as Braze names it in its events: of a campaign, or of a Canvas's step, with variants or without.

Sources: docs/_help/help_articles/data/dispatch_id (one dispatch for the whole of a scheduled campaign, one of its own for each
member of a Canvas step), and the field lists of `app.demo.braze.schemas`. An event of a Canvas has no campaign.

Assumption VARIANT_STAYS: who got a variant once gets it at every send; no page says so for repeated sends.
Assumption VARIANT_IN_URL: each variant's template has its own `variant=` in the call, typed there by hand, a, b and so on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from app.demo.braze.profiles import braze_id, braze_uuid


class BrazeMessage(Protocol):
    """One send."""

    @property
    def campaign(self) -> str:
        """The key in the template's call."""

    @property
    def send(self) -> str:
        """What tells this send from all others."""

    def variant_of(self, member_id: str) -> str | None:
        """The variant that a member gets; None where there are none."""

    def dispatch_of(self, member_id: str) -> str:
        """What `${dispatch_id}` is for a member."""

    def fields(self, member_id: str) -> dict[str, Any]:
        """What every e-mail event of a member says of the send."""


@dataclass(frozen=True, slots=True)
class CampaignMessage:
    """A send of a campaign; its ids follow from its key."""

    campaign: str
    send: str
    variants: tuple[str, ...] = ()

    def variant_of(self, member_id: str) -> str | None:
        """See `BrazeMessage`."""
        return _variant(self.campaign, member_id, self.variants)

    def dispatch_of(self, _member_id: str) -> str:
        """One for all: it is scheduled."""
        return self.send

    def fields(self, member_id: str) -> dict[str, Any]:
        """See `BrazeMessage`."""
        variant = self.variant_of(member_id)
        named = {"message_variation_name": f"Variant {variant}"} if variant else {}
        return {
            "campaign_id": braze_uuid("campaign", self.campaign),
            "message_variation_id": braze_uuid("variation", self.campaign, *filter(None, [variant])),
            "dispatch_id": self.send,
            **named,
        }


@dataclass(frozen=True, slots=True)
class CanvasMessage:
    """A mail of a Canvas's step, whose template calls with the key of a campaign."""

    campaign: str
    send: str
    canvas: str
    step: str = "Jobs mail"
    variants: tuple[str, ...] = ()

    def variant_of(self, member_id: str) -> str | None:
        """See `BrazeMessage`."""
        return _variant(self.canvas, member_id, self.variants)

    def dispatch_of(self, member_id: str) -> str:
        """One of their own for each member."""
        return braze_id("dispatch", self.send, member_id)

    def fields(self, member_id: str) -> dict[str, Any]:
        """See `BrazeMessage`."""
        variant = self.variant_of(member_id) or "a"
        return {
            "canvas_id": braze_uuid("canvas", self.canvas),
            "canvas_name": self.canvas,
            "canvas_variation_id": braze_uuid("canvas variation", self.canvas, variant),
            "canvas_variation_name": f"Variant {variant}",
            "canvas_step_id": braze_uuid("canvas step", self.canvas, self.step),
            "canvas_step_name": self.step,
            "dispatch_id": self.dispatch_of(member_id),
        }


def _variant(of: str, member_id: str, variants: tuple[str, ...]) -> str | None:
    if not variants:
        return None
    return variants[int(braze_id("variant", of, member_id)[:8], 16) % len(variants)]
