"""What a worker needs to answer at all, saved to disk for a start without Postgres."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence  # noqa: TC003 - read back by its annotations
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.board.model import Posting  # noqa: TC001 - same
from app.board.output_files import is_replaceable
from app.credentials import Credential  # noqa: TC001 - same
from app.feedback.experiments.definition import Experiment  # noqa: TC001 - same
from app.runtime.errors import UnavailableError
from app.serving.store import Publication, Shelf  # noqa: TC001 - same

if TYPE_CHECKING:
    from app.credentials import CredentialBook
    from app.serving.experiments import Experiments
    from app.serving.publications import Publications
    from app.serving.shelves import Shelves


@dataclass(frozen=True, slots=True)
class ServingSnapshot:
    """Publications, shelves with their postings, credentials (hashes only), and experiments."""

    publications: Sequence[Publication]
    shelves: Sequence[Shelf]
    postings: Sequence[Posting]
    credentials: Sequence[Credential]
    experiments: Sequence[Experiment] = ()


class SnapshotFile:
    """One file for all workers of an instance, replaced whole, readable by its owner only.

    Where there is a device, such as /dev/null, nothing is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, snapshot: ServingSnapshot) -> None:
        """Replace the file; one that cannot be written stays as it was.

        Raises:
            UnavailableError: the disk is full or refuses.
        """
        try:
            path = self._path.resolve()
            if not is_replaceable(path):
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.encode(snapshot))
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise UnavailableError("disk") from error

    def read(self) -> ServingSnapshot:
        """What was saved last.

        Raises:
            UnavailableError: there is none, or it is not whole.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=ServingSnapshot)
        except (OSError, msgspec.MsgspecError) as error:
            raise UnavailableError("disk") from error


class SnapshotKeeper:
    """Saves what answering needs while all is well, and gives it back to a worker that starts when it is not."""

    def __init__(
        self,
        file: SnapshotFile,
        *,
        publications: Publications,
        experiments: Experiments,
        shelves: Shelves,
        book: CredentialBook,
    ) -> None:
        self._file = file
        self._publications = publications
        self._experiments = experiments
        self._shelves = shelves
        self._book = book

    def keep(self) -> None:
        """Save what is known if it was read from Postgres; raises `UnavailableError`."""
        if self._shelves.fresh and self._book.fresh:
            self._file.write(
                ServingSnapshot(
                    self._publications.every,
                    self._shelves.all(),
                    self._shelves.postings(),
                    self._book.all(),
                    self._experiments.known,
                )
            )

    def restore(self) -> None:
        """Take from the file what Postgres has not given yet; raises `UnavailableError`."""
        if self._shelves.loaded and self._book.loaded:
            return
        snapshot = self._file.read()
        if not self._publications.every:
            self._publications.restore(snapshot.publications)
            self._experiments.restore(snapshot.experiments)
        if not self._shelves.loaded:
            self._shelves.restore(snapshot.shelves, snapshot.postings)
        if not self._book.loaded:
            self._book.restore(snapshot.credentials)
