"""Views of postings on a US job board, with times, made ready to import.

A posting's opening is not told. Numbers rise with time, so each posting is taken to have opened at the earliest
view of any posting with its number or a higher one; between two such moments the numbers share the time evenly.
"""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from app.board.importing.rows import ACTIVITY, COMPANIES, MEMBERS, POSTINGS
from tests.real_data.report import Report, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

Row = dict[str, str]
_UNKNOWN = {"", "NA"}
_LONGEST_SKILL = 100  # characters that the import format takes


def convert(src: Path, out: Path) -> Report:
    """Convert the folder with views.csv, postings.csv and interests.csv."""
    views, postings = _read(src / "views.csv"), _read(src / "postings.csv")
    interests = _read(src / "interests.csv")
    opened = openings(
        np.array([int(row["posting_id"]) for row in postings]),
        np.array([int(row["posting_id"]) for row in views]),
        np.array([_second(row["viewed_at"]) for row in views]),
    )
    out.mkdir(parents=True, exist_ok=True)
    written = {
        "companies.csv": write_csv(out / "companies.csv", COMPANIES.names(), _companies(postings)),
        "postings.csv": write_csv(
            out / "postings.csv",
            POSTINGS.names(),
            (_posting(row, at) for row, at in zip(postings, opened.tolist(), strict=True)),
        ),
        "members.csv": write_csv(out / "members.csv", MEMBERS.names(), _members(views, interests)),
        "activity.csv": write_csv(out / "activity.csv", ACTIVITY.names(), map(_activity, _distinct(views))),
    }
    return Report(
        read=len(views) + len(postings) + len(interests),
        written=written,
        notes=("openings are interpolated from the postings' numbers and the times of views",),
    )


def openings(
    numbers: NDArray[np.int64], viewed: NDArray[np.int64], at_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Seconds since 1970 at which each posting number is taken to have opened; rises with the number."""
    order = np.lexsort((at_s, viewed))
    each, first = np.unique(viewed[order], return_index=True)
    earliest = np.minimum.accumulate(at_s[order][first][::-1])[::-1]
    own = np.r_[np.diff(earliest) > 0, True]  # where the earliest is that number's own, not a higher one's
    return np.interp(numbers, each[own], earliest[own])


def _second(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _company_id(row: Row) -> str:
    """An id made from the name; a posting that names none has a company of its own."""
    name = " ".join(row["company"].lower().split())
    return hashlib.sha256(name.encode()).hexdigest()[:12] if name else f"of-{row['posting_id']}"


def _plain(text: str) -> str:
    """On one line, without control characters, of which the source holds a few."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _companies(postings: Iterable[Row]) -> list[dict[str, object]]:
    names = {_company_id(row): _plain(row["company"]) or "Not named" for row in postings}
    return [{"id": company, "name": name} for company, name in names.items()]


def _posting(row: Row, opened_s: float) -> dict[str, object]:
    state = row["state"] or "unknown"
    return {
        "id": row["posting_id"],
        "title": row["title"].strip() or "Not named",
        "company_id": _company_id(row),
        "url": f"https://example.com/postings/{row['posting_id']}",
        "opened_at": datetime.fromtimestamp(round(opened_s), UTC).isoformat(),
        "categories": [] if row["industry"] in _UNKNOWN else [row["industry"]],
        "regions": [f"{state}/{' '.join(row['city'].split())}"],
        "closes": "always_open",
    }


def _members(views: Iterable[Row], interests: Iterable[Row]) -> list[dict[str, object]]:
    wanted: dict[str, list[str]] = {row["member_id"]: [] for row in views}
    for row in interests:
        if row["position_of_interest"].strip():
            wanted.setdefault(row["member_id"], []).append(
                _plain(row["position_of_interest"])[:_LONGEST_SKILL].strip()
            )
    return [
        {"id": member, "mail_consent": "true", "skills": list(dict.fromkeys(positions))}
        for member, positions in wanted.items()
    ]


def _distinct(views: Iterable[Row]) -> list[Row]:
    """Each (member, posting, time) once: the source repeats some."""
    return list({(row["member_id"], row["posting_id"], row["viewed_at"]): row for row in views}.values())


def _activity(row: Row) -> dict[str, object]:
    return {
        "member_id": row["member_id"],
        "posting_id": row["posting_id"],
        "kind": "view",
        "occurred_at": datetime.fromisoformat(row["viewed_at"]).isoformat(),
    }
