"""What a campaign's sends came to: added up by send, place, source, reason and Braze's variants, beside who was held back."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from app.feedback.results.counts import OPEN_DAYS, VariantCounts
from app.feedback.statistics.intervals import score
from app.feedback.statistics.sums import of_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from app.feedback.results.counts import PlaceCounts, SendCounts
    from app.feedback.statistics.intervals import Difference

STRAY: Final = 0.01  # of a variation's clicks: what a copied link or an old mail brings is no second variant


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickRate:
    """How often what was shown was clicked by people, with its 95 % interval (Wilson's)."""

    name: str
    shown: int
    clicked: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Clicked of shown."""
        return self.clicked / self.shown if self.shown else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Members held back from a campaign or a Canvas, and the difference that being mailed makes to applying at all."""

    of: str
    members: int
    applied: int
    mailed: int
    mailed_applied: int
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResult:
    """What a campaign came to.

    Attributes:
        campaign: Its key.
        sends: What each day's mails came to, the newest first.
        open_since: Sends from this day on may still grow.
        by_position: Click rates by place in the mail, the first first.
        by_source: By how the list was made.
        by_reason: By the reason shown, in a sample of the members whose list was still kept.
        variants: Braze's own variants.
        mixed: Ids of those whose clicks do not name one `variant` of their own.
        held: Who was held back.
    """

    campaign: str
    sends: Sequence[SendCounts]
    open_since: date
    by_position: Sequence[ClickRate]
    by_source: Sequence[ClickRate]
    by_reason: Sequence[ClickRate]
    variants: Sequence[VariantCounts]
    mixed: Sequence[str]
    held: Sequence[Held]


def summarise(campaign: str, sends: Sequence[SendCounts], today: date) -> CampaignResult:
    """Add up sends of one campaign."""
    placed = [place for send in sends for place in send.places if not place.reason]
    reasoned = [place for send in sends for place in send.places if place.reason]
    variants = _variants(sends)
    return CampaignResult(
        campaign=campaign,
        sends=sorted(sends, key=lambda send: send.day, reverse=True),
        open_since=today - timedelta(days=OPEN_DAYS - 1),
        by_position=_rates(placed, lambda place: (place.position, "")),
        by_source=_rates(placed, lambda place: (0, place.source)),
        by_reason=sorted(
            _rates(reasoned, lambda place: (0, place.reason)), key=lambda rate: rate.rate, reverse=True
        ),
        variants=variants,
        mixed=mixed_variants(variants),
        held=_held(sends),
    )


def mixed_variants(variants: Iterable[VariantCounts]) -> list[str]:
    """Variations of Braze's whose clicks carry no `variant`, several, or that of another: their figures say nothing of the template."""
    named: dict[str, list[str]] = {}
    for one in variants:
        clicks = sum(one.variants.values())
        named[one.variation_id] = [name for name, count in one.variants.items() if count > STRAY * clicks]
    users = Counter(name for names in named.values() for name in names)
    return [
        variation
        for variation, names in named.items()
        if len(names) > 1 or (len(named) > 1 and names and (names == [""] or users[names[0]] > 1))
    ]


def _rates(places: Iterable[PlaceCounts], key: Callable[[PlaceCounts], tuple[int, str]]) -> list[ClickRate]:
    """Rates by a place's number and name, of which one is the rate's name."""
    shown: dict[tuple[int, str], int] = defaultdict(int)
    clicked: dict[tuple[int, str], int] = defaultdict(int)
    for place in places:
        shown[key(place)] += place.shown
        clicked[key(place)] += place.clicked
    return [click_rate(one[1] or str(one[0]), shown[one], clicked[one]) for one in sorted(shown)]


def click_rate(name: str, shown: int, clicked: int) -> ClickRate:
    """A rate with its interval; a click on what was not counted as shown is not counted either."""
    clicked = min(clicked, shown)
    if not shown:
        return ClickRate(name=name, shown=0, clicked=0, low=0.0, high=1.0)
    from scipy.stats import binomtest  # noqa: PLC0415 - a second to import, which the planner's start has no need of

    interval = binomtest(clicked, shown).proportion_ci(method="wilson")
    return ClickRate(
        name=name, shown=shown, clicked=clicked, low=float(interval.low), high=float(interval.high)
    )


def _variants(sends: Iterable[SendCounts]) -> list[VariantCounts]:
    found: dict[str, list[VariantCounts]] = defaultdict(list)
    for send in sends:
        for one in send.variants:
            found[one.variation_id].append(one)
    return [
        VariantCounts(
            variation_id=variation,
            mailed=sum(one.mailed for one in some),
            members=sum(one.members for one in some),
            clicked=sum(one.clicked for one in some),
            applied=sum(one.applied for one in some),
            variants=dict(sum((Counter(one.variants) for one in some), Counter())),
        )
        for variation, some in sorted(found.items())
    ]


def _held(sends: Sequence[SendCounts]) -> list[Held]:
    """Held back and mailed on the same days: members of several days count on each."""
    found = []
    for of in ("campaign", "canvas"):
        days = [(send, one) for send in sends for one in send.controls if one.of == of]
        if not days:
            continue
        members, applied = sum(one.members for _send, one in days), sum(one.applied for _send, one in days)
        mailed = sum(send.members for send, _one in days)
        mailed_applied = sum(send.applied_anyway for send, _one in days)
        found.append(
            Held(
                of=of,
                members=members,
                applied=applied,
                mailed=mailed,
                mailed_applied=mailed_applied,
                difference=score(of_share(members, applied), of_share(mailed, mailed_applied)),
            )
        )
    return found
