"""What a file named by somebody else may take the place of."""

from __future__ import annotations

import os
from pathlib import Path

from app.board.importing.rejects import Rejects
from app.board.importing.rows import Fault
from app.board.output_files import is_replaceable
from app.serving.snapshot import ServingSnapshot, SnapshotFile


def test_a_file_takes_the_place_of_a_file_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    replaceable = {path.name for path in tmp_path.iterdir() if is_replaceable(path)}
    assert replaceable == {"file"}
    assert is_replaceable(tmp_path / "nothing yet")
    assert not is_replaceable(Path("/dev/null"))


def test_rejects_that_nobody_wants_leave_the_device_that_takes_them(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.symlink_to("/dev/null")
    for faults in ([], [Fault("id", "", "Write one.")]):
        with Rejects(nowhere) as rejects:
            rejects.begin()
            for fault in faults:
                rejects.add("postings.csv", 7, fault)
            rejects.finish()
        assert nowhere.is_symlink()
        assert nowhere.is_char_device()
    assert list(tmp_path.iterdir()) == [nowhere]


def test_rejects_of_a_failed_import_leave_what_they_were_linked_to(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "kept")
    with Rejects(link) as rejects:
        rejects.add("postings.csv", 7, Fault("id", "", "Write one."))
        rejects.finish()
    assert link.is_symlink()
    assert "Write one." in (tmp_path / "kept").read_text()


def test_a_snapshot_that_nobody_wants_leaves_the_device_that_takes_it(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.symlink_to("/dev/null")
    SnapshotFile(nowhere).write(ServingSnapshot([], [], [], []))
    assert nowhere.is_char_device()


def test_a_snapshot_behind_a_link_is_replaced_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "saved.json"
    link.symlink_to(tmp_path / "disk" / "saved.json")
    SnapshotFile(link).write(ServingSnapshot([], [], [], [], []))
    assert link.is_symlink()
    assert SnapshotFile(link).read() == ServingSnapshot([], [], [], [], [])
