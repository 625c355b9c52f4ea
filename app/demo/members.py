"""Generated members, drawn a chunk at a time: what each looks for, and the profile that says part of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import Education, Member
from app.demo.random_draws import RandomStream, generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from app.board.model import Posting
    from app.demo.posting_columns import PostingColumns

CHUNK = 8_192  # members drawn together; part of what a seed means

# Ids a template or a log may stumble over; real boards have a few. The others are like m-000123.
AWKWARD_IDS = {77: "회원 000077", 777: "m+000777/é&한", 7_777: "🙂-007777"}

_NOTHING, _PROFILE_ONLY, _ACTIVITY_ONLY = 0.07, 0.17, 0.04  # shares of members; the others have both
_NO_CONSENT, _WITHDRAWN = 0.12, 0.02
_WITHDRAWN_WITHIN_DAYS = 150
_DAY_S = 86_400

# Applications of a member who applied (median 3, mean 5.8) and of a posting (median 6, mean 7.4 of those that have
# any, which is less of all), fitted to the counts of a Korean job site over some months (Dacon contest 236170).
_APPLICATIONS_MEDIAN, _APPLICATIONS_SPREAD, _MOST_APPLICATIONS = 3.0, 1.16, 90
_APPLICATIONS_A_MEMBER, _APPLICATIONS_A_POSTING = 5.8, 6.8
_LEAST_APPLICANTS, _MOST_APPLICANTS = 0.03, 0.7  # shares of active members
_VIEWS_AN_APPLICATION, _VIEWS_AN_APPLICANT = 2.6, 3.0
_KEPT = 0.93  # of views drawn; the others are looks again that do not happen, and those of members who left
_LEAST_BROWSING = 0.6
_BROWSING_SPREAD = 1.1
SCRAPS_A_VIEW = 0.06

_EDUCATION = ((Education.HIGH_SCHOOL, 0.2), (Education.ASSOCIATE, 0.22), (Education.BACHELOR, 0.5),
              (Education.MASTER, 0.07), (Education.DOCTOR, 0.01))  # fmt: skip
_NO_CAREER_YET = 0.35
_CAREER_BEYOND_YEARS = 2.5
_SALARY_STEPS = {"KRW/year": 1_000_000, "KRW/month": 100_000, "KRW/hour": 100}


@dataclass(frozen=True, slots=True)
class Volume:
    """How much members do: the share of active ones who apply, and views beside those that applications need."""

    applicants: float
    browsing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """A chunk's members by columns.

    `anchor` is the posting whose field, place and career the member looks for, `same_field` is another posting of its
    field, and `second` is another field of its category. Times are seconds since 1970 UTC; `left` is
    when a member withdrew, or far away. `applies` and `views` are how many to draw.
    """

    anchor: NDArray[np.int32]
    same_field: NDArray[np.int32]
    second: NDArray[np.int64]
    career: NDArray[np.float64]
    education: NDArray[np.int64]
    taste: NDArray[np.float64]
    profiled: NDArray[np.bool_]
    consenting: NDArray[np.bool_]
    withdrawn: NDArray[np.bool_]
    left: NDArray[np.int64]
    updated: NDArray[np.int64]
    focus: NDArray[np.int64]
    applies: NDArray[np.int64]
    views: NDArray[np.int64]


def volume(*, members: int, activities: int, alive: int) -> Volume:
    """The volume that makes about `activities` rows over `alive` postings, with as many applications as they get."""
    active = members * (1 - _NOTHING - _PROFILE_ONLY)
    applications = alive * _APPLICATIONS_A_POSTING
    applicants = min(max(applications / _APPLICATIONS_A_MEMBER / active, _LEAST_APPLICANTS), _MOST_APPLICANTS)
    applied = applicants * active * _APPLICATIONS_A_MEMBER
    views = (activities - applied) / (1 + SCRAPS_A_VIEW) / _KEPT
    spent = applied * _VIEWS_AN_APPLICATION + applicants * active * _VIEWS_AN_APPLICANT
    return Volume(applicants, max(_LEAST_BROWSING, (views - spent) / active))


def chunks(members: int) -> Iterator[tuple[int, int, int]]:
    """(number, first, last + 1) of each chunk; members are counted from 1."""
    for number, first in enumerate(range(1, members + 1, CHUNK)):
        yield number, first, min(first + CHUNK, members + 1)


def member_ids(first: int, end: int, *, members: int) -> list[str]:
    """Ids of members `first` to `end - 1` of a board of `members`."""
    width = max(6, len(str(members)))
    return [AWKWARD_IDS.get(n) or f"m-{n:0{width}d}" for n in range(first, end)]


def draw_traits(
    count: int, columns: PostingColumns, amount: Volume, *, seed: int, chunk: int, now: datetime
) -> Traits:
    """The members of a chunk; the same whether or not their profiles or activity are written."""
    draws = generator(seed, "traits", chunk)
    until = int(now.timestamp())
    anchor = columns.everything.draw(np.zeros(count, dtype=np.int64), draws.random(count))
    state = draws.random(count)
    withdrawn = draws.random(count) < _WITHDRAWN
    left = until - (draws.random(count) * _WITHDRAWN_WITHIN_DAYS * _DAY_S).astype(np.int64)
    updated = until - (draws.random(count) ** 2 * 300 * _DAY_S).astype(np.int64)
    applies, views = _draw_counts(count, amount, draws)
    active = state >= _NOTHING + _PROFILE_ONLY
    return Traits(
        anchor=anchor,
        same_field=columns.by_field.draw(columns.field[anchor], draws.random(count)),
        second=columns.field[columns.by_category.draw(columns.category[anchor], draws.random(count))],
        career=_careers(anchor, columns, draws),
        education=np.maximum(_educations(count, draws), columns.education[anchor]),
        taste=0.8 * columns.taste[anchor] + 0.6 * draws.standard_normal(count),
        profiled=((state >= _NOTHING) & (state < 1 - _ACTIVITY_ONLY)),
        consenting=draws.random(count) >= _NO_CONSENT,
        withdrawn=withdrawn,
        left=np.where(withdrawn, left, 2**62),
        updated=np.where(withdrawn, left, updated),
        focus=_focus(anchor, columns, draws),
        applies=np.where(active, applies, 0),
        views=np.where(active, views, 0),
    )


def profile(
    position: int, member_id: str, traits: Traits, columns: PostingColumns, rng: RandomStream
) -> Member:
    """What the member at a position of a chunk tells; a member may tell nothing."""
    if not traits.profiled[position]:
        return Member(id=member_id)
    anchor = columns.postings[traits.anchor[position]]
    same_field = columns.postings[traits.same_field[position]]
    salary, unit = _desired_salary(anchor, rng)
    return Member(
        id=member_id,
        categories=_categories(anchor, same_field, rng),
        regions=_regions(anchor, same_field, rng),
        career_years=round(float(traits.career[position]), 1) if rng.chance(0.92) else None,
        education=Education(int(traits.education[position])) if rng.chance(0.9) else None,
        skills=_skills(anchor, same_field, rng),
        desired_salary=salary,
        salary_unit=unit,
    )


def instant(seconds: int) -> datetime:
    """Seconds since 1970 UTC as a time."""
    return datetime.fromtimestamp(int(seconds), UTC)


def _draw_counts(
    count: int, amount: Volume, draws: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Applications (0 for those who do not apply) and views, both with long tails."""
    applicant = draws.random(count) < amount.applicants
    many = _APPLICATIONS_MEDIAN * np.exp(_APPLICATIONS_SPREAD * draws.standard_normal(count))
    applies = np.where(applicant, np.clip(np.rint(many), 1, _MOST_APPLICATIONS), 0).astype(np.int64)
    mean_of_lognormal = np.exp(_BROWSING_SPREAD**2 / 2)
    browsing = np.exp(_BROWSING_SPREAD * draws.standard_normal(count)) * amount.browsing / mean_of_lognormal
    needed = applies * _VIEWS_AN_APPLICATION + np.where(applicant, _VIEWS_AN_APPLICANT, 0)
    return applies, np.floor(needed + browsing + draws.random(count)).astype(np.int64)


