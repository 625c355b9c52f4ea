"""Batches: rows in their order, as many as a request may hold and as large as it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Packer(Generic[T]):
    """Fills one batch after the other; rows come with one key each, so a batch has no key twice.

    Args:
        most: Objects of a batch.
        most_bytes: Bytes of a batch, without what stands around its objects.
        size: Bytes of an object as it will be sent.
    """

    def __init__(self, *, most: int, most_bytes: int, size: Callable[[T], int]) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._size = size
        self._filling: list[T] = []
        self._bytes = 0

    def add(self, one: T) -> list[T] | None:
        """Take an object; gives the batch before it where that is full."""
        size = self._size(one) + 1  # the comma
        full = None
        if self._filling and (len(self._filling) >= self._most or self._bytes + size > self._most_bytes):
            full = self.rest()
        self._filling.append(one)
        self._bytes += size
        return full

    def rest(self) -> list[T]:
        """What is not full yet; the packer is empty then."""
        filled, self._filling, self._bytes = self._filling, [], 0
        return filled
