"""A generated board as it was at some time, dated as if that time were now."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg

from app.demo.generate import generate
from app.demo.write import ACTIVITY_COLUMNS, POSTING_COLUMNS, activity_row, local, write_rows
from app.postgres.board.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from app.demo.braze.world import BoardAction


class Timeline:
    """A generated board and all that ever happened on it until `end`."""

    def __init__(self, folder: Path, *, end: datetime, members: int, postings: int, seed: int) -> None:
        generate(folder, now=end, members=members, postings=postings, seed=seed)
        self.end = end
        self._folder = folder
        self._postings = _rows(folder / "postings.csv")
        self._activity = [
            (row["member_id"], row["posting_id"], row["kind"], _seconds(row["occurred_at"]))
            for row in _rows(folder / "activity.csv")
        ]

    def put_on_board(self, engine: Engine, url: str, at: datetime, actions: Sequence[BoardAction]) -> None:
        """Make the board what it was at a time, with what the double's members did until then."""
        with TemporaryDirectory() as name:
            out = Path(name)
            for noun in ("companies", "members"):
                copy(self._folder / f"{noun}.csv", out)
            write_rows(out / "postings.csv", POSTING_COLUMNS, self._postings_at(at))
            write_rows(out / "activity.csv", ACTIVITY_COLUMNS, self._activity_at(at, actions))
            with psycopg.connect(url) as connection:
                connection.execute("TRUNCATE board.activity")
            load(engine, out, rejects=out / "rejects.csv")

    def _postings_at(self, at: datetime) -> Iterator[tuple[object, ...]]:
        later = self.end - at
        for row in self._postings:
            opened, updated = (
                datetime.fromisoformat(row["opened_at"]),
                datetime.fromisoformat(row["updated_at"]),
            )
            if opened > at:
                continue
            changed = dict(row)
            if updated > at:  # what closed it or changed it was still to come
                changed |= {"status": "open"}
                updated = opened
            changed |= {"opened_at": local(opened + later), "updated_at": local(updated + later)}
            if row["deadline"]:
                changed |= {"deadline": (date.fromisoformat(row["deadline"]) + later).isoformat()}
            yield tuple(changed[column] for column in POSTING_COLUMNS)

    def _activity_at(self, at: datetime, actions: Sequence[BoardAction]) -> Iterator[tuple[object, ...]]:
        until_s, later = int(at.timestamp()), self.end - at
        for member_id, posting_id, kind, at_s in self._activity:
            if at_s <= until_s:
                yield member_id, posting_id, kind, local(datetime.fromtimestamp(at_s, UTC) + later)
        for action in actions:
            if action.at_s <= until_s:
                yield activity_row(*action[:3], action.at_s + int(later.total_seconds()))


def weeks_before(end: datetime, weeks: int) -> datetime:
    """The same hour so many weeks earlier."""
    return end - timedelta(weeks=weeks)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())
