"""The postings of a folder in the import format, read for what generated members and activity need of them."""

from __future__ import annotations

import csv
import gzip
import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from app.recommend.board import Closes, Education, Posting, Status
from app.recommend.veto import BOARD_ZONE, last_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import TextIO

_DAY_LENGTH = len("2026-12-01")
FORMS = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")


def find(folder: Path, noun: str) -> Path | None:
    """A noun's file in a folder, whichever form it has, or None."""
    return next((path for form in FORMS if (path := folder / f"{noun}{form}").exists()), None)


def read_postings(source: Path) -> list[Posting]:
    """A postings file's good rows, or those of the one in a folder; of rows with one id the last counts.

    Rows that the import would refuse for their id or times are left out: it reports them.

    Raises:
        ValueError: there is no such file, or no good row in it.
    """
    path = find(source, "postings") if source.is_dir() else source
    if path is None:
        raise ValueError(
            f"{source} holds no postings file: put postings.csv or postings.jsonl there, gzipped or not."
        )
    with _text(path) as text:
        found = {p.id: p for p in map(_posting, _rows(path, text)) if p is not None}
    if not found:
        raise ValueError(f"{path} holds no posting with an id and an opened_at time with its zone: add some.")
    return list(found.values())


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        yield text


def _rows(path: Path, text: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    if ".csv" in path.suffixes:
        yield from csv.DictReader(text)
        return
    for line in text:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _posting(row: Mapping[str, Any]) -> Posting | None:
    """A row as a posting, or None where its id or a time is missing or unreadable."""
    try:
        return _read(row)
    except (KeyError, TypeError, ValueError):
        return None


def _read(row: Mapping[str, Any]) -> Posting:
    opened_at = _instant(row["opened_at"])
    education = row.get("education")
    deadline, deadline_time = _deadline(row.get("deadline") or "")
    return Posting(
        id=_named(row["id"]),
        title=row.get("title") or "",
        company_id=row.get("company_id") or "",
        company="",
        categories=_list(row.get("categories")),
        regions=_list(row.get("regions")),
        career_min_years=_number(row.get("career_min_years")),
        career_max_years=_number(row.get("career_max_years")),
        education=Education[str(education).upper()] if education else None,
        salary_min=_number(row.get("salary_min")),
        salary_max=_number(row.get("salary_max")),
        salary_unit=row.get("salary_unit") or None,
        skills=_list(row.get("skills")),
        opened_at=opened_at,
        deadline=deadline,
        deadline_time=deadline_time,
        closes=Closes(row.get("closes") or Closes.WHEN_FILLED),
        status=Status(row.get("status") or Status.OPEN),
        url=row.get("url") or "",
        updated_at=_instant(row["updated_at"]) if row.get("updated_at") else opened_at,
    )


def _named(value: str) -> str:
    if not value:
        raise ValueError("A posting needs an id.")
    return value


def _instant(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("A time needs its zone.")
    return at.astimezone(UTC)


def _deadline(value: str) -> tuple[date | None, time | None]:
    if len(value) <= _DAY_LENGTH:
        return (date.fromisoformat(value) if value else None), None
    at = datetime.fromisoformat(value)
    return last_moment(at if at.tzinfo else at.replace(tzinfo=BOARD_ZONE))


def _list(value: str | list[str] | None) -> tuple[str, ...]:
    parts = value.split("|") if isinstance(value, str) else value or ()
    return tuple(part for part in parts if part)


def _number(value: str | float | None) -> float | None:
    return None if value is None or value == "" else float(value)
