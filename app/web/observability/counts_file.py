"""A worker's counts in a file that other workers read; in memory while the disk is full."""

from __future__ import annotations

import mmap
import os
import struct
import threading
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST_BYTES = 1 << 16
# What prometheus_client raises at a file that is not whole.
NOT_WHOLE = (RuntimeError, ValueError, struct.error)
_HEAD, _ENTRY = 8, 4 + 8 + 16  # bytes of a file of counts, and of an entry beside its key
_COUNTED = struct.Struct("dd")  # a count, and when it was made


def bytes_for(keys: Iterable[str]) -> int:
    """The most bytes that a file with these keys takes."""
    return _HEAD + sum(len(key.encode()) + _ENTRY for key in keys)


class CountsFile(MmapedDict):
    """Counts in a memory-mapped file whose blocks the disk has allocated.

    A write to a mapped page without a block on the disk kills the process (SIGBUS), so blocks are allocated first. Where
    the disk is full or the file cannot be made, counting goes on in memory: scrapes see the earlier counts, and all of
    them once `find_room` succeeds.
    """

    in_memory: ClassVar[WeakSet[CountsFile]] = WeakSet()

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - its base takes it so
        self._moving = threading.RLock()
        if read_mode or _has_room(filename, FIRST_BYTES):
            try:
                super().__init__(filename, read_mode)  # type: ignore[no-untyped-call] # prometheus_client has no types here
                self._positions: dict[str, int]
                if "" in self._positions:
                    raise ValueError(filename)
            except NOT_WHOLE:  # a process that had this number before left a torn file
                self._f.close()
                os.truncate(filename, 0)
                os.truncate(filename, FIRST_BYTES)
                super().__init__(filename, read_mode)  # type: ignore[no-untyped-call] # same
            return
        self._f: Any = None
        self._fname = filename
        self._positions = {}
        self._used = _HEAD
        self._to_memory(mmap.mmap(-1, FIRST_BYTES))

    @classmethod
    def find_room(cls) -> bool:
        """Move counts in memory to the disk; returns whether all are there."""
        return all([counts.to_disk() for counts in list(cls.in_memory)])  # noqa: C419 - each is tried

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Write a count; waits while counts move to the disk."""
        counted = _COUNTED.pack(value, timestamp)
        with self._moving:
            if key not in self._positions:
                self._init_value(key)
            position = self._positions[key]
            self._m[position : position + _COUNTED.size] = counted

    def _init_value(self, key: str) -> None:
        with self._moving:
            while self._used + bytes_for([key]) > self._capacity:
                self._double()
            super()._init_value(key)  # type: ignore[no-untyped-call] # same

    def _double(self) -> None:
        capacity = 2 * self._capacity
        if self._f is not None and _has_room(self._fname, capacity):
            self._m, self._capacity = mmap.mmap(self._f.fileno(), capacity), capacity
            return
        larger = mmap.mmap(-1, capacity)
        larger[: self._used] = self._m[: self._used]
        if self._f is not None:
            self._f.close()
            self._f = None
        self._to_memory(larger)

    def _to_memory(self, memory: mmap.mmap) -> None:
        self._m, self._capacity = memory, len(memory)
        self._m[:4] = self._used.to_bytes(4, "little")
        self.in_memory.add(self)

    def to_disk(self) -> bool:
        """Move these counts to their file; returns whether the disk has room."""
        capacity = self._capacity
        if not _has_room(self._fname, capacity):
            return False
        try:
            file = open(self._fname, "a+b")  # noqa: SIM115, PTH123 - it stays open, as the base's does
            on_disk = mmap.mmap(file.fileno(), capacity)
        except OSError:
            return False
        with self._moving:
            if capacity < self._capacity:  # it grew meanwhile
                file.close()
                return False
            # The header, which holds the length, is written last, because a scrape may read at any time.
            on_disk[_HEAD : self._used] = self._m[_HEAD : self._used]
            on_disk[:_HEAD] = self._m[:_HEAD]
            self._f, self._m = file, on_disk
        self.in_memory.discard(self)
        return True


def _has_room(filename: str, size: int) -> bool:
    """Allocate so many bytes for a file, which is made if there is none; returns whether the disk had room."""
    try:
        handle = os.open(filename, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(handle, 0, size)
        finally:
            if not os.fstat(handle).st_size:  # a scrape would find nothing to read in it
                os.unlink(filename)  # noqa: PTH108 - as it was opened
            os.close(handle)
    except OSError:
        return False
    return True


def count_where_there_is_room() -> None:
    """Have prometheus_client keep its counts in a `CountsFile`; call it before the first metric is made."""
    values.MmapedDict = CountsFile  # type: ignore[attr-defined] # the name under which it looks for what it opens
