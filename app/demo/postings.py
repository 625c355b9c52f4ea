"""Generated postings: occupation, place, terms, opening and end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from app.board.model import Closes, Education, Posting, Status
from app.board.veto import BOARD_ZONE
from app.board.vocabulary import NATIONWIDE
from app.demo.random_draws import Weighted
from app.demo.salaries import salary
from app.demo.titles import TitleFacts, title
from app.demo.words import Career

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from app.demo.companies import Company
    from app.demo.random_draws import RandomStream
    from app.demo.words import BoardWords, Occupation, Place

URL = "https://board.example/postings/{}"  # RFC 2606 reserves .example

_MEAN_AGE_DAYS = 20.0
_OLDEST_DAYS = 120.0
_OPENED_MINUTES_AGO = 0.01
_OPEN_FOR_DAYS = Weighted.of({7: 4, 10: 4, 14: 12, 21: 10, 28: 8, 30: 38, 45: 8, 60: 14, 90: 2}.items())
_CLOSES = Weighted.of({Closes.ON_DATE: 78, Closes.WHEN_FILLED: 14, Closes.ALWAYS_OPEN: 8}.items())
_CLOSED_EARLY, _CLOSED_WHEN_OVER, _HIDDEN = 0.05, 0.5, 0.02
_FILLED_AFTER_DAYS = 60.0
_LEAST_YEARS = Weighted.of({1: 12, 2: 14, 3: 30, 4: 7, 5: 20, 7: 9, 8: 3, 10: 5}.items())
_LEADERS_YEARS = Weighted.of({7: 3, 8: 2, 10: 6, 12: 1, 15: 2}.items())
_SPAN_YEARS = Weighted.of({None: 45.0, 2: 12.0, 3: 5.0, 4: 12.0, 5: 12.0, 7: 14.0}.items())
_ANY_CAREER_YEARS = (0.5, 4.0)  # what a posting without bounds pays for
_SECOND_GROUP, _SECOND_REGION, _NATIONWIDE, _CONTRACT_TOO = 0.3, 0.07, 0.006, 0.06
_MOST_SKILLS = 7
_SATURDAY = 5
_OPENING_HOURS = (9, 18)


@dataclass(frozen=True, slots=True)
class GeneratedPosting:
    """A generated posting, with what members' tastes follow: its role, and its company's industry."""

    posting: Posting
    role: int
    industry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lifetime:
    """When a posting was opened, how it ends, and where it stands now."""

    opened_at: datetime
    deadline: date | None
    closes: Closes
    status: Status
    updated_at: datetime


def make_postings(
    count: int, companies: Sequence[Company], words: BoardWords, rng: RandomStream, *, now: datetime
) -> list[GeneratedPosting]:
    """`count` postings with ids `p-000001`, …, shared among the companies by how much they hire."""
    hiring = Weighted.of((company, company.hiring) for company in companies)
    width = max(6, len(str(count)))
    return [
        _make_posting(f"p-{n:0{width}d}", rng.weighted_choice(hiring), words, rng, now)
        for n in range(1, count + 1)
    ]


def _make_posting(
    posting_id: str, company: Company, words: BoardWords, rng: RandomStream, now: datetime
) -> GeneratedPosting:
    role = rng.weighted_choice(company.industry.roles)
    employment = rng.weighted_choice(role.types)
    career, years = _career(role, employment, rng)
    place, district = _where(company, words, rng)
    skills = _skills(role, rng)
    pay = salary(role, employment, _paid_years(*years), place.pay * company.pay, rng)
    facts = TitleFacts(
        role=role,
        company=company,
        district=district,
        career=career,
        years=years,
        employment=employment,
        skills=skills,
        salary=pay,
    )
    regions = _regions(place, district, company, rng)
    return GeneratedPosting(
        _posting(posting_id, facts, regions, _draw_lifetime(rng, now), rng),
        role.number,
        company.industry.number,
    )


def _posting(
    posting_id: str, facts: TitleFacts, regions: tuple[str, ...], life: _Lifetime, rng: RandomStream
) -> Posting:
    pay = facts.salary
    return Posting(
        id=posting_id,
        title=title(facts, rng),
        company_id=facts.company.id,
        company=facts.company.name,
        categories=_categories(facts.role, rng),
        regions=regions,
        career_min_years=facts.years[0],
        career_max_years=facts.years[1],
        education=Education.NONE if rng.chance(facts.role.no_school) else facts.role.school,
        employment_types=_employments(facts.employment, rng),
        salary_min=pay.low if pay else None,
        salary_max=pay.high if pay else None,
        salary_unit=pay.unit if pay else None,
        skills=facts.skills,
        opened_at=life.opened_at,
        deadline=life.deadline,
        closes=life.closes,
        status=life.status,
        url=URL.format(posting_id),
        updated_at=life.updated_at,
    )


def _career(
    role: Occupation, employment: str, rng: RandomStream
) -> tuple[Career, tuple[float | None, float | None]]:
    if employment == "intern":
        return Career.ENTRY, (0.0, 0.0)
    if employment == "part_time":
        return Career.ANY, (None, None)
    career = rng.weighted_choice(role.careers)
    if career is Career.EXPERIENCED:
        least = rng.weighted_choice(_LEADERS_YEARS if role.leads else _LEAST_YEARS)
        span = rng.weighted_choice(_SPAN_YEARS)
        return career, (float(least), None if span is None else float(least + span))
    return career, {Career.ENTRY: (0.0, 0.0), Career.BOTH: (0.0, None), Career.ANY: (None, None)}[career]


def _paid_years(low: float | None, high: float | None) -> tuple[float, float]:
    """The range of career that a salary is drawn for; a missing bound is set near the other."""
    if low is None:
        return _ANY_CAREER_YEARS
    return low, low + 3 if high is None else high


def _where(company: Company, words: BoardWords, rng: RandomStream) -> tuple[Place, str]:
    """The company's own district, or now and then another one, a branch's."""
    if rng.chance(0.88):
        return company.place, company.district
    place = rng.weighted_choice(words.places[company.industry.area])
    return place, rng.weighted_choice(place.districts[company.industry.area])


def _regions(place: Place, district: str, company: Company, rng: RandomStream) -> tuple[str, ...]:
    if rng.chance(_NATIONWIDE):
        return (NATIONWIDE,)
    regions = [f"{place.region}/{district}"]
    if rng.chance(_SECOND_REGION):
        regions.append(f"{place.region}/{rng.weighted_choice(place.districts[company.industry.area])}")
    return tuple(dict.fromkeys(regions))


def _categories(role: Occupation, rng: RandomStream) -> tuple[str, ...]:
    return (role.group, role.also) if role.also and rng.chance(_SECOND_GROUP) else (role.group,)


def _skills(role: Occupation, rng: RandomStream) -> tuple[str, ...]:
    """Most of the role's core skills and some of the others, the core first."""
    core = rng.sample(role.core, rng.choice((2, 3, 3, 3)))
    return tuple(core + rng.sample(role.more, rng.randint(1, _MOST_SKILLS - len(core))))


