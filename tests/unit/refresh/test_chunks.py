"""Chunks ranked by several processes: what fails or is interrupted ends soon."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from app.refresh.chunks import rank_all

if TYPE_CHECKING:
    from pathlib import Path

CHUNKS = 60


@dataclass(frozen=True, slots=True)
class Ranker:
    """Leaves a file for each chunk it ranked."""

    folder: Path

    def chunks(self) -> int:
        return CHUNKS

    def __call__(self, number: int) -> None:
        time.sleep(0.02)
        (self.folder / str(number)).touch()


def test_all_chunks_but_those_that_are_in_are_ranked(tmp_path: Path) -> None:
    told: list[float] = []
    rank_all(Ranker(tmp_path), {3, 5}, 3, lambda _stage, share: told.append(share))
    assert {int(path.name) for path in tmp_path.iterdir()} == set(range(CHUNKS)) - {3, 5}
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_interrupted_refresh_does_not_rank_what_is_left(tmp_path: Path) -> None:
    def progress(_stage: str, share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rank_all(Ranker(tmp_path), (), 2, progress)
    assert len(list(tmp_path.iterdir())) < CHUNKS / 2
