"""What a generated board is made of: roles, industries, places and the syllables of company names."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from app.board.model import Education
from app.demo.random_draws import Weighted

# Accounting, people and office work, which any company of some size also hires, as shares of its other hiring.
_OFFICE_GROUPS = {"3": 0.05, "5": 0.03, "4": 0.05}
_OFFICE_FROM_STAFF = 15


class Career(StrEnum):
    """How a posting speaks of career."""

    ENTRY = "entry"  # 신입
    BOTH = "both"  # 신입·경력
    ANY = "any"  # 경력무관
    EXPERIENCED = "experienced"  # 경력 N년 이상, N~M년


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupation:
    """A kind of work. Pay is in 10,000 won a year: of the first year, and more for each year of career."""

    number: int
    group: str
    names: tuple[str, ...]
    core: tuple[str, ...]
    more: tuple[str, ...]
    pay_start: int
    pay_per_year: int
    school: Education
    no_school: float
    also: str | None
    hourly: bool
    monthly: bool
    tagged: bool
    weight: float
    industries: frozenset[str]
    careers: Weighted[Career]
    types: Weighted[str]
    perks: tuple[str, ...]

    @property
    def leads(self) -> bool:
        """Whether only people of long career are hired for it."""
        return self.careers.things == (Career.EXPERIENCED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Industry:
    """A kind of company: its names, the occupations it hires, and its sort of district."""

    number: int
    name: str
    tags: tuple[str, ...]
    tails: tuple[str, ...]
    area: str
    staff: int
    plain: bool
    roles: Weighted[Occupation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A large region: its code, its salaries against Seoul's, and its districts by sort."""

    region: str
    pay: float
    districts: dict[str, Weighted[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardWords:
    """All of it, with the label that ends every generated company's name."""

    label: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    roles: tuple[Occupation, ...]
    industries: Weighted[Industry]
    places: dict[str, Weighted[Place]]


@cache
def words() -> BoardWords:
    """Read from the tables beside this module, once."""
    names = _table("names")
    roles = _roles(_table("roles"))
    return BoardWords(
        label=names["label"],
        first=tuple(names["first"]),
        second=tuple(names["second"]),
        roles=roles,
        industries=_industries(_table("industries"), roles),
        places=_places(_table("places")),
    )


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("app.demo") / "tables" / f"{name}.toml").read_text(encoding="utf-8"))


def _roles(groups: dict[str, Any]) -> tuple[Occupation, ...]:
    rows = [(code, group, row) for code, group in groups.items() for row in group["roles"]]
    return tuple(_role(number, code, group, row) for number, (code, group, row) in enumerate(rows))


def _role(number: int, code: str, group: dict[str, Any], row: dict[str, Any]) -> Occupation:
    hourly = row.get("hours", False)
    return Occupation(
        number=number,
        group=code,
        names=_split(row["names"]),
        core=_split(row["core"]),
        more=_split(row["more"]),
        pay_start=row["pay"][0],
        pay_per_year=row["pay"][1],
        school=Education[row["school"].upper()],
        no_school=group["no_school"],
        also=row.get("also"),
        hourly=hourly,
        monthly=row.get("monthly", False),
        tagged=row.get("tags", True),
        weight=row.get("w", 1.0),
        industries=frozenset(_split(row.get("at", ""))),
        careers=Weighted.of(zip(Career, row.get("careers", group["careers"]), strict=True)),
        types=Weighted.of([("part_time", 1.0)] if hourly else group["types"].items()),
        perks=() if hourly else tuple(group["perks"]),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("|") if part)


def _industries(rows: dict[str, Any], roles: tuple[Occupation, ...]) -> Weighted[Industry]:
    made = [
        (_industry(number, key, row, roles), row["weight"]) for number, (key, row) in enumerate(rows.items())
    ]
    return Weighted.of(made)


def _industry(number: int, key: str, row: dict[str, Any], roles: tuple[Occupation, ...]) -> Industry:
    return Industry(
        number=number,
        name=row["name"],
        tags=tuple(row["tags"]),
        tails=tuple(row["tails"]),
        area=row["area"],
        staff=row["staff"],
        plain=row.get("form") == "plain",
        roles=Weighted.of(_hired(key, _hires(row), roles)),
    )


def _hires(row: dict[str, Any]) -> dict[str, float]:
    """Job groups with weights, office work added where a company of the kind is large enough to have it."""
    hires: dict[str, float] = row["hires"]
    if row["staff"] < _OFFICE_FROM_STAFF:
        return hires
    total = sum(hires.values())
    return {group: share * total for group, share in _OFFICE_GROUPS.items()} | hires


def _hired(
    industry: str, hires: dict[str, float], roles: tuple[Occupation, ...]
) -> list[tuple[Occupation, float]]:
    """Roles with weights: a group's weight is shared out among the roles that the industry has."""
    fitting = [r for r in roles if r.group in hires and (not r.industries or industry in r.industries)]
    totals = {group: sum(r.weight for r in fitting if r.group == group) for group in hires}
    return [(r, hires[r.group] * r.weight / totals[r.group]) for r in fitting]


def _places(rows: dict[str, Any]) -> dict[str, Weighted[Place]]:
    areas = ("office", "plant", "service")
    made = [(_place(region, row), row["share"]) for region, row in rows.items()]
    return {area: Weighted.of((p, share[i]) for p, share in made) for i, area in enumerate(areas)}


def _place(region: str, row: dict[str, Any]) -> Place:
    return Place(
        region=region,
        pay=row["pay"],
        districts={area: Weighted.of(_districts(row[area])) for area in ("office", "plant", "service")},
    )


def _districts(text: str) -> list[tuple[str, float]]:
    pairs = (entry.rpartition(":") for entry in text.split())
    return [(name, float(weight)) for name, _, weight in pairs]
