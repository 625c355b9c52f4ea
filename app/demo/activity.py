"""What generated members did: views, scraps and applications that follow their tastes, a chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from app.board.model import BOARD_KINDS
from app.demo.members import SCRAPS_A_VIEW
from app.demo.random_draws import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.demo.members import Traits
    from app.demo.posting_columns import PostingColumns, WeightedGroups

    # What views are drawn from: groups of postings, indices of the views, and the group key of each view.
    Lists: TypeAlias = list[tuple[WeightedGroups, NDArray[np.int64], NDArray[np.int64]]]

SEOUL_S = 9 * 3_600  # Asia/Seoul is this far ahead of UTC, and has been since 1988
_DAY_S = 86_400

_COMPARED = 6  # postings of a list that a member compares before opening one
_SCOPES = (
    0.52,
    0.64,
    0.76,
    0.90,
    0.95,
    0.98,
)  # cumulated shares of the lists, in the order of _BrowsingScope
# A list of about this many postings is left for a wider one half of the time.
_SHORT_LIST = 12.0
_WIDER_IN_REGION = 0.5
_FIELD, _REGION, _STYLE, _TASTE, _SKILL = 1.0, 1.0, 1.0, 0.6, 0.4  # what a posting gains by suiting
# What it loses by not suiting.
_CAREER_GAP, _LARGEST_GAP_YEARS, _TOO_LITTLE_SCHOOL, _FAR = 0.9, 6.0, 4.0, 2.0
_GAP_NOTICED_YEARS = 1.0  # by which a career may be missed before a member looks elsewhere
_SEARCH_DAYS = 16.0
_REPEAT_SHARE = 0.5  # share of second looks at a posting that happen; of third ones half of that, and so on

# How activity is spread over the hours of a day in Seoul.
_HOURS = np.array(
    [3, 1.5, 1, 0.5, 0.5, 0.7, 1.5, 3, 5, 7, 8, 7, 6, 6, 7, 7, 6.5, 5.5, 5, 5.5, 7, 8.5, 8, 5.5]
)
_HOUR_STARTS_S = np.arange(25) * 3_600
_SESSION_MEAN_S = 8 * 60
_AT_ONCE = 0.7  # of applications, the others follow within two days


class _BrowsingScope(IntEnum):
    """The list a member opens a posting from."""

    OWN_FIELD = 0  # in the own region
    SECOND_FIELD = 1  # in the own region
    CATEGORY = 2  # in the own region
    AREA = 3  # the own field in neighbouring regions too
    NEARBY = 4  # the category, in neighbouring regions too
    FIELD = 5  # the own field anywhere
    ANYTHING = 6


@dataclass(frozen=True, slots=True)
class Rows:
    """Activity by columns, sorted by (member, at, posting, kind), no two rows the same.

    `member` counts from the chunk's first, `posting` is a position on the board, `at` is in seconds since 1970 UTC.
    """

    member: NDArray[np.int64]
    posting: NDArray[np.int64]
    kind: NDArray[np.int8]
    at: NDArray[np.int64]


def draw_activity(traits: Traits, columns: PostingColumns, *, seed: int, chunk: int) -> Rows:
    """A chunk's activity. Every scrap and application follows a view of the same posting by the same member."""
    draws = generator(seed, "activity", chunk)
    member = np.repeat(np.arange(len(traits.views)), traits.views)
    posting, utility = _open_postings(member, traits, columns, draws)
    end = np.minimum(columns.ends[posting], traits.left[member])
    possible = (end > columns.opens[posting]) & _keeps_view(member, posting, draws)
    member, posting, utility, end = member[possible], posting[possible], utility[possible], end[possible]
    at = _view_times(member, posting, end, traits, columns, draws)
    first = _first_views(member, posting, at)
    applied = first[_ranks(member[first], utility[first]) < traits.applies[member[first]]]
    scrapped = first[draws.random(len(first)) < SCRAPS_A_VIEW * len(member) / max(1, len(first))]
    taken = np.concatenate([np.arange(len(member)), scrapped, applied])
    after = np.concatenate(
        [
            np.zeros(len(member), dtype=np.int64),
            _scrap_delays_s(len(scrapped), draws),
            _apply_delays_s(len(applied), draws),
        ]
    )
    kind = np.repeat(np.array(BOARD_KINDS, dtype=np.int8), [len(member), len(scrapped), len(applied)])
    return _sort_rows(member[taken], posting[taken], kind, np.minimum(at[taken] + after, end[taken] - 1))


