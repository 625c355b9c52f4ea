"""Postings as numpy columns, from which members and activity are drawn; memory grows with postings only."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import Status
from app.board.veto import end_of
from app.board.vocabulary import neighbours
from app.demo.random_draws import generator

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import Posting

HISTORY_DAYS = 90
_DAY_S = 86_400
_NEVER_S = 2**62
_NO_LOWER, _NO_UPPER = 0.0, 60.0  # years of career, where a posting gives no bound
# Of the logarithm, times a Student t of 3 degrees: most postings are alike and a few are very popular. Fitted, with the
# exposure, to the applications a posting got on a Korean job site.
_POPULARITY_SPREAD, _MOST_POPULAR = 0.18, 8.0
_FULL_EXPOSURE_DAYS = 14.0  # a posting shown for less gets fewer looks
_LEAST_FIELD, _LARGEST_FIELD_SHARE = 5, 0.15
_STYLES = 8


@dataclass(frozen=True, slots=True)
class WeightedGroups:
    """Postings grouped by an integer key, to draw one of a group by weight.

    Attributes:
        order: Positions of the postings, group after group.
        cumulative: The cumulated weights in that order, with a 0 before the first.
        start: Where each group begins in `order`.
        size: How many postings each group has.
    """

    order: NDArray[np.int32]
    cumulative: NDArray[np.float64]
    start: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.int64], weights: NDArray[np.float64], count: int) -> WeightedGroups:
        """Group by keys 0 to count - 1; postings of weight 0 are in no group."""
        alive = np.flatnonzero(weights > 0)
        order = alive[np.argsort(keys[alive], kind="stable")].astype(np.int32)
        size = np.bincount(keys[alive], minlength=count)
        cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
        return cls(order, cumulative, np.cumsum(size) - size, size)

    def draw(self, keys: NDArray[np.int64], units: NDArray[np.float64]) -> NDArray[np.int32]:
        """Draw a posting for each key from numbers in [0, 1) of the same shape; no key's group may be empty."""
        first = self.start[keys]
        last = first + self.size[keys]
        low, high = self.cumulative[first], self.cumulative[last]
        found = np.searchsorted(self.cumulative, low + units * (high - low), side="right") - 1
        drawn: NDArray[np.int32] = self.order[np.clip(found, first, last - 1)]
        return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingColumns:
    """The board's postings; each array has one entry a posting.

    `area` gathers neighbouring places. `field` is a kind of work within a category, `style` a kind of company, `taste` a leaning that shows in no text,
    `skills` has a bit for each skill (two skills may share one).
    Activity on a posting may happen from `opens` until before `ends` (seconds since 1970 UTC).
    """

    postings: Sequence[Posting]
    category: NDArray[np.int64]
    field: NDArray[np.int64]
    place: NDArray[np.int64]
    area: NDArray[np.int64]
    style: NDArray[np.int64]
    taste: NDArray[np.float64]
    skills: NDArray[np.uint64]
    career_low: NDArray[np.float64]
    career_high: NDArray[np.float64]
    education: NDArray[np.int64]
    opens: NDArray[np.int64]
    ends: NDArray[np.int64]
    fields: int
    places: int
    areas: int
    everything: WeightedGroups
    by_category: WeightedGroups
    by_category_place: WeightedGroups
    by_category_area: WeightedGroups
    by_field: WeightedGroups
    by_field_place: WeightedGroups
    by_field_area: WeightedGroups

    @property
    def alive(self) -> int:
        """How many postings could be seen at some time in the history."""
        return len(self.everything.order)

    def nearby(self, postings: NDArray[np.integer]) -> NDArray[np.int64]:
        """The key of each posting's category in neighbouring places."""
        keys: NDArray[np.int64] = self.category[postings] * self.areas + self.area[postings]
        return keys


