"""Import files as the recommender's values, without a database: for evaluations."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind, ActivityLog, Closes, Education, Member, Posting, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Board:
    """A whole board; members and postings sorted by id."""

    postings: list[Posting]
    members: list[Member]
    activity: ActivityLog

    def profiles(self, positions: Sequence[int]) -> list[Member]:
        """Profiles by position."""
        return [self.members[position] for position in positions]

    @property
    def member_ids(self) -> list[str]:
        """Ids by position."""
        return [member.id for member in self.members]

    def less(self, hidden: NDArray[np.bool_]) -> Board:
        """The same board less some of its activity."""
        keep = ~hidden
        log = self.activity
        return Board(
            self.postings,
            self.members,
            ActivityLog(log.member[keep], log.posting[keep], log.kind[keep], log.at[keep]),
        )


def load(folder: Path) -> Board:
    """Read the import files that a conversion wrote."""
    companies = {row["id"]: row["name"] for row in _read(folder / "companies.csv")}
    postings = sorted(
        (_posting(row, companies) for row in _read(folder / "postings.csv")), key=lambda p: p.id
    )
    members = sorted((_member(row) for row in _read(folder / "members.csv")), key=lambda m: m.id)
    return Board(postings, members, _activity(_read(folder / "activity.csv"), members, postings))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def _education(text: str) -> Education | None:
    return Education[text.upper()] if text else None


def _posting(row: dict[str, str], companies: dict[str, str]) -> Posting:
    opened_at = datetime.fromisoformat(row["opened_at"])
    return Posting(
        id=row["id"],
        title=row["title"],
        company_id=row["company_id"],
        company=companies[row["company_id"]],
        categories=_listed(row["categories"]),
        regions=_listed(row["regions"]),
        career_min_years=float(row["career_min_years"]) if row["career_min_years"] else None,
        career_max_years=float(row["career_max_years"]) if row["career_max_years"] else None,
        education=_education(row["education"]),
        employment_types=_listed(row["employment_types"]),
        salary_min=int(row["salary_min"]) if row["salary_min"] else None,
        salary_max=int(row["salary_max"]) if row["salary_max"] else None,
        salary_unit=row["salary_unit"] or None,
        skills=_listed(row["skills"]),
        opened_at=opened_at,
        deadline=date.fromisoformat(row["deadline"]) if row["deadline"] else None,
        closes=Closes(row["closes"]) if row["closes"] else Closes.WHEN_FILLED,
        status=Status(row["status"]) if row["status"] else Status.OPEN,
        url=row["url"],
        updated_at=opened_at,
    )


def _member(row: dict[str, str]) -> Member:
    return Member(
        id=row["id"],
        categories=_listed(row["categories"]),
        regions=_listed(row["regions"]),
        career_years=float(row["career_years"]) if row["career_years"] else None,
        education=_education(row["education"]),
        skills=_listed(row["skills"]),
        desired_salary=int(row["desired_salary"]) if row["desired_salary"] else None,
        salary_unit=row["salary_unit"] or None,
        updated_at=datetime.fromisoformat(row["updated_at"]) if row["updated_at"] else None,
    )


def _activity(
    rows: list[dict[str, str]], members: Sequence[Member], postings: Sequence[Posting]
) -> ActivityLog:
    member_at = {member.id: at for at, member in enumerate(members)}
    posting_at = {posting.id: at for at, posting in enumerate(postings)}
    member = np.array([member_at[row["member_id"]] for row in rows], np.int32)
    posting = np.array([posting_at[row["posting_id"]] for row in rows], np.int32)
    kind = np.array([ActivityKind[row["kind"].upper()] for row in rows], np.int8)
    at = np.array([int(datetime.fromisoformat(row["occurred_at"]).timestamp()) for row in rows], np.int64)
    order = np.lexsort((kind, posting, at, member))
    return ActivityLog(member[order], posting[order], kind[order], at[order])
