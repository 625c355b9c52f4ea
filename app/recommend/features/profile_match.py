"""How well postings meet what a profile asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.board.vocabulary import NATIONWIDE, REGIONS, REMOTE, large_region, neighbours
from app.recommend.features.profiles import salary_of
from app.recommend.features.tokens import tokenise_all

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue

    Numbers = NDArray[np.float32] | float  # one for each posting, or one for all; nan where unknown


def career_fit(years: Numbers, low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where the career asked for includes the member's, falling to 0 three years outside; 0.5 where unknown.

    Args:
        years: Of career that the member has.
        low: (n,) float32, years asked for at least.
        high: (n,) float32, years asked for at most.

    Returns:
        (n,) float32.
    """
    short = np.where(np.isnan(low), 0.0, low) - years
    long = years - np.where(np.isnan(high), np.inf, high)
    fit = np.maximum(0.0, 1 - np.maximum(np.maximum(short, long), 0.0) / 3)
    unknown = np.isnan(years) | (np.isnan(low) & np.isnan(high))
    return np.where(unknown, 0.5, fit).astype(np.float32)


def education_fit(reached: Numbers, asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where the member has what is asked for, half less for each step missing, (n,) float32; 0.5 where unknown."""
    fit = np.maximum(0.0, 1 - np.maximum(asked - reached, 0.0) / 2)
    return np.where(np.isnan(fit), 0.5, fit).astype(np.float32)


def salary_fit(wanted: Numbers, paid: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where at least the wanted pay is offered, falling to 0 at 30 % less, (n,) float32; 0.5 where either is unknown."""
    fit = np.maximum(0.0, 1 - np.maximum(0.0, 1 - paid / wanted) / 0.3)
    return np.where(np.isnan(fit), 0.5, fit).astype(np.float32)


def meets_something(member: Member, catalogue: Catalogue) -> bool:
    """Whether a profile says anything that postings of the board say something about.

    A code that no posting has, or a pay in a unit that no posting is paid in, tells nothing of the member on this board.
    """
    fields = catalogue.fields
    asked = {name: fields[name].columns.keys() for name in ("category", "words", "place", "area")}
    return (
        any(
            not asked[name].isdisjoint(stated_preferences(name, member))
            for name in ("category", "words", "place")
        )
        or any(_is_reached(region, asked["area"]) for region in member.regions)
        or (member.career_years is not None and _any_known(catalogue.career_min, catalogue.career_max))
        or (member.education is not None and _any_known(catalogue.education))
        or (salary_of(member) > 0 and _paid_in(member.salary_unit, catalogue))
    )


def _is_reached(region: str, areas: Collection[str]) -> bool:
    """Whether any of the areas is the region's, or near to it."""
    return not neighbours(large_region(region)).isdisjoint(areas) or (
        large_region(region) in REGIONS and NATIONWIDE in areas
    )


def _paid_in(unit: str | None, catalogue: Catalogue) -> bool:
    return bool(unit) and _any_known(
        catalogue.salary[catalogue.salary_unit == catalogue.unit_numbers.get(unit or "", -1)]
    )


def _any_known(*columns: NDArray[np.float32]) -> bool:
    return any(bool(np.isfinite(column).any()) for column in columns)


def stated_preferences(name: str, member: Member) -> dict[str, float]:
    """What a profile asks for in a field, and how much: a region itself most, its large region, those around it."""
    match name:
        case "category":
            return dict.fromkeys(member.categories, 1.0)
        case "words":
            return dict.fromkeys(tokenise_all(member.skills), 1.0)
        case "place":
            return dict.fromkeys(member.regions, 1.0)
        case "area":
            return _areas(member.regions)
        case _:
            return {}


def _areas(regions: Sequence[str]) -> dict[str, float]:
    areas: dict[str, float] = {}
    for region in regions:
        areas |= {near: max(areas.get(near, 0.0), 0.3) for near in neighbours(large_region(region))}
    if regions:
        areas[NATIONWIDE] = max(areas.get(NATIONWIDE, 0.0), 0.7)
        areas[REMOTE] = max(areas.get(REMOTE, 0.0), 0.7)  # within reach of everybody
    return areas | {large_region(region): 1.0 for region in regions}
