"""Files of the import format, written beside each other and put in place only when all are whole."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind
from app.board.veto import BOARD_ZONE
from app.demo.activity import SEOUL_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from app.board.model import Member, Posting
    from app.demo.activity import Rows
    from app.demo.companies import Company

_DAY_S = 86_400
_KIND_BYTES = np.array([b"", *(kind.name.lower().encode() for kind in ActivityKind)])
_TO_QUOTE = frozenset(',"\r\n')

COMPANY_COLUMNS = ("id", "name", "industry", "employees")
POSTING_COLUMNS = (
    "id", "title", "company_id", "url", "opened_at", "categories", "regions", "career_min_years", "career_max_years",
    "education", "employment_types", "salary_min", "salary_max", "salary_unit", "skills", "deadline", "closes",
    "status", "updated_at",
)  # fmt: skip
MEMBER_COLUMNS = (
    "id", "mail_consent", "withdrawn_at", "categories", "regions", "career_years", "education", "skills",
    "desired_salary", "salary_unit", "updated_at",
)  # fmt: skip
ACTIVITY_COLUMNS = ("member_id", "posting_id", "kind", "occurred_at")


_FORMS = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")


@contextmanager
def new_files(folder: Path, nouns: Iterable[str]) -> Iterator[dict[str, Path]]:
    """Paths to write each noun's CSV to; they get their names when the block ends well, else they are removed.

    Raises:
        FileExistsError: the folder already has a file of one of the nouns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for noun in nouns:
        if there := next((path for form in _FORMS if (path := folder / f"{noun}{form}").exists()), None):
            raise FileExistsError(
                f"{there} is already there and is not overwritten: remove it or name another folder."
            )
    parts = {noun: folder / f".{noun}.csv.part" for noun in nouns}
    try:
        yield parts
        for noun, part in parts.items():
            part.rename(folder / f"{noun}.csv")
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """A CSV with a header; None is an empty field. Returns how many rows."""
    with path.open("w", encoding="utf-8", newline="") as text:
        out = csv.writer(text, lineterminator="\n")
        out.writerow(columns)
        return sum(1 for row in rows if out.writerow(row))


def company_row(company: Company) -> tuple[object, ...]:
    """In the order of COMPANY_COLUMNS."""
    return company.id, company.name, company.industry.name, company.employees


def posting_row(posting: Posting) -> tuple[object, ...]:
    """In the order of POSTING_COLUMNS."""
    return (
        posting.id,
        posting.title,
        posting.company_id,
        posting.url,
        local(posting.opened_at),
        "|".join(posting.categories),
        "|".join(posting.regions),
        _years(posting.career_min_years),
        _years(posting.career_max_years),
        None if posting.education is None else posting.education.name.lower(),
        "|".join(posting.employment_types),
        posting.salary_min,
        posting.salary_max,
        posting.salary_unit,
        "|".join(posting.skills),
        posting.deadline,
        posting.closes,
        posting.status,
        local(posting.updated_at),
    )


def member_row(
    member: Member, *, consent: bool, withdrawn_at: datetime | None, updated_at: datetime
) -> tuple[object, ...]:
    """In the order of MEMBER_COLUMNS."""
    return (
        member.id,
        "true" if consent else "false",
        local(withdrawn_at) if withdrawn_at else None,
        "|".join(member.categories),
        "|".join(member.regions),
        _years(member.career_years),
        None if member.education is None else member.education.name.lower(),
        "|".join(member.skills),
        member.desired_salary,
        member.salary_unit,
        local(updated_at),
    )


def activity_row(member_id: str, posting_id: str, kind: ActivityKind, at_s: int) -> tuple[object, ...]:
    """In the order of ACTIVITY_COLUMNS; `at_s` is in seconds since 1970 UTC."""
    return member_id, posting_id, kind.name.lower(), local(datetime.fromtimestamp(at_s, UTC))


def local(at: datetime) -> str:
    """A time in Asia/Seoul, in whole seconds with its zone."""
    return at.astimezone(BOARD_ZONE).isoformat(timespec="seconds")


def _years(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def id_bytes(ids: Sequence[str]) -> NDArray[np.bytes_]:
    """Ids as CSV fields in UTF-8, quoted where they must be."""
    quoted = ['"{}"'.format(i.replace('"', '""')) if _TO_QUOTE & set(i) else i for i in ids]
    return np.array([field.encode() for field in quoted])


class ActivityFile:
    """Writes millions of activity rows a chunk at a time, as arrays of bytes rather than a string a row."""

    def __init__(self, out: BinaryIO, postings: Sequence[str]) -> None:
        self._out = out
        self._postings = id_bytes(postings)
        self._clock = np.array(
            [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}".encode() for s in range(_DAY_S)]
        )
        out.write((",".join(ACTIVITY_COLUMNS) + "\n").encode())

    def write(self, rows: Rows, members: Sequence[str]) -> None:
        """A chunk's rows; `members` are the ids that their member positions count in."""
        here = rows.at + SEOUL_S
        days = np.datetime_as_string((here // _DAY_S).astype("datetime64[D]")).astype("S10")
        fields = (
            (id_bytes(members)[rows.member], b","),
            (self._postings[rows.posting], b","),
            (_KIND_BYTES[rows.kind], b","),
            (days, b"T"),
            (self._clock[here % _DAY_S], b"+09:00\n"),
        )
        table = np.hstack(
            [_as_matrix(part) for column, after in fields for part in (column, _repeat(after, here))]
        )
        self._out.write(table[table != 0].tobytes())


def _repeat(text: bytes, like: NDArray[np.int64]) -> NDArray[np.bytes_]:
    return np.full(len(like), text)


def _as_matrix(column: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    """One row of bytes for each value, padded with zeros, which no id has."""
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), column.dtype.itemsize)
