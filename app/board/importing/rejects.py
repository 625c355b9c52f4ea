"""The rejects file: the rows of an import that were not taken, and why."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from errno import EACCES, EISDIR
from typing import IO, TYPE_CHECKING, Self

from app.board.importing.files import ImportRefusedError
from app.board.output_files import is_replaceable

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from app.board.importing.rows import Fault

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9.,]*\Z)")
HEADER = ("file", "line", "field", "value", "reason")


def _as_text(foreign: str) -> str:
    """What a spreadsheet shows and does not run: a formula is led by an apostrophe."""
    return f"'{foreign}" if _FORMULA.match(foreign) else foreign


class Rejects:
    """Collects rejected rows while an import runs, a line of CSV for each fault.

    The file appears, in place of one from an earlier import, when the import ends well; without a
    rejected row there is no file then. An import that fails leaves what was there before. A device, a pipe or a link is
    written to as it stands.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._takes_place = is_replaceable(path)
        self._part = path.with_name(path.name + ".part") if self._takes_place else path
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """Remove what an import left that was killed; call it when no other import runs."""
        if self._takes_place:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)

    def add(self, file: str, line: int, *faults: Fault) -> None:
        """Note a row with everything that is wrong with it.

        Raises:
            ImportRefusedError: the file cannot be written.
        """
        self.rows += 1
        try:
            csv.writer(self._open()).writerows(
                (file, line, _as_text(fault.field), _as_text(fault.value), fault.reason) for fault in faults
            )
        except OSError as error:
            self._refuse(error)

    def finish(self) -> None:
        """Write what is left, while the import can still be refused.

        Raises:
            ImportRefusedError: the file cannot be written, or not be put in the place of an earlier one.
        """
        try:
            if self._file:
                self._file.close()
            takes_place = self._takes_place and (self._file or self.path.exists())
            if takes_place and not os.access(self.path.parent, os.W_OK):
                raise PermissionError(EACCES, os.strerror(EACCES))
            if self.path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        except OSError as error:
            self._refuse(error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            if self._file:
                self._file.close()
        if not self._takes_place:
            return
        try:
            if kind is not None:
                self._part.unlink(missing_ok=True)
            elif self._file:
                self._part.replace(self.path)
            else:
                self.path.unlink(missing_ok=True)
        except OSError:
            if self._file:  # the rows are loaded; rejected ones stay in the file that is there
                self.path = self._part

    def _open(self) -> IO[str]:
        if self._file is None:
            self._file = self._part.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(HEADER)
        return self._file

    def _refuse(self, error: OSError) -> None:
        raise ImportRefusedError(
            f"The rejects file {self.path} cannot be written ({error.strerror}): name another with --rejects."
        ) from None
