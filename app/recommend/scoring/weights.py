"""How much each signal counts: learned by the refresh from the board's own activity, stored with its run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.board.model import ActivityKind
from app.recommend.interactions import KIND_WEIGHT
from app.recommend.scoring.discount import DEFAULT_DISCOUNT, Ignored

if TYPE_CHECKING:
    from collections.abc import Mapping


class Signal(StrEnum):
    """What speaks for a posting. Every weight is 0 or more, so each signal's share of a score is plain.

    Values are stored with a run's weights, and so keep the names under which measurements tell of them.
    """

    COLLABORATIVE = "taste"  # factors of what the member did, on a small board along with what they say
    ITEM_SIMILARITY = "kin"  # postings with factors like those the member acted on
    CONTENT_FACTORS = "content_taste"  # the same factors, the posting's predicted from its content
    PROFILE_FACTORS = "profile_taste"  # factors predicted from the profile
    SIMILAR_MEMBERS = "peers"  # what members with the most similar profiles did
    PLACE = "place"  # the same places as in the history
    AREA = "area"  # the same large regions
    NEARBY = "nearby"  # places that the same members look at
    CATEGORY = "category"
    COMPANY = "company"
    WORDS = "words"
    OPENED_NEAR = "opened_near"  # opened when the history's postings were
    WANTED_CATEGORY = "wanted_category"  # what the profile asks for
    WANTED_REGION = "wanted_region"
    WANTED_WORDS = "wanted_words"
    CAREER = "career"
    EDUCATION = "education"
    SALARY = "salary"
    FRESH = "fresh"
    POPULAR = "popular"


# Measured on outside data where they vary there (docs/decisions/recommender.md), else modest by judgement.
_WITH_HISTORY = {
    Signal.COLLABORATIVE: 1.2, Signal.ITEM_SIMILARITY: 0.7, Signal.CONTENT_FACTORS: 0.3, Signal.PROFILE_FACTORS: 0.6, Signal.SIMILAR_MEMBERS: 0.2,
    Signal.PLACE: 0.6, Signal.AREA: 1.2, Signal.NEARBY: 0.3, Signal.CATEGORY: 0.4, Signal.COMPANY: 0.1, Signal.WORDS: 0.4,
    Signal.OPENED_NEAR: 0.5, Signal.WANTED_CATEGORY: 0.2, Signal.WANTED_REGION: 0.3, Signal.WANTED_WORDS: 0.2,
    Signal.CAREER: 0.5, Signal.EDUCATION: 0.3, Signal.SALARY: 0.2, Signal.FRESH: 0.5, Signal.POPULAR: 0.1,
}  # fmt: skip
_PROFILE_ONLY = {
    Signal.PROFILE_FACTORS: 0.7, Signal.SIMILAR_MEMBERS: 0.2, Signal.WANTED_CATEGORY: 0.6, Signal.WANTED_REGION: 0.8,
    Signal.WANTED_WORDS: 0.6, Signal.CAREER: 0.8, Signal.EDUCATION: 0.4, Signal.SALARY: 0.3, Signal.FRESH: 0.5,
    Signal.POPULAR: 0.3,
}  # fmt: skip
# Activity enough to learn from is enough to predict factors well from profiles: there learning starts nearer to them.
PROFILE_ONLY_TO_LEARN_FROM = _PROFILE_ONLY | {Signal.PROFILE_FACTORS: 1.5, Signal.WANTED_WORDS: 0.3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the signals for members with activity and for those with a profile alone, and of what mails taught.

    Attributes:
        with_history: For members with activity.
        profile_only: For members with a profile alone.
        discount: Of the signs that a posting was shown in mails and ignored.
        click: What a click in a mail counts as activity, beside the kinds of `KIND_WEIGHT`.
        learned_from: How many held-out activities or clicks each was learned from; 0 means the stated default.
    """

    with_history: Mapping[Signal, float] = field(default_factory=lambda: dict(_WITH_HISTORY))
    profile_only: Mapping[Signal, float] = field(default_factory=lambda: dict(_PROFILE_ONLY))
    discount: Mapping[Ignored, float] = field(default_factory=lambda: dict(DEFAULT_DISCOUNT))
    click: float = KIND_WEIGHT[ActivityKind.CLICK]
    learned_from: Mapping[str, int] = field(
        default_factory=lambda: {"with_history": 0, "profile_only": 0, "discount": 0, "click": 0}
    )

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "with_history": {str(signal): weight for signal, weight in self.with_history.items()},
            "profile_only": {str(signal): weight for signal, weight in self.profile_only.items()},
            "discount": {str(sign): weight for sign, weight in self.discount.items()},
            "click": self.click,
            "learned_from": dict(self.learned_from),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Weights:
        """The weights of an earlier run.

        Raises:
            KeyError, ValueError: what is stored is not a run's weights.
        """
        return cls(
            with_history={Signal(name): float(weight) for name, weight in stored["with_history"].items()},
            profile_only={Signal(name): float(weight) for name, weight in stored["profile_only"].items()},
            # A run of an earlier release has neither.
            discount={
                Ignored(name): float(weight)
                for name, weight in stored.get("discount", DEFAULT_DISCOUNT).items()
            },
            click=float(stored.get("click", KIND_WEIGHT[ActivityKind.CLICK])),
            learned_from={str(name): int(count) for name, count in stored["learned_from"].items()},
        )
