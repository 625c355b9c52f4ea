"""An experiment and its arms, and what one must be to be created."""

from __future__ import annotations

import re
from collections.abc import Sequence  # noqa: TC003 - what is saved is read back by its annotations
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - same
from typing import Final

import msgspec

from app.board.campaign_key import CAMPAIGN_KEY
from app.feedback.experiments.refusals import ExperimentError, Refusal

RECOMMENDED: Final = "recommended"
POPULAR: Final = "popular"
PROFILE: Final = "profile"
BUILT_IN: Final = (RECOMMENDED, POPULAR, PROFILE)
"""Ways to make lists that need no run of their own; any other recipe's lists are those of a refresh of that name."""
BUCKETS: Final = 10_000
"""Members are split into so many equal parts: a share is a whole number of them."""
FEWEST_ARMS, MOST_ARMS = 2, 8
_SHARE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?", re.ASCII)
_WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Arm:
    """A part of an experiment's members.

    Attributes:
        name: As answers, links and results have it.
        share: Of all members, 0 to 1.
        recipe: How its lists are made: one of `BUILT_IN`, or a refresh's recipe.
    """

    name: str
    share: float
    recipe: str

    @property
    def needs_run(self) -> str | None:
        """The recipe whose published run it needs; None where the usual run will do."""
        return None if self.recipe in BUILT_IN else self.recipe


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment that was started; its arms never change.

    Attributes:
        key: Its name.
        campaign: Whose members are split.
        salt: Makes the split another one than every other experiment's.
        arms: The first is the control.
        started_at: Sends that begin from then on are split.
        stopped_at: Sends that begin from then on are not.
    """

    key: str
    campaign: str
    salt: str
    arms: Sequence[Arm]
    started_at: datetime
    stopped_at: datetime | None = None

    def splits(self, first_at: datetime) -> bool:
        """Whether a send that began then is split, for as long as it goes on."""
        return self.started_at <= first_at and (self.stopped_at is None or first_at < self.stopped_at)


def arms_from(arms: str) -> tuple[Arm, ...]:
    """The arms of an experiment as they are on record, in JSON; one without a recipe is named after it.

    Raises:
        ExperimentError: they are no arms.
    """
    try:
        found = msgspec.json.decode(arms, type=tuple[_ArmOnRecord, ...])
    except msgspec.MsgspecError as error:
        raise ExperimentError(Refusal.ARMS_ON_RECORD, error=error) from error
    return tuple(Arm(one.name, one.share, one.recipe or one.name) for one in found)


class _ArmOnRecord(msgspec.Struct):
    name: str
    share: float
    recipe: str | None = None


def check_key(name: str, refusal: Refusal, **places: object) -> str:
    """A name that is written like a campaign's.

    Raises:
        ExperimentError: it is not, as `refusal` says.
    """
    if not CAMPAIGN_KEY.fullmatch(name):
        raise ExperimentError(refusal, name=name[:80], **places)
    return name


def check_recipe(name: str) -> str:
    """A recipe's name that a refresh may have.

    Raises:
        ExperimentError: it is none, or names a way that needs no refresh.
    """
    if name in BUILT_IN:
        raise ExperimentError(Refusal.RECIPE_BUILT_IN, name=name)
    return check_key(name, Refusal.RECIPE_NAME)


def read_arms(texts: Sequence[str]) -> tuple[Arm, ...]:
    """Arms as a person writes them, `NAME=RECIPE:PERCENT`.

    The recipe is the name where none is given; the members are split evenly where no arm has a percentage.

    Raises:
        ExperimentError: what does not fit, in one sentence.
    """
    written = [_parts(text) for text in texts]
    if not FEWEST_ARMS <= len(written) <= MOST_ARMS:
        raise ExperimentError(Refusal.ARM_COUNT, fewest=FEWEST_ARMS, most=MOST_ARMS, given=len(written))
    names = [name for name, _, _ in written]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ExperimentError(Refusal.ARM_TWICE, name=twice)
    percentages = [percent for _, _, percent in written if percent is not None]
    if percentages and len(percentages) < len(written):
        raise ExperimentError(Refusal.SOME_PERCENTAGES)
    if percentages and round(sum(percentages), 2) != _WHOLE:
        raise ExperimentError(Refusal.PERCENTAGE_SUM, sum=sum(percentages))
    shares = [percent / _WHOLE for percent in percentages] or [1 / len(written)] * len(written)
    return tuple(Arm(name, share, recipe) for (name, recipe, _), share in zip(written, shares, strict=True))


def _parts(text: str) -> tuple[str, str, float | None]:
    """The name, the recipe and the percentage of one arm."""
    way, colon, percent = text.partition(":")
    name, equals, recipe = way.partition("=")
    check_key(name, Refusal.ARM_NAME)
    if equals and recipe not in BUILT_IN:
        check_key(recipe, Refusal.RECIPE_OF_ARM, arm=name)
    if not colon:
        return name, recipe or name, None
    if not _SHARE.fullmatch(percent) or not 0 < float(percent) < _WHOLE:
        raise ExperimentError(Refusal.PERCENTAGE, name=name, given=percent[:20])
    return name, recipe or name, float(percent)
