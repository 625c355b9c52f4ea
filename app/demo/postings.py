"""Generated postings: whom a company looks for, where, since when, and until when."""

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
    from app.demo.random_draws import Dice
    from app.demo.words import BoardWords, Place, Role

URL = "https://board.example/postings/{}"  # RFC 2606: a host under .example is nobody's

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
class Made:
    """A generated posting, with what members' tastes follow: its role, and its company's industry."""

    posting: Posting
    role: int
    industry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """When a posting was opened, how it ends, and where it stands now."""

    opened_at: datetime
    deadline: date | None
    closes: Closes
    status: Status
    updated_at: datetime


def make_postings(
    count: int, companies: Sequence[Company], words: BoardWords, dice: Dice, *, now: datetime
) -> list[Made]:
    """`count` postings with ids `p-000001`, …, shared among the companies by how much they hire."""
    hiring = Weighted.of((company, company.hiring) for company in companies)
    width = max(6, len(str(count)))
    return [_made(f"p-{n:0{width}d}", dice.weighted(hiring), words, dice, now) for n in range(1, count + 1)]


def _made(posting_id: str, company: Company, words: BoardWords, dice: Dice, now: datetime) -> Made:
    role = dice.weighted(company.industry.roles)
    employment = dice.weighted(role.types)
    career, years = _career(role, employment, dice)
    place, district = _where(company, words, dice)
    skills = _skills(role, dice)
    told = salary(role, employment, _paid_years(*years), place.pay * company.pay, dice)
    facts = TitleFacts(
        role=role,
        company=company,
        district=district,
        career=career,
        years=years,
        employment=employment,
        skills=skills,
        salary=told,
    )
    regions = _regions(place, district, company, dice)
    return Made(
        _posting(posting_id, facts, regions, _life(dice, now), dice), role.number, company.industry.number
    )


def _posting(
    posting_id: str, facts: TitleFacts, regions: tuple[str, ...], life: _Life, dice: Dice
) -> Posting:
    told = facts.salary
    return Posting(
        id=posting_id,
        title=title(facts, dice),
        company_id=facts.company.id,
        company=facts.company.name,
        categories=_categories(facts.role, dice),
        regions=regions,
        career_min_years=facts.years[0],
        career_max_years=facts.years[1],
        education=Education.NONE if dice.chance(facts.role.no_school) else facts.role.school,
        employment_types=_employments(facts.employment, dice),
        salary_min=told.low if told else None,
        salary_max=told.high if told else None,
        salary_unit=told.unit if told else None,
        skills=facts.skills,
        opened_at=life.opened_at,
        deadline=life.deadline,
        closes=life.closes,
        status=life.status,
        url=URL.format(posting_id),
        updated_at=life.updated_at,
    )


def _career(role: Role, employment: str, dice: Dice) -> tuple[Career, tuple[float | None, float | None]]:
    if employment == "intern":
        return Career.ENTRY, (0.0, 0.0)
    if employment == "part_time":
        return Career.ANY, (None, None)
    career = dice.weighted(role.careers)
    if career is Career.EXPERIENCED:
        least = dice.weighted(_LEADERS_YEARS if role.leads else _LEAST_YEARS)
        span = dice.weighted(_SPAN_YEARS)
        return career, (float(least), None if span is None else float(least + span))
    return career, {Career.ENTRY: (0.0, 0.0), Career.BOTH: (0.0, None), Career.ANY: (None, None)}[career]


def _paid_years(low: float | None, high: float | None) -> tuple[float, float]:
    """The career a salary is told for; a bound that is not given is taken near the other."""
    if low is None:
        return _ANY_CAREER_YEARS
    return low, low + 3 if high is None else high


def _where(company: Company, words: BoardWords, dice: Dice) -> tuple[Place, str]:
    """The company's own district, or now and then another one, a branch's."""
    if dice.chance(0.88):
        return company.place, company.district
    place = dice.weighted(words.places[company.industry.area])
    return place, dice.weighted(place.districts[company.industry.area])


