"""Finds the row for which an expression in a view fails, and leaves it out; Postgres would return no row of that read.

A cast of what is no number, a division by zero, a function that raises: what a statement asks of a row fails it whole.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import psycopg

from app.postgres.board.left_out import UnreadableRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.postgres.board.left_out import LeftOutRows

T = TypeVar("T")


class ViewError(Exception):
    """An expression in a view fails for a row that was asked for; `state` is Postgres's SQLSTATE."""

    def __init__(self, state: str) -> None:
        super().__init__(f"An expression in a view of schema board fails (SQLSTATE {state}).")
        self.state = state


def is_of_a_row(state: str) -> bool:
    """Whether an error is a value's: bad data, or raised by a function of the board's."""
    return state.startswith(("22", "P0"))


def unreadable_row(error: ViewError) -> UnreadableRowError:
    """The error of a row for which a view fails; it holds none of the row's values, which may be a person's."""
    return UnreadableRowError(
        "row", f"cannot be read: an expression in the view fails for it (SQLSTATE {error.state})."
    )


def read_in_halves(
    relation: str, read: Callable[[Sequence[str]], list[T]], ids: Sequence[str], left_out: LeftOutRows
) -> list[T]:
    """Read rows by id, all at once; where that fails, read each half, so that only the failing rows are left out.

    Args:
        relation: Of the board, whose rows they are.
        read: Reads rows by id; raises `ViewError` where a view fails for one of them.
        ids: Of the rows, or of what several rows belong to.
        left_out: Counts what is left out.
    """
    try:
        return read(ids)
    except ViewError as error:
        if not ids:
            raise
        if len(ids) == 1:
            left_out.add(relation, ids[0], unreadable_row(error))
            return []
    half = len(ids) // 2
    return [
        row for part in (ids[:half], ids[half:]) for row in read_in_halves(relation, read, part, left_out)
    ]


@contextmanager
def raise_view_errors(driver: psycopg.Connection) -> Iterator[None]:
    """Read within a savepoint: where a view fails, raise `ViewError` and leave the transaction usable."""
    try:
        with driver.transaction():
            yield
    except psycopg.Error as error:
        if error.sqlstate is None or not is_of_a_row(error.sqlstate):
            raise
        raise ViewError(error.sqlstate) from error
