"""A generated board, made once and read back."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.demo.generate import Summary, generate

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tables:
    """The files of a folder, as rows of text by column; ids lead to companies, postings and members."""

    folder: Path
    summary: Summary
    companies: dict[str, dict[str, str]]
    postings: dict[str, dict[str, str]]
    members: dict[str, dict[str, str]]
    activity: list[dict[str, str]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("board")
    summary = generate(folder, now=NOW, members=10_000, postings=1_500, seed=3)
    by_id = {
        noun: {row["id"]: row for row in rows_of(folder / f"{noun}.csv")}
        for noun in ("companies", "postings", "members")
    }
    return Tables(
        folder,
        summary,
        by_id["companies"],
        by_id["postings"],
        by_id["members"],
        rows_of(folder / "activity.csv"),
    )
