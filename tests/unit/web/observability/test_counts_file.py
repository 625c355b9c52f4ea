"""A worker that counts where there is no room goes on counting, and what it counted is seen when there is room again."""

from __future__ import annotations

import resource
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client.mmap_dict import MmapedDict

from app.web.observability.counts_file import FIRST_BYTES, CountsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANY = [f"calls of campaign {n:04}" for n in range(2 * FIRST_BYTES // 50)]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that has no room for more, as far as this process can tell."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


@pytest.fixture
def opened() -> Iterator[Callable[[Path], CountsFile]]:
    """Open files of counts, closed when the test ends."""
    CountsFile.in_memory.clear()
    made: list[CountsFile] = []

    def open_one(path: Path) -> CountsFile:
        made.append(CountsFile(str(path)))
        return made[-1]

    yield open_one
    CountsFile.in_memory.clear()
    for counts in made:
        counts.close()  # type: ignore[no-untyped-call] # prometheus_client has no types here


def on_disk(path: Path) -> dict[str, float]:
    """What a scrape reads."""
    read = MmapedDict.read_all_values_from_file(path)  # type: ignore[no-untyped-call] # prometheus_client has no types here
    return {key.rstrip(): value for key, value, _timestamp, _position in read}


def counted(counts: CountsFile, keys: list[str], each: float) -> None:
    for key in keys:
        counts.write_value(key, each, 0.0)


def test_every_byte_that_is_mapped_has_room_on_the_disk(
    opened: Callable[[Path], CountsFile], tmp_path: Path
) -> None:
    path = tmp_path / "counter_1.db"
    counts = opened(path)
    counted(counts, MANY, 1.0)
    assert on_disk(path) == dict.fromkeys(MANY, 1.0)
    assert path.stat().st_size > FIRST_BYTES
    assert path.stat().st_blocks * 512 >= path.stat().st_size


def test_without_room_from_the_start_it_counts_in_memory_until_there_is_some(
    opened: Callable[[Path], CountsFile], tmp_path: Path
) -> None:
    path = tmp_path / "counter_1.db"
    with files_of_at_most(0):
        counts = opened(path)
        counted(counts, MANY, 2.0)
        assert on_disk_or_nothing(path) == {}
        assert not CountsFile.find_room()
    assert CountsFile.find_room()
    assert on_disk(path) == dict.fromkeys(MANY, 2.0)
    counted(counts, MANY[:1], 3.0)
    assert on_disk(path)[MANY[0]] == 3.0
    assert not CountsFile.in_memory


def test_without_room_to_grow_what_was_counted_stays_on_disk(
    opened: Callable[[Path], CountsFile], tmp_path: Path
) -> None:
    path = tmp_path / "counter_1.db"
    counts = opened(path)
    with files_of_at_most(FIRST_BYTES):
        counted(counts, MANY, 1.0)
        seen = on_disk(path)
        assert 0 < len(seen) < len(MANY)
    counted(counts, MANY, 5.0)
    assert on_disk(path) == seen
    assert CountsFile.find_room()
    assert on_disk(path) == dict.fromkeys(MANY, 5.0)


def test_a_directory_that_is_gone_costs_no_count_until_it_is_back(
    opened: Callable[[Path], CountsFile], tmp_path: Path
) -> None:
    path = tmp_path / "gone" / "counter_1.db"
    counts = opened(path)
    counted(counts, MANY[:3], 1.0)
    assert not CountsFile.find_room()
    path.parent.mkdir()
    assert CountsFile.find_room()
    assert on_disk(path) == dict.fromkeys(MANY[:3], 1.0)


def test_a_file_that_is_there_is_gone_on_with(opened: Callable[[Path], CountsFile], tmp_path: Path) -> None:
    path = tmp_path / "counter_1.db"
    first = opened(path)
    counted(first, MANY[:3], 1.0)
    first.close()  # type: ignore[no-untyped-call] # same
    counted(opened(path), MANY[2:4], 2.0)
    assert on_disk(path) == {MANY[0]: 1.0, MANY[1]: 1.0, MANY[2]: 2.0, MANY[3]: 2.0}


@pytest.mark.parametrize("torn_bytes", [b"\xff", b"\x08\0\0\0" + b"\0" * 3, b"\xff\xff\xff\x7f" * 100])
def test_a_file_left_by_another_of_this_number_that_is_not_whole_begins_anew(
    opened: Callable[[Path], CountsFile], tmp_path: Path, torn_bytes: bytes
) -> None:
    path = tmp_path / "counter_1.db"
    path.write_bytes(torn_bytes)
    counted(opened(path), MANY[:2], 1.0)
    assert on_disk(path) == dict.fromkeys(MANY[:2], 1.0)


def test_a_key_that_is_new_while_counts_move_to_the_disk_is_whole_there(
    opened: Callable[[Path], CountsFile], tmp_path: Path
) -> None:
    path = tmp_path / "counter_1.db"
    for turn in range(20):
        with files_of_at_most(0):
            counts = opened(path.with_stem(f"counter_{turn + 1}"))
        counting = threading.Thread(target=counted, args=(counts, MANY, 1.0))
        counting.start()
        while not counts.to_disk():
            pass
        counting.join()
        if counts in CountsFile.in_memory:
            assert counts.to_disk()
        assert on_disk(path.with_stem(f"counter_{turn + 1}")) == dict.fromkeys(MANY, 1.0)


def on_disk_or_nothing(path: Path) -> dict[str, float]:
    return on_disk(path) if path.exists() else {}
