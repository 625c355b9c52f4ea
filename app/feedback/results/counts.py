"""What is counted of a send and of an experiment: numbers of members and mails, never a member."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Final

import msgspec

from app.feedback.statistics.sums import Sums  # noqa: TC001 - msgspec reads the annotations

SCANNERS: Final = ("flagged", "burst", "too_soon")
GUARDS: Final = ("unsubscribe", "spam", "bounce", "soft_bounce", "abort")
OPEN_DAYS: Final = 8  # the days after a send on which what it came to may still grow


class MailCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the mails of one arm of a send came to.

    Attributes:
        arm: Its name; empty where there was no experiment.
        mailed: Mails that went out.
        members: Members that they went to.
        clicked: Of these, people who clicked.
        clicks: Clicks by people.
        scanners: Clicks taken for scanners', by the rule that took them.
        unfiltered: Clicks of which Braze said neither yes nor no.
        applied: Members with an application credited to these mails.
        applications: Such applications, by the ground of the credit.
        events: Members by what befell the mail: GUARDS.
    """

    arm: str
    mailed: int
    members: int
    clicked: int = 0
    clicks: int = 0
    scanners: dict[str, int] = {}
    unfiltered: int = 0
    applied: int = 0
    applications: dict[str, int] = {}
    events: dict[str, int] = {}

    @property
    def all_applications(self) -> int:
        """Credited applications on whatever ground."""
        return sum(self.applications.values())


class PlaceCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How often postings were shown in a place of the mail, and how often a person clicked one there.

    `source` is how the list was made; `position` counts from 1; `reason` is a code where the list was still kept
    (then `position` is 0, and the counts are of a sample of the members), else empty. `mails` showed some there for that reason; None
    where it is `shown`, a place being there once in a mail.
    """

    source: str
    position: int
    shown: int
    clicked: int
    reason: str = ""
    mails: int | None = None


class VariantCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One of Braze's own message variants: its id, and the clicks by the `variant` in the URL."""

    variation_id: str
    mailed: int
    members: int
    clicked: int
    applied: int
    variants: dict[str, int] = {}


class ControlCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Members held back from a campaign or a Canvas, beside those mailed, by whether they applied to anything at all.

    `of` is "campaign" or "canvas".
    """

    of: str
    members: int
    applied: int


class SendCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the mails of one campaign sent on one day of the board's came to.

    Attributes:
        campaign: Its key.
        day: The day.
        arms: By arm of an experiment, or one without a name.
        places: Clicks by place and source, and by reason in a sample.
        variants: Braze's own.
        controls: Members held back on this day.
        applied_anyway: Of the mailed, those who applied to anything on the board within 7 days: what the controls are held against.
        campaign_ids: Braze's ids that these mails had.
        canvas_ids: Those of Canvases, whose mails have no campaign's.
    """

    campaign: str
    day: date
    arms: list[MailCounts]
    places: list[PlaceCounts] = []
    variants: list[VariantCounts] = []
    controls: list[ControlCounts] = []
    applied_anyway: int = 0
    campaign_ids: list[str] = []
    canvas_ids: list[str] = []

    @property
    def members(self) -> int:
        """Members mailed; one is in one arm."""
        return sum(arm.members for arm in self.arms)

    def applications(self, ground: str) -> int:
        """Applications credited on a ground, in all arms."""
        return sum(arm.applications.get(ground, 0) for arm in self.arms)

    def events(self, kind: str) -> int:
        """Members whom something befell, in all arms."""
        return sum(arm.events.get(kind, 0) for arm in self.arms)

    def scanners(self, rule: str) -> int:
        """Clicks taken for scanners' by a rule, in all arms."""
        return sum(arm.scanners.get(rule, 0) for arm in self.arms)


class ArmCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What an arm's members came to, from the first mail of each until the experiment's end or now.

    Attributes:
        arm: Its name.
        share: What it was given of the members.
        recipe: How its lists are made.
        members: Mailed at least once, whatever became of the mail: the denominator of everything.
        clicked: People who clicked.
        applied: Members with a credited application.
        after_click: Members of these who applied to a posting that they had clicked in the mail; None as counted before
            that was told apart.
        applications: Credited applications, with those of the 28 days before the first mail (credited or not) as x.
        applied_anyway: Members with any application on the board, credited or not.
        events: Members by what befell their mails.
    """

    arm: str
    share: float
    recipe: str
    members: int
    clicked: int
    applied: int
    applications: Sums
    applied_anyway: int
    after_click: int | None = None
    events: dict[str, int] = {}


class ExperimentCounts(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment as counted; the first arm is the control.

    `crossed` are members met in two arms, who count for the first; `until` is when counting ended: now, or the end.
    """

    key: str
    campaign: str
    state: str
    arms: list[ArmCounts]
    crossed: int
    started_at: datetime | None
    planned_end: datetime | None
    stopped_at: datetime | None
    until: datetime