def _open_postings(
    member: NDArray[np.int64], traits: Traits, columns: PostingColumns, draws: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw the posting opened at each view; returns its position and its utility for the member.

    A view that would repeat one is drawn again from the member's own category anywhere; a view of a plain misfit is
    drawn again from the own category nearby.
    """
    scope = np.searchsorted(_SCOPES, draws.random(len(member)), side="right")
    posting, utility = _best(
        member, _browsed_lists(member, scope, traits, columns, draws), traits, columns, draws
    )
    anchor = traits.anchor[member]

    def look(again: NDArray[np.int64], groups: WeightedGroups, keys: NDArray[np.int64]) -> None:
        wider = [(groups, np.arange(len(again)), keys[again])]
        posting[again], utility[again] = _best(member[again], wider, traits, columns, draws)

    seen = np.flatnonzero(~_keeps_view(member, posting, draws))
    look(seen, columns.by_category, columns.category[anchor])
    unfit = np.flatnonzero(_is_misfit(member, posting, traits, columns))
    look(unfit, columns.by_category_area, columns.nearby(anchor))
    return posting, utility


def _best(
    member: NDArray[np.int64],
    lists: Lists,
    traits: Traits,
    columns: PostingColumns,
    draws: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The posting of highest utility among `_COMPARED` drawn ones, and that utility: a random utility model (Gumbel)."""
    best = np.zeros(len(member), dtype=np.int64)
    most = np.full(len(member), -np.inf)
    for _ in range(_COMPARED):
        seen = _draw_from_lists(lists, len(member), draws)
        utility = suitability(member, seen, traits, columns) + draws.gumbel(size=len(member))
        better = utility > most
        best[better], most[better] = seen[better], utility[better]
    return best, most


def _browsed_lists(
    member: NDArray[np.int64],
    scope: NDArray[np.int64],
    traits: Traits,
    columns: PostingColumns,
    draws: np.random.Generator,
) -> Lists:
    """The lists that views are drawn from.

    A member leaves a list that is too short: the field in a region for the category there or for the field in the
    neighbouring regions, and those two for the category in the neighbouring regions.
    """
    anchor = traits.anchor[member]
    place, field = columns.place[anchor], columns.field[anchor]
    near = (
        np.where(scope == _BrowsingScope.SECOND_FIELD, traits.second[member], field) * columns.places + place
    )
    region = columns.category[anchor] * columns.places + place
    area = field * columns.areas + columns.area[anchor]
    wider = np.where(
        draws.random(len(member)) < _WIDER_IN_REGION, _BrowsingScope.CATEGORY, _BrowsingScope.AREA
    )
    scope = _leave_short_lists(
        (scope <= _BrowsingScope.SECOND_FIELD), columns.by_field_place, near, scope, wider, draws
    )
    scope = _leave_short_lists(
        scope == _BrowsingScope.CATEGORY,
        columns.by_category_place,
        region,
        scope,
        np.full_like(scope, _BrowsingScope.AREA),
        draws,
    )
    scope = _leave_short_lists(
        scope == _BrowsingScope.AREA,
        columns.by_field_area,
        area,
        scope,
        np.full_like(scope, _BrowsingScope.NEARBY),
        draws,
    )
    lists = (
        (columns.by_field_place, scope <= _BrowsingScope.SECOND_FIELD, near),
        (columns.by_category_place, scope == _BrowsingScope.CATEGORY, region),
        (columns.by_field_area, scope == _BrowsingScope.AREA, area),
        (columns.by_category_area, scope == _BrowsingScope.NEARBY, columns.nearby(anchor)),
        (columns.by_field, scope == _BrowsingScope.FIELD, field),
        (columns.everything, scope == _BrowsingScope.ANYTHING, np.zeros_like(field)),
    )
    return [(groups, np.flatnonzero(chosen), keys[chosen]) for groups, chosen, keys in lists]


def _leave_short_lists(
    here: NDArray[np.bool_],
    groups: WeightedGroups,
    keys: NDArray[np.int64],
    scope: NDArray[np.int64],
    wider: NDArray[np.int64],
    draws: np.random.Generator,
) -> NDArray[np.int64]:
    """Scopes after some of the views in `here` moved from a short list to a wider one; all leave an empty list."""
    length = groups.size[keys]
    return np.where(here & (draws.random(len(keys)) * (length + _SHORT_LIST) >= length), wider, scope)


def _draw_from_lists(lists: Lists, count: int, draws: np.random.Generator) -> NDArray[np.int64]:
    seen = np.zeros(count, dtype=np.int64)
    for groups, which, keys in lists:
        seen[which] = groups.draw(keys, draws.random(len(which)))
    return seen


def suitability(
    member: NDArray[np.int64], posting: NDArray[np.int64], traits: Traits, columns: PostingColumns
) -> NDArray[np.float64]:
    """How well a posting suits a member, in the units of a Gumbel draw."""
    anchor = traits.anchor[member]
    gap = _career_gap(member, posting, traits, columns)
    suits: NDArray[np.float64] = (
        _FIELD * (columns.field[posting] == columns.field[anchor])
        + _REGION * (columns.place[posting] == columns.place[anchor])
        + _STYLE * (columns.style[posting] == columns.style[anchor])
        + _SKILL * np.bitwise_count(columns.skills[posting] & columns.skills[anchor])
        + _TASTE * columns.taste[posting] * traits.taste[member]
        - _CAREER_GAP * np.clip(gap, 0.0, _LARGEST_GAP_YEARS)
        - _TOO_LITTLE_SCHOOL * (columns.education[posting] > traits.education[member])
        - _FAR * (columns.area[posting] != columns.area[anchor])
    )
    return suits


def _is_misfit(
    member: NDArray[np.int64], posting: NDArray[np.int64], traits: Traits, columns: PostingColumns
) -> NDArray[np.bool_]:
    """Whether a posting asks for a career over a year away from the member's, or for more education."""
    unfit: NDArray[np.bool_] = (_career_gap(member, posting, traits, columns) > _GAP_NOTICED_YEARS) | (
        columns.education[posting] > traits.education[member]
    )
    return unfit


def _career_gap(
    member: NDArray[np.int64], posting: NDArray[np.int64], traits: Traits, columns: PostingColumns
) -> NDArray[np.float64]:
    """Years between a member's career and what a posting asks for; 0 or less where it fits."""
    career = traits.career[member]
    gap: NDArray[np.float64] = np.maximum(
        columns.career_low[posting] - career, career - columns.career_high[posting]
    )
    return gap


def _keeps_view(
    member: NDArray[np.int64], posting: NDArray[np.int64], draws: np.random.Generator
) -> NDArray[np.bool_]:
    """Which views to keep: the first of a posting by a member, and ever fewer of the later ones."""
    before = _places_in_runs(np.lexsort((posting, member)), member, posting)
    return draws.random(len(member)) * np.maximum(before, _REPEAT_SHARE) < _REPEAT_SHARE


def _view_times(
    member: NDArray[np.int64],
    posting: NDArray[np.int64],
    end: NDArray[np.int64],
    traits: Traits,
    columns: PostingColumns,
    draws: np.random.Generator,
) -> NDArray[np.int64]:
    """A time for each view, before `end`: around the member's focus, in one browsing session a day."""
    start = columns.opens[posting]
    half = (draws.exponential(_SEARCH_DAYS, len(traits.focus)) * _DAY_S / 2).astype(np.int64)[member]
    early, late = np.maximum(start, traits.focus[member] - half), np.minimum(end, traits.focus[member] + half)
    apart = early >= late
    early, late = np.where(apart, start, early), np.where(apart, end, late)
    at = early + (draws.random(len(member)) * (late - early)).astype(np.int64)
    day = (at + SEOUL_S) // _DAY_S
    session_s = day * _DAY_S - SEOUL_S + _session_start_s(member, day, int(draws.integers(2**62)))
    session_s += draws.exponential(_SESSION_MEAN_S, len(member)).astype(np.int64)
    times: NDArray[np.int64] = np.where((session_s >= start) & (session_s < end), session_s, at)
    return times


def _session_start_s(member: NDArray[np.int64], day: NDArray[np.int64], salt: int) -> NDArray[np.int64]:
    """The second of the day at which a session starts: one for each member and day (mixed as in SplitMix64)."""
    mixed = (member.astype(np.uint64) << np.uint64(20)) + day.astype(np.uint64) + np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    unit = (mixed >> np.uint64(11)).astype(np.float64) / 2**53
    shares = np.concatenate([[0.0], np.cumsum(_HOURS)]) / _HOURS.sum()
    seconds: NDArray[np.int64] = np.interp(unit, shares, _HOUR_STARTS_S).astype(np.int64)
    return seconds


def _first_views(
    member: NDArray[np.int64], posting: NDArray[np.int64], at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Positions of each member's first view of each posting."""
    order = np.lexsort((at, posting, member))
    return order[_run_starts(order, member, posting)]


def _ranks(member: NDArray[np.int64], utility: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rank of each posting among its member's, 0 for the highest utility."""
    return _places_in_runs(np.lexsort((-utility, member)), member)


def _places_in_runs(order: NDArray[np.int64], *keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each position its place, from 0, among those of equal keys; `order` brings equal keys together."""
    places = np.empty(len(order), dtype=np.int64)
    starts = np.flatnonzero(_run_starts(order, *keys))
    places[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return places


def _run_starts(order: NDArray[np.int64], *keys: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where, in an order, some key differs from the one before."""
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    return new


def _scrap_delays_s(count: int, draws: np.random.Generator) -> NDArray[np.int64]:
    return draws.integers(15, 300, count)


def _apply_delays_s(count: int, draws: np.random.Generator) -> NDArray[np.int64]:
    return np.where(
        draws.random(count) < _AT_ONCE,
        draws.integers(60, 1_800, count),
        draws.integers(3_600, 2 * _DAY_S, count),
    )


def _sort_rows(
    member: NDArray[np.int64], posting: NDArray[np.int64], kind: NDArray[np.int8], at: NDArray[np.int64]
) -> Rows:
    order = np.lexsort((kind, posting, at, member))
    kept = order[_run_starts(order, member, posting, kind, at)]
    return Rows(member[kept], posting[kept], kind[kept], at[kept])
