"""What an instance remembers: a saved file that cannot be written, a wall clock that jumps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.runtime.errors import UnavailableError
from app.serving.snapshot import SnapshotFile, SnapshotKeeper
from tests.web.board import NOW, VETOED
from tests.web.service import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.service import Service


def test_a_file_that_cannot_be_written_stays_as_it_was(service: Service, tmp_path: Path) -> None:
    keep = SnapshotKeeper(
        SnapshotFile(tmp_path / "s"),
        publications=service.publications,
        experiments=service.experiments,
        shelves=service.shelves,
        book=service.book,
    )
    keep.keep()
    before = (tmp_path / "s").read_bytes()
    with pytest.raises(UnavailableError, match="disk"):
        SnapshotFile(tmp_path / "s" / "below").write(SnapshotFile(tmp_path / "s").read())
    assert (tmp_path / "s").read_bytes() == before


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_the_wall_clock_stepped_an_hour(board_url: str, step: timedelta) -> None:
    with serving(board_url, list_fresh_s=20) as service:
        before = service.answer("m-list")
        service.now = NOW + step
        service.run_tasks()
        after = service.answer("m-list")
    assert after == before
    assert not {posting["id"] for posting in after["postings"]} & set(VETOED)
