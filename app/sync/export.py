"""The same delta as files: each is written whole under its final name, and then what it says is known as sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.sync.ledger import SettledBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from app.sync.delta import ChangedRow
    from app.sync.ledger import Ledger

ROWS: Final = 100_000  # of a file: some 20 MB, of 512 that Braze takes
_RECORDED: Final = 1_000  # rows of one transaction


class FileExport:
    """Writes files of changed rows.

    Args:
        ledger: What is known of the destination.
        write: Puts a file of these rows under its final name; gives the name.
    """

    def __init__(self, ledger: Ledger, write: Callable[[int, Sequence[ChangedRow]], str]) -> None:
        self.names: list[str] = []
        self.taken = 0
        self._ledger = ledger
        self._write = write

    def run(self, rows: Iterable[ChangedRow]) -> None:
        """Write all rows, file by file.

        What a file overwrites is unknown before it is written, and known when it stands: a run that is killed between
        leaves rows that the next one writes again.
        """
        filling: list[ChangedRow] = []
        for one in rows:
            filling.append(one)
            if len(filling) == ROWS:
                self._file(filling)
                filling = []
        if filling:
            self._file(filling)

    def _file(self, rows: Sequence[ChangedRow]) -> None:
        parts = [rows[at : at + _RECORDED] for at in range(0, len(rows), _RECORDED)]
        for part in parts:
            self._ledger.intend(part)
        self.names.append(self._write(len(self.names) + 1, rows))
        for part in parts:
            self._ledger.settle(SettledBatch(None, part))
        self.taken += len(rows)
