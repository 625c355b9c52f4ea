"""Invented companies, each labelled as such by the end of its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.demo.random_draws import Dice
    from app.demo.words import BoardWords, Industry, Place

_FORMS = ("(주){}", "(주){}", "{}(주)", "주식회사 {}")
_SMALLEST_STAFF = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A generated company. `short` is its name without legal form or label; `pay` scales its salaries."""

    id: str
    name: str
    short: str
    industry: Industry
    employees: int
    place: Place
    district: str
    pay: float
    hiring: float


def make_companies(count: int, words: BoardWords, dice: Dice) -> list[Company]:
    """`count` companies, with ids `c-00001` and so on."""
    width = max(5, len(str(count)))
    return [_company(f"c-{number:0{width}d}", words, dice) for number in range(1, count + 1)]


def _company(company_id: str, words: BoardWords, dice: Dice) -> Company:
    industry = dice.weighted(words.industries)
    place = dice.weighted(words.places[industry.area])
    short = _short_name(industry, words, dice)
    employees = max(_SMALLEST_STAFF, round(industry.staff * math.exp(0.9 * _normal(dice))))
    return Company(
        id=company_id,
        name=f"{short if industry.plain else dice.pick(_FORMS).format(short)}{words.label}",
        short=short,
        industry=industry,
        employees=employees,
        place=place,
        district=dice.weighted(place.districts[industry.area]),
        pay=0.94 + 0.02 * min(6.0, math.log10(employees) * 2) + 0.08 * dice.unit(),
        hiring=math.sqrt(employees) * math.exp(0.7 * _normal(dice)),
    )


def _short_name(industry: Industry, words: BoardWords, dice: Dice) -> str:
    stem = dice.pick(words.first) + dice.pick(words.second)
    tail = dice.pick(industry.tails)
    return tail.replace("~", stem) if "~" in tail else stem + tail


def _normal(dice: Dice) -> float:
    """A standard normal draw (Box-Muller)."""
    return math.sqrt(-2 * math.log(1 - dice.unit())) * math.cos(2 * math.pi * dice.unit())