def _employments(employment: str, rng: RandomStream) -> tuple[str, ...]:
    return (
        (employment, "contract") if employment == "regular" and rng.chance(_CONTRACT_TOO) else (employment,)
    )


def _draw_lifetime(rng: RandomStream, now: datetime) -> _Lifetime:
    """Opened lately more often than long ago; one in a hundred within the last hour."""
    opened_at = _draw_opening(rng, now)
    closes = rng.weighted_choice(_CLOSES)
    deadline = None
    if closes is Closes.ON_DATE:
        deadline = opened_at.astimezone(BOARD_ZONE).date() + timedelta(
            days=rng.weighted_choice(_OPEN_FOR_DAYS)
        )
    over_at = min(_draw_end(opened_at, deadline, closes, rng), now)
    status = _status(rng, over=over_at < now)
    changed_at = over_at if status is Status.CLOSED and rng.chance(0.8) else _between(opened_at, over_at, rng)
    updated_at = opened_at if status is Status.OPEN and rng.chance(0.6) else changed_at
    return _Lifetime(
        opened_at=opened_at, deadline=deadline, closes=closes, status=status, updated_at=updated_at
    )


def _draw_opening(rng: RandomStream, now: datetime) -> datetime:
    if rng.chance(_OPENED_MINUTES_AGO):
        return now - timedelta(seconds=rng.randint(60, 3_599))
    while True:
        age_days = -_MEAN_AGE_DAYS * math.log(1 - rng.random())
        day = (now - timedelta(days=min(age_days, _OLDEST_DAYS))).astimezone(BOARD_ZONE)
        if day.weekday() >= _SATURDAY and rng.chance(0.85):
            day -= timedelta(days=day.weekday() - _SATURDAY + 1)
        clock = time(
            rng.randint(_OPENING_HOURS[0], _OPENING_HOURS[1] - 1), rng.randint(0, 59), rng.randint(0, 59)
        )
        opened_at = datetime.combine(day.date(), clock, BOARD_ZONE)
        if opened_at < now:
            return opened_at


def _draw_end(opened_at: datetime, deadline: date | None, closes: Closes, rng: RandomStream) -> datetime:
    """When a posting ends: after its deadline's day, or when it is filled."""
    if deadline is not None:
        return datetime.combine(deadline + timedelta(days=1), time(), BOARD_ZONE)
    longest = _FILLED_AFTER_DAYS if closes is Closes.WHEN_FILLED else _OLDEST_DAYS * 2
    return opened_at + timedelta(days=longest * (0.25 + rng.random()))


def _status(rng: RandomStream, *, over: bool) -> Status:
    if rng.chance(_HIDDEN):
        return Status.HIDDEN
    return Status.CLOSED if rng.chance(_CLOSED_WHEN_OVER if over else _CLOSED_EARLY) else Status.OPEN


def _between(start: datetime, end: datetime, rng: RandomStream) -> datetime:
    return start + timedelta(seconds=int((end - start).total_seconds() * rng.random()))
