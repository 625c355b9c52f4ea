"""A question before an experiment: how many members, or how small a difference."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isinf
from typing import TYPE_CHECKING

from app.capacity.formats import number, percent
from app.feedback.experiments.definition import MOST_ARMS
from app.feedback.statistics.power import Design, PowerError
from app.web.pages.language import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_MEMBERS = 10**10


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerQuestion:
    """What was typed, and the answer; `wrong` where it cannot be given, both empty before anything was asked."""

    base: str = ""
    members: str = ""
    lift: str = ""
    arms: str = "2"
    answer: str = ""
    wrong: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> PowerQuestion:
        """The question of an address."""
        typed = {name: given.get(name, "").strip()[:20] for name in ("base", "members", "lift")}
        typed["arms"] = given.get("arms", "").strip()[:3] or "2"
        if not any(typed[name] for name in ("base", "members", "lift")):
            return cls()
        base, arms = _read(typed["base"]), _read(typed["arms"])
        if base is None:
            return cls(**typed, wrong=_("Write what share of members applies now, in percent, such as 3."))
        if arms is None or not arms.is_integer() or not 2 <= arms <= MOST_ARMS:  # noqa: PLR2004 - a pair is the least
            return cls(**typed, wrong=_("An experiment has 2 to %(most)s arms.", most=MOST_ARMS))
        members, lift = _read(typed["members"]), _read(typed["lift"])
        if (members is None) == (lift is None):
            return cls(
                **typed, wrong=_("Write either the members or the difference: the other one is the answer.")
            )
        try:
            design = Design(
                base_share=base / 100, control_share=1 / arms, arm_share=1 / arms, comparisons=int(arms) - 1
            )
            return cls(**typed, answer=_answer(design, base, members, lift))
        except PowerError:
            return cls(**typed, wrong=_("No share of members can be so, or differ by so much."))


def _answer(design: Design, base: float, members: float | None, lift: float | None) -> str:
    if lift is not None:
        return _(
            "%(members)s members in all arms together show a difference of %(lift)s%% of %(base)s%%.",
            members=number(design.members(lift / 100)),
            lift=number(lift, 2),
            base=number(base, 3),
        )
    smallest = design.smallest_lift(int(min(members or 0, MOST_MEMBERS)))
    if isinf(smallest):
        return _("So few members show no difference at all.")
    return _(
        "%(members)s members show a difference of %(lift)s of %(base)s%%, or a larger one.",
        members=number(members),
        lift=percent(smallest, 1),
        base=number(base, 3),
    )


def _read(text: str) -> float | None:
    """A number as people write it: 200,000 or 3%."""
    try:
        found = float(text.replace(",", "").removesuffix("%"))
    except ValueError:
        return None
    return found if isfinite(found) else None