def _regions(place: Place, district: str, company: Company, dice: Dice) -> tuple[str, ...]:
    if dice.chance(_NATIONWIDE):
        return (NATIONWIDE,)
    regions = [f"{place.region}/{district}"]
    if dice.chance(_SECOND_REGION):
        regions.append(f"{place.region}/{dice.weighted(place.districts[company.industry.area])}")
    return tuple(dict.fromkeys(regions))


def _categories(role: Role, dice: Dice) -> tuple[str, ...]:
    return (role.group, role.also) if role.also and dice.chance(_SECOND_GROUP) else (role.group,)


def _skills(role: Role, dice: Dice) -> tuple[str, ...]:
    """Most of the role's core skills and some of the others, the core first."""
    core = dice.some(role.core, dice.pick((2, 3, 3, 3)))
    return tuple(core + dice.some(role.more, dice.between(1, _MOST_SKILLS - len(core))))


def _employments(employment: str, dice: Dice) -> tuple[str, ...]:
    return (
        (employment, "contract") if employment == "regular" and dice.chance(_CONTRACT_TOO) else (employment,)
    )


def _life(dice: Dice, now: datetime) -> _Life:
    """Opened lately more often than long ago; one in a hundred within the last hour."""
    opened_at = _opened(dice, now)
    closes = dice.weighted(_CLOSES)
    deadline = None
    if closes is Closes.ON_DATE:
        deadline = opened_at.astimezone(BOARD_ZONE).date() + timedelta(days=dice.weighted(_OPEN_FOR_DAYS))
    over_at = min(_over(opened_at, deadline, closes, dice), now)
    status = _status(dice, over=over_at < now)
    changed_at = (
        over_at if status is Status.CLOSED and dice.chance(0.8) else _between(opened_at, over_at, dice)
    )
    updated_at = opened_at if status is Status.OPEN and dice.chance(0.6) else changed_at
    return _Life(opened_at=opened_at, deadline=deadline, closes=closes, status=status, updated_at=updated_at)


def _opened(dice: Dice, now: datetime) -> datetime:
    if dice.chance(_OPENED_MINUTES_AGO):
        return now - timedelta(seconds=dice.between(60, 3_599))
    while True:
        age_days = -_MEAN_AGE_DAYS * math.log(1 - dice.unit())
        day = (now - timedelta(days=min(age_days, _OLDEST_DAYS))).astimezone(BOARD_ZONE)
        if day.weekday() >= _SATURDAY and dice.chance(0.85):
            day -= timedelta(days=day.weekday() - _SATURDAY + 1)
        clock = time(
            dice.between(_OPENING_HOURS[0], _OPENING_HOURS[1] - 1), dice.between(0, 59), dice.between(0, 59)
        )
        opened_at = datetime.combine(day.date(), clock, BOARD_ZONE)
        if opened_at < now:
            return opened_at


def _over(opened_at: datetime, deadline: date | None, closes: Closes, dice: Dice) -> datetime:
    """When a posting ends of itself: after its deadline's day, or when somebody is hired."""
    if deadline is not None:
        return datetime.combine(deadline + timedelta(days=1), time(), BOARD_ZONE)
    longest = _FILLED_AFTER_DAYS if closes is Closes.WHEN_FILLED else _OLDEST_DAYS * 2
    return opened_at + timedelta(days=longest * (0.25 + dice.unit()))


def _status(dice: Dice, *, over: bool) -> Status:
    if dice.chance(_HIDDEN):
        return Status.HIDDEN
    return Status.CLOSED if dice.chance(_CLOSED_WHEN_OVER if over else _CLOSED_EARLY) else Status.OPEN


def _between(start: datetime, end: datetime, dice: Dice) -> datetime:
    return start + timedelta(seconds=int((end - start).total_seconds() * dice.unit()))
