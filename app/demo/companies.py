"""Invented companies, each labelled as such by the end of its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.demo.random_draws import RandomStream
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


def make_companies(count: int, words: BoardWords, rng: RandomStream) -> list[Company]:
    """`count` companies, with ids `c-00001` and so on."""
    width = max(5, len(str(count)))
    return [_company(f"c-{number:0{width}d}", words, rng) for number in range(1, count + 1)]


def _company(company_id: str, words: BoardWords, rng: RandomStream) -> Company:
    industry = rng.weighted_choice(words.industries)
    place = rng.weighted_choice(words.places[industry.area])
    short = _short_name(industry, words, rng)
    employees = max(_SMALLEST_STAFF, round(industry.staff * math.exp(0.9 * _normal(rng))))
    return Company(
        id=company_id,
        name=f"{short if industry.plain else rng.choice(_FORMS).format(short)}{words.label}",
        short=short,
        industry=industry,
        employees=employees,
        place=place,
        district=rng.weighted_choice(place.districts[industry.area]),
        pay=0.94 + 0.02 * min(6.0, math.log10(employees) * 2) + 0.08 * rng.random(),
        hiring=math.sqrt(employees) * math.exp(0.7 * _normal(rng)),
    )


def _short_name(industry: Industry, words: BoardWords, rng: RandomStream) -> str:
    stem = rng.choice(words.first) + rng.choice(words.second)
    tail = rng.choice(industry.tails)
    return tail.replace("~", stem) if "~" in tail else stem + tail


def _normal(rng: RandomStream) -> float:
    """A standard normal draw (Box-Muller)."""
    return math.sqrt(-2 * math.log(1 - rng.random())) * math.cos(2 * math.pi * rng.random())