def make_posting_columns(
    postings: Sequence[Posting],
    fields: Sequence[Hashable],
    styles: Sequence[Hashable],
    *,
    seed: int,
    now: datetime,
) -> PostingColumns:
    """Make the columns from postings, with the field and style of each."""
    draws = generator(seed, "supply")
    category, categories = _index([posting.categories[:1] for posting in postings])
    field, field_count = _index(list(zip(category.tolist(), fields, strict=True)))
    place, places = _index([large_region(posting) for posting in postings])
    area, areas = _index([neighbours(large_region(posting)) for posting in postings])
    opens, ends = _open_times(postings, now)
    weights = _weights(opens, ends, draws)
    return PostingColumns(
        postings=postings,
        category=category,
        field=field,
        place=place,
        area=area,
        style=_index(list(styles))[0],
        taste=draws.standard_normal(len(postings)),
        skills=np.array([_skill_bits(p) for p in postings], dtype=np.uint64),
        career_low=np.array([_or_default(p.career_min_years, _NO_LOWER) for p in postings]),
        career_high=np.array([_or_default(p.career_max_years, _NO_UPPER) for p in postings]),
        education=np.array([int(p.education or 0) for p in postings], dtype=np.int64),
        opens=opens,
        ends=ends,
        fields=field_count,
        places=places,
        areas=areas,
        everything=WeightedGroups.of(np.zeros(len(postings), dtype=np.int64), weights, 1),
        by_category=WeightedGroups.of(category, weights, categories),
        by_category_place=WeightedGroups.of(category * places + place, weights, categories * places),
        by_category_area=WeightedGroups.of(category * areas + area, weights, categories * areas),
        by_field=WeightedGroups.of(field, weights, field_count),
        by_field_place=WeightedGroups.of(field * places + place, weights, field_count * places),
        by_field_area=WeightedGroups.of(field * areas + area, weights, field_count * areas),
    )


def guess_fields(postings: Sequence[Posting]) -> list[str]:
    """A field for each posting of a catalogue that does not say: its commonest skill that is not everybody's."""
    seen = Counter((p.categories[:1], skill) for p in postings for skill in p.skills)
    sizes = Counter(p.categories[:1] for p in postings)
    return [_field(p, seen, sizes[p.categories[:1]]) for p in postings]


def guess_styles(postings: Sequence[Posting]) -> list[int]:
    """A style for each posting of a catalogue that does not say: the same for all of a company's."""
    return [zlib.crc32(p.company_id.encode()) % _STYLES for p in postings]


def large_region(posting: Posting) -> str:
    """The first region's largest part, or nothing."""
    return posting.regions[0].partition("/")[0] if posting.regions else ""


def _field(posting: Posting, seen: Counter[tuple[tuple[str, ...], str]], size: int) -> str:
    counted = [(seen[posting.categories[:1], skill], skill) for skill in posting.skills]
    telling = [
        pair for pair in counted if _LEAST_FIELD <= pair[0] <= max(_LEAST_FIELD, _LARGEST_FIELD_SHARE * size)
    ]
    return max(telling)[1] if telling else ""


def _skill_bits(posting: Posting) -> int:
    bits = 0
    for skill in posting.skills:
        bits |= 1 << zlib.crc32(skill.encode()) % 64
    return bits


def _index(things: Sequence[Hashable]) -> tuple[NDArray[np.int64], int]:
    """A number for each thing, the same for equal things, and how many numbers there are."""
    numbers: dict[Hashable, int] = {}
    found = np.array([numbers.setdefault(thing, len(numbers)) for thing in things], dtype=np.int64)
    return found, len(numbers)


def _or_default(value: float | None, other: float) -> float:
    return other if value is None else value


def _open_times(postings: Sequence[Posting], now: datetime) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    until = int(now.timestamp())
    opens = np.array([int(p.opened_at.timestamp()) for p in postings], dtype=np.int64)
    ends = np.array([min(until, _end_s(p)) for p in postings], dtype=np.int64)
    return np.maximum(opens, until - HISTORY_DAYS * _DAY_S), ends


def _end_s(posting: Posting) -> int:
    """When a posting stopped being shown, seconds since 1970 UTC; `_NEVER_S` where it is still shown."""
    over = _NEVER_S
    if posting.deadline is not None:
        over = end_of(posting.deadline, posting.deadline_time)
    return over if posting.status is Status.OPEN else min(over, int(posting.updated_at.timestamp()))


def _weights(
    opens: NDArray[np.int64], ends: NDArray[np.int64], draws: np.random.Generator
) -> NDArray[np.float64]:
    exposure = np.clip((ends - opens) / (_FULL_EXPOSURE_DAYS * _DAY_S), 0.0, 1.0)
    popularity = np.minimum(np.exp(_POPULARITY_SPREAD * draws.standard_t(3, len(opens))), _MOST_POPULAR)
    weights: NDArray[np.float64] = popularity * np.sqrt(exposure)
    return weights
