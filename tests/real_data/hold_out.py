"""Hold activity out of outside data, to measure against: `python -m tests.real_data.hold_out applications SRC OUT`.

OUT becomes like SRC less each member's last application (or last first-time view), and OUT/holdout.csv says which.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = dict[str, str]
_FILES = {"applications": "applications.csv", "views": "views.csv"}
_AT_LEAST = {"applications": 3, "views": 2}  # postings of a member of whom one is held out
HOLDOUT = "holdout.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Split a set and print how many pairs were held out."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_data.hold_out", description=__doc__)
    parser.add_argument("set", choices=sorted(_FILES))
    parser.add_argument("src", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--strangers", type=int, metavar="SEED", help="all activity of a random fifth instead"
    )
    asked = parser.parse_args(arguments)
    held = hold_out(asked.set, asked.src, asked.out, strangers=asked.strangers)
    print(f"{held:,} pairs are held out in {asked.out / HOLDOUT}.")  # noqa: T201 - a command's answer
    return 0


def hold_out(name: str, src: Path, out: Path, *, strangers: int | None = None) -> int:
    """Write the set less what is held out, and what is; returns how many pairs that is.

    Args:
        name: "applications" or "views".
        src: The folder as it was found.
        out: The folder to make.
        strangers: A seed, to hold out everything of a random fifth of the members.
    """
    shutil.copytree(src, out, dirs_exist_ok=True)
    with (src / _FILES[name]).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    held = last_of_each(rows, _AT_LEAST[name]) if strangers is None else of_strangers(rows, strangers)
    _write(out / _FILES[name], [row for row in rows if _pair(row) not in held])
    _write(out / HOLDOUT, [{"member_id": member, "posting_id": posting} for member, posting in sorted(held)])
    return len(held)


def _pair(row: Row) -> tuple[str, str]:
    return row["member_id"], row["posting_id"]


def last_of_each(rows: Iterable[Row], at_least: int) -> set[tuple[str, str]]:
    """Each member's posting that came last for the first time; rows without a time stand in their order."""
    timed = sorted(rows, key=lambda row: (row["viewed_at"], row["posting_id"]) if "viewed_at" in row else ())
    done: dict[str, dict[str, None]] = {}
    for row in timed:
        done.setdefault(row["member_id"], {}).setdefault(row["posting_id"])
    return {(member, list(postings)[-1]) for member, postings in done.items() if len(postings) >= at_least}


def of_strangers(rows: Iterable[Row], seed: int) -> set[tuple[str, str]]:
    """All pairs of a random fifth of the members."""
    rows = list(rows)
    members = sorted({row["member_id"] for row in rows})
    chosen = set(random.Random(seed).sample(members, len(members) // 5))
    return {_pair(row) for row in rows if row["member_id"] in chosen}


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
