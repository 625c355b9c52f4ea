"""The board's postings as columns, and which of them may be shown at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.board.veto import vetoed
from app.recommend.features.misfit import near_areas
from app.recommend.features.postings import attributes_of, posting_fields
from app.recommend.features.same_job import leads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray
    from scipy import sparse

    from app.board.model import Posting
    from app.recommend.features.postings import Field

_DAY_S = 86_400
FRESH_FOR_DAYS = 10.0
NEW_FOR_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Columns over all n postings, in the order of their ids; unknown numbers are nan.

    Attributes:
        ids: Of the postings.
        companies: The id of each posting's company.
        company: (n,) int64, a number for each company.
        lead: (n,) int64, the position of the posting that stands for the job, its own where a job has one posting: what
            was done with the others was done with it.
        shown: (n_shown,) int64, positions of the leads that are not vetoed; scores are computed for these alone.
        fields: The attributes of postings by field.
        near: (n_areas, n_areas) float32, 1 where a member who lives in the row's large region may work in the column's.
        opened_s: (n,) float64, seconds since 1970; never after the moment of the catalogue.
        first_opened_s: (n,) float64, when any of the job's postings opened first.
        fresh: (n,) float32, 1 on the day of opening, falling with age.
        new: (n,) bool, opened in the last week.
        career_min, career_max: (n,) float32, years.
        education: (n,) float32, the lowest education asked for.
        salary: (n,) float32, in units of `salary_unit`.
        salary_unit: (n,) int64, the number of the unit.
        unit_numbers: The number of each unit, "" for none.
    """

    ids: Sequence[str]
    companies: Sequence[str]
    company: NDArray[np.int64]
    lead: NDArray[np.int64]
    shown: NDArray[np.int64]
    fields: Mapping[str, Field]
    near: sparse.csr_array
    opened_s: NDArray[np.float64]
    first_opened_s: NDArray[np.float64]
    fresh: NDArray[np.float32]
    new: NDArray[np.bool_]
    career_min: NDArray[np.float32]
    career_max: NDArray[np.float32]
    education: NDArray[np.float32]
    salary: NDArray[np.float32]
    salary_unit: NDArray[np.int64]
    unit_numbers: Mapping[str, int]

    @property
    def jobs(self) -> NDArray[np.int64]:
        """Positions of the leads, shown or not: (n_jobs,) int64."""
        return np.flatnonzero(self.lead == np.arange(len(self.lead)))


def build_catalogue(postings: Sequence[Posting], now: datetime) -> Catalogue:
    """Build the columns of a catalogue as of `now`."""
    open_ = np.array([not vetoed(each, now) for each in postings], np.bool_)
    opened_s = opening_times(postings, now)
    lead = leads(postings, open_, opened_s)
    shown = np.flatnonzero(open_ & (lead == np.arange(len(postings))))
    first_opened_s = np.full(len(postings), np.inf)
    np.minimum.at(first_opened_s, lead, opened_s)
    fields = posting_fields(postings, shown)
    units = [each.salary_unit or "" for each in postings]
    unit_numbers = {unit: at for at, unit in enumerate(sorted(set(units)))}
    return Catalogue(
        ids=[each.id for each in postings],
        companies=[each.company_id for each in postings],
        company=_numbered([each.company_id for each in postings]),
        lead=lead,
        shown=shown,
        fields=fields,
        near=near_areas(fields["area"].columns),
        opened_s=opened_s,
        first_opened_s=first_opened_s[lead],
        fresh=freshness(opened_s, now),
        new=opened_s > now.timestamp() - NEW_FOR_DAYS * _DAY_S,
        career_min=_numbers(each.career_min_years for each in postings),
        career_max=_numbers(each.career_max_years for each in postings),
        education=_numbers(each.education for each in postings),
        salary=_numbers(each.salary_max or each.salary_min for each in postings),
        salary_unit=np.array([unit_numbers[unit] for unit in units], np.int64),
        unit_numbers=unit_numbers,
    )


def extend_catalogue(
    catalogue: Catalogue, postings: Sequence[Posting], *, shown: NDArray[np.int64], now: datetime
) -> Catalogue:
    """The catalogue with more postings behind its own, and with others shown.

    Which attributes there are, and how rare and common each is, stays as it was.

    Args:
        catalogue: The catalogue.
        postings: Those to add.
        shown: Positions of those that are shown then.
        now: The moment that freshness is computed for.
    """
    if not postings:
        return replace(catalogue, shown=shown)
    more = build_catalogue(postings, now)
    units = dict(catalogue.unit_numbers)
    for unit in more.unit_numbers:
        units.setdefault(unit, len(units))
    number = np.array([units[unit] for unit in more.unit_numbers], np.int64)
    attributes = attributes_of(postings)
    companies = [*catalogue.companies, *more.companies]
    return replace(
        catalogue,
        ids=[*catalogue.ids, *more.ids],
        companies=companies,
        company=_numbered(companies),
        lead=np.r_[catalogue.lead, np.arange(len(catalogue.ids), len(catalogue.ids) + len(postings))],
        shown=shown,
        fields={name: field.extend(attributes[name]) for name, field in catalogue.fields.items()},
        opened_s=np.r_[catalogue.opened_s, more.opened_s],
        first_opened_s=np.r_[catalogue.first_opened_s, more.first_opened_s],
        fresh=np.r_[catalogue.fresh, more.fresh],
        new=np.r_[catalogue.new, more.new],
        career_min=np.r_[catalogue.career_min, more.career_min],
        career_max=np.r_[catalogue.career_max, more.career_max],
        education=np.r_[catalogue.education, more.education],
        salary=np.r_[catalogue.salary, more.salary],
        salary_unit=np.r_[catalogue.salary_unit, number[more.salary_unit]],
        unit_numbers=units,
    )


def opening_times(postings: Sequence[Posting], now: datetime) -> NDArray[np.float64]:
    """When postings opened, in seconds since 1970: (n,) float64.

    One that is dated ahead of `now` opened when it last changed, and by then at the latest: a wrong year makes no posting
    new for good.
    """
    opened_s = np.array([each.opened_at.timestamp() for each in postings], np.float64)
    ahead = np.flatnonzero(opened_s > now.timestamp())
    opened_s[ahead] = [min(postings[at].updated_at.timestamp(), now.timestamp()) for at in ahead.tolist()]
    return opened_s


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))


def _numbers(values: Iterable[float | None]) -> NDArray[np.float32]:
    return np.array([np.nan if value is None else float(value) for value in values], np.float32)


def freshness(opened_s: NDArray[np.float64], now: datetime) -> NDArray[np.float32]:
    """1 on the day of opening, falling with age: (n,) float32."""
    age_days = np.maximum(0.0, now.timestamp() - opened_s) / _DAY_S
    return np.exp(-age_days / FRESH_FOR_DAYS).astype(np.float32)
