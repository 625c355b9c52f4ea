"""What lies below one prefix of a bucket or folder, by keys that begin there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from app.lake.objects import LakeObject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.lake.objects import Lake


@dataclass(frozen=True, slots=True)
class LakePlace:
    """The prefix that a bucket or folder was opened with."""

    lake: Lake

    def _whole(self, key: str) -> str:
        return "/".join(filter(None, [self.lake.prefix, key]))

    def folders(self) -> list[str]:
        """The names of the folders there.

        Raises:
            LakeError: the bucket does not answer, or refuses; so do the functions below.
        """
        return [one.rpartition("/")[2] for one in self.lake.folders(self.lake.prefix)[0]]

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every object in a folder, by key; what killed writes left there on a disk is removed first."""
        self.lake.sweep(self._whole(folder))
        begin = len(self._whole("k")) - 1
        return {one.key[begin:]: one.size for one in self.lake.newer(self._whole(folder))}

    def read(self, key: str, size: int) -> bytes:
        """An object of which the size is known, whole."""
        return self.lake.read(LakeObject(self._whole(key), size, "")).read()

    def write(self, key: str, content: bytes) -> None:
        """Put an object, whole or not at all."""
        self.lake.write(self._whole(key), content)

    def write_file(self, key: str, file: IO[bytes]) -> None:
        """The same of a file."""
        self.lake.write_file(self._whole(key), file)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        self.lake.delete([self._whole(key) for key in keys])
