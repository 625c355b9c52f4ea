"""The board's rows as values: which columns are read of a posting (p, c) and a member (m), and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.recommend.board import Closes, Education, Member, Posting, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

POSTING_COLUMNS = (
    "p.id, p.title, p.company_id, c.name, p.categories, p.regions, p.career_min_years, p.career_max_years, p.education, "
    "p.employment_types, p.salary_min, p.salary_max, p.salary_unit, p.skills, p.opened_at, p.deadline, p.closes, "
    "p.status, p.url, p.updated_at"
)
MEMBER_COLUMNS = (
    "m.id, m.categories, m.regions, m.career_years, m.education, m.skills, m.desired_salary, m.salary_unit, "
    "m.updated_at"
)


# What a view of the board's own tables may let through although it is none of ours: a posting with an unknown
# status, without a title or without a link is never shown.
_STATUSES = {status.value: status for status in Status}
_CLOSES = {closes.value: closes for closes in Closes}
_EDUCATIONS = {int(education): education for education in Education}


def posting_from(row: Sequence[Any]) -> Posting:
    """A posting from a row of `POSTING_COLUMNS`; a view's NULL list is an empty one."""
    return Posting(
        id=row[0],
        title=row[1] or "",
        company_id=row[2],
        company=row[3],
        categories=tuple(row[4] or ()),
        regions=tuple(row[5] or ()),
        career_min_years=row[6],
        career_max_years=row[7],
        education=_EDUCATIONS.get(row[8]),
        employment_types=tuple(row[9] or ()),
        salary_min=row[10],
        salary_max=row[11],
        salary_unit=row[12],
        skills=tuple(row[13] or ()),
        opened_at=row[14],
        deadline=row[15],
        closes=_CLOSES.get(row[16], Closes.WHEN_FILLED),
        status=_STATUSES.get(row[17], Status.HIDDEN) if row[1] and row[18] else Status.HIDDEN,
        url=row[18] or "",
        updated_at=row[19],
    )


def member_from(row: Sequence[Any]) -> Member:
    """A member from a row of `MEMBER_COLUMNS`."""
    return Member(
        id=row[0],
        categories=tuple(row[1] or ()),
        regions=tuple(row[2] or ()),
        career_years=row[3],
        education=_EDUCATIONS.get(row[4]),
        skills=tuple(row[5] or ()),
        desired_salary=row[6],
        salary_unit=row[7],
        updated_at=row[8],
    )
