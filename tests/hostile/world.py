"""A board of its own, two states of it a day apart, and our commands against it."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests.faults.own_postgres import OwnPostgres
from tests.postgres_fixtures import quick_folder

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

CONNECTED_JOBS = str(Path(sys.executable).with_name("connected-jobs"))
COMMAND_WITHIN_S = 300.0


def command(url: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One of our commands, run to its end."""
    return subprocess.run(
        [CONNECTED_JOBS, *words],
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=COMMAND_WITHIN_S,
        check=check,
    )


def rows(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What a statement of the test's own finds, or no rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def own_postgres() -> Iterator[tuple[OwnPostgres, Path]]:
    """A server to be killed, and a folder beside it, both gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-hostile-", dir=quick_folder()))
    folder.chmod(0o711)
    postgres = OwnPostgres(folder / "postgres")
    postgres.start()
    try:
        yield postgres, folder
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def generated(folder: Path, *, members: int, postings: int) -> Path:
    """A generated board as files."""
    command("", "generate", str(folder), "--members", str(members), "--postings", str(postings))
    return folder


def a_day_later(board: Path, folder: Path, dice: random.Random) -> Path:
    """The same board with postings closed, members edited and added, and applications made."""
    folder.mkdir()
    for file in board.glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as read:
            header, *body = csv.reader(read)
        if file.stem == "postings":
            for row in body[::7]:
                row[header.index("status")] = "closed"
        if file.stem == "members":
            for row in body[::9]:
                row[header.index("skills")] = "Rust|Kafka"
            body += [[f"m-new-{number:04}", *row[1:]] for number, row in enumerate(body[: len(body) // 6])]
        if file.stem == "activity":
            at = [header.index(name) for name in ("member_id", "posting_id", "kind", "occurred_at")]
            members, postings = (sorted({row[at[n]] for row in body}) for n in (0, 1))
            body += [
                _activity(len(header), at, dice.choice(members), dice.choice(postings), dice)
                for _ in range(len(body) // 20)
            ]
        with (folder / file.name).open("w", newline="", encoding="utf-8") as written:
            csv.writer(written).writerows([header, *body])
    return folder


def _activity(width: int, at: list[int], member: str, posting: str, dice: random.Random) -> list[str]:
    row = [""] * width
    day, hour, minute, second = (dice.randint(*bounds) for bounds in ((1, 28), (0, 23), (0, 59), (0, 59)))
    when = f"2026-10-{day:02}T{hour:02}:{minute:02}:{second:02}+09:00"
    for place, value in zip(at, (member, posting, "apply", when), strict=True):
        row[place] = value
    return row
