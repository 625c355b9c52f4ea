"""Applications on a Korean job site (coded, without times), made ready to import.

The rows are in random order, so "the last" is any of a member's applications, not the next one. The order of the
file becomes the times, one second a row. Graduation year and whatever tells a school are left out: they stand for
age. The day on which a résumé was last changed is kept: it is the only trace of time there is.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.board.importing.rows import ACTIVITY, COMPANIES, MEMBERS, POSTINGS
from tests.real_data.report import Report, write_csv

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, str]
START = datetime(2020, 1, 1, tzinfo=UTC)
_MEMBER_EDUCATION = {"2": "high_school", "3": "associate", "4": "bachelor", "5": "master", "6": "doctor"}
_POSTING_EDUCATION = {"2": "high_school", "3": "associate", "4": "bachelor", "6": "doctor"}


def convert(src: Path, out: Path) -> Report:
    """Convert the folder with applications.csv, members.csv, postings.csv and companies.csv."""
    applications = _read(src / "applications.csv")
    members = _read(src / "members.csv")
    postings = _read(src / "postings.csv")
    firms = {row["posting_id"]: row for row in _read(src / "companies.csv")}
    out.mkdir(parents=True, exist_ok=True)
    written = {
        "companies.csv": write_csv(out / "companies.csv", COMPANIES.names(), map(_company, postings)),
        "postings.csv": write_csv(
            out / "postings.csv",
            POSTINGS.names(),
            (_posting(row, firms.get(row["posting_id"])) for row in postings),
        ),
        "members.csv": write_csv(out / "members.csv", MEMBERS.names(), map(_member, members)),
        "activity.csv": write_csv(out / "activity.csv", ACTIVITY.names(), _activity(applications)),
    }
    return Report(
        read=len(applications) + len(members) + len(postings),
        written=written,
        notes=(
            "the order of the file stands for times",
            "each posting has a company of its own: none is named",
        ),
    )


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _company(row: Row) -> dict[str, object]:
    return {"id": f"of-{row['posting_id']}", "name": f"Company of {row['posting_id']}"}


def _posting(row: Row, firm: Row | None) -> dict[str, object]:
    areas = [row[name] for name in ("address_seq1", "address_seq2", "address_seq3") if row[name]]
    codes = [f"task-{row['major_task']}", f"qualification-{row['qualifications']}"]
    if firm:
        codes += [f"firm-{name}-{firm[name]}" for name in ("company_type_seq", "supply_kind", "employee")]
    return {
        "id": row["posting_id"],
        "title": row["text_keyword"].replace(";", " ").strip() or f"Posting {row['posting_id']}",
        "company_id": f"of-{row['posting_id']}",
        "url": f"https://example.com/postings/{row['posting_id']}",
        "opened_at": START.isoformat(),
        "categories": [*_listed(row["check_box_keyword"]), *codes],
        "regions": list(dict.fromkeys(f"area-{float(area):g}" for area in areas)),
        "education": _POSTING_EDUCATION.get(row["education"]),
        "closes": "always_open",
    }


def _member(row: Row) -> dict[str, object]:
    codes = [row[name] for name in ("job_code_seq1", "job_code_seq2", "job_code_seq3") if row[name]]
    fields = [f"field {each}" for each in _listed(row["career_job_code"])]
    wanted = float(row["hope_salary"]) or float(row["last_salary"])
    return {
        "id": row["member_id"],
        "mail_consent": "true",
        "categories": [*dict.fromkeys(codes), *fields, *_paid(row)],
        "skills": _listed(row["text_keyword"]),
        "career_years": round(int(row["career_month"]) / 12, 3),
        "education": _MEMBER_EDUCATION.get(row["degree"]),
        "desired_salary": int(wanted) * 10_000 if wanted else None,
        "salary_unit": "KRW/year" if wanted else None,
        "updated_at": f"{row['updated_date'][:10]}T00:00:00+09:00",
    }


def _paid(row: Row) -> list[str]:
    last = float(row["last_salary"])
    return [f"paid {int(last // 400) * 400}"] if last else []


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _activity(rows: list[Row]) -> list[dict[str, object]]:
    return [
        {
            "member_id": row["member_id"],
            "posting_id": row["posting_id"],
            "kind": "apply",
            "occurred_at": (START + timedelta(seconds=number)).isoformat(),
        }
        for number, row in enumerate(rows)
    ]
