"""Batches between who compares and who sends, on disk: the query's transaction ends long before the last is sent."""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Spool(Generic[T]):
    """A queue of batches in a file that nobody else can open; one thread puts, any number take.

    Args:
        kind: The batches' type, for the decoder.
    """

    def __init__(self, kind: type[T]) -> None:
        self._file = tempfile.TemporaryFile(prefix="connected-jobs-sync-")  # noqa: SIM115 - closed with the spool
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(list[kind])  # type: ignore[valid-type] # known when it runs
        self._places: deque[tuple[int, int]] = deque()
        self._end = 0
        self._whole = False
        self._changed = threading.Condition()

    def put(self, batch: Sequence[T]) -> None:
        """Add a batch."""
        encoded = self._encoder.encode(batch)
        with self._changed:
            self._file.seek(self._end)
            self._file.write(encoded)
            self._places.append((self._end, len(encoded)))
            self._end += len(encoded)
            self._changed.notify()

    def finish(self) -> None:
        """No more will come."""
        with self._changed:
            self._whole = True
            self._changed.notify_all()

    def take(self) -> list[T] | None:
        """The next batch, waited for; None after the last."""
        with self._changed:
            while not self._places:
                if self._whole:
                    return None
                self._changed.wait()
            at, size = self._places.popleft()
            self._file.seek(at)
            encoded = self._file.read(size)
        return self._decoder.decode(encoded)

    def close(self) -> None:
        """Forget what is left."""
        with self._changed:
            self._whole = True
            self._places.clear()
            self._changed.notify_all()
            self._file.close()
