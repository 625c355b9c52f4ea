"""Turn outside data into import files: `python -m tests.real_data.convert saramin SRC OUT --shift-to today`."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.board.veto import board_day

if TYPE_CHECKING:
    from collections.abc import Sequence

SETS = ("saramin", "applications", "views")


def main(arguments: Sequence[str] | None = None, *, today: date | None = None) -> int:
    """Convert a set, print what came of it, and return the exit status."""
    today = today or board_day(datetime.now(UTC))
    parser = _parser(today)
    asked = parser.parse_args(arguments)
    # Each set has a module of its own, which is only needed when it is asked for.
    convert = importlib.import_module(f"tests.real_data.{asked.set}").convert
    options = {} if asked.shift_to is None else {"shift_to": asked.shift_to}
    if options and "shift_to" not in inspect.signature(convert).parameters:
        parser.error(f"{asked.set} has no dates to shift: leave --shift-to out")
    if not asked.src.is_dir():
        parser.error(f"there is no folder {asked.src}: name the one that holds the data as it was found")
    print(convert(asked.src, asked.out, **options))  # noqa: T201 - a command's answer
    return 0


def _parser(today: date) -> argparse.ArgumentParser:
    def day(text: str) -> date:
        return today if text == "today" else date.fromisoformat(text)

    parser = argparse.ArgumentParser(prog="python -m tests.real_data.convert", description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("src", type=Path, help="the folder with the data as it was found")
    parser.add_argument("out", type=Path, help="the folder for the import files")
    parser.add_argument(
        "--shift-to",
        type=day,
        metavar="today|YYYY-MM-DD",
        help="the day that the newest day of the data becomes",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