def _careers(
    anchor: NDArray[np.int32], columns: PostingColumns, draws: np.random.Generator
) -> NDArray[np.float64]:
    """Years within what the anchor asks for, mostly near its lower end; some have none yet where none is needed."""
    low, high = columns.career_low[anchor], columns.career_high[anchor]
    beyond = draws.exponential(_CAREER_BEYOND_YEARS, len(anchor))
    beyond[(low == 0) & (draws.random(len(anchor)) < _NO_CAREER_YET)] = 0.0
    careers: NDArray[np.float64] = np.minimum(low + beyond, np.maximum(low, high))
    return careers


def _educations(count: int, draws: np.random.Generator) -> NDArray[np.int64]:
    shares = np.cumsum([share for _, share in _EDUCATION])
    levels = np.array([int(level) for level, _ in _EDUCATION], dtype=np.int64)
    found: NDArray[np.int64] = levels[
        np.minimum(np.searchsorted(shares, draws.random(count)), len(levels) - 1)
    ]
    return found


def _focus(
    anchor: NDArray[np.int32], columns: PostingColumns, draws: np.random.Generator
) -> NDArray[np.int64]:
    """The time around which a member looks for work: some time at which the anchor was open."""
    opens, ends = columns.opens[anchor], columns.ends[anchor]
    return opens + (draws.random(len(anchor)) * (ends - opens)).astype(np.int64)


def _categories(anchor: Posting, same_field: Posting, rng: RandomStream) -> tuple[str, ...]:
    also = anchor.categories[1:] + same_field.categories[1:]
    return tuple(dict.fromkeys(anchor.categories[:1] + (also if rng.chance(0.4) else ())))


def _regions(anchor: Posting, same_field: Posting, rng: RandomStream) -> tuple[str, ...]:
    """Districts, or the whole large region, where the anchor is; some also name the region of `same_field`."""
    wanted = anchor.regions + (same_field.regions[:1] if rng.chance(0.25) else ())
    broad = rng.chance(0.45)
    return tuple(dict.fromkeys(region.partition("/")[0] if broad else region for region in wanted))


def _skills(anchor: Posting, same_field: Posting, rng: RandomStream) -> tuple[str, ...]:
    known = rng.sample(anchor.skills, rng.randint(2, 5)) + rng.sample(same_field.skills, rng.randint(0, 3))
    return tuple(dict.fromkeys(known))


def _desired_salary(anchor: Posting, rng: RandomStream) -> tuple[int | None, str | None]:
    """Something near the anchor's salary, where it tells one in won."""
    step = _SALARY_STEPS.get(anchor.salary_unit or "")
    if anchor.salary_min is None or step is None or rng.chance(0.25):
        return None, None
    return round(anchor.salary_min * (0.98 + 0.14 * rng.random()) / step) * step, anchor.salary_unit
