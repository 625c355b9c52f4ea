"""Some member who has a list, to look at a mail as one of many gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from app.postgres.lists.publications import select_table_in_force
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

# Percent of the table's pages to draw from; the next where that gave nobody. So a large table is never read whole.
_SAMPLED: Final = (0.01, 1, 100)


def draw_random_member(engine: Engine) -> str | None:
    """Draw the id of a member who has postings in the lists in force; None where nobody has.

    Raises:
        RegisterUnavailableError: Postgres cannot be asked now.
    """
    with planner_transaction(engine) as connection:
        table = select_table_in_force(connection)
        for percent in _SAMPLED if table is not None else ():
            member: str | None = connection.execute(
                text(f"""
                    SELECT member_id
                    FROM {table} TABLESAMPLE SYSTEM (:percent)
                    WHERE cardinality(posting_ids) > 0
                    ORDER BY random()
                    LIMIT 1
                """),
                {"percent": percent},
            ).scalar_one_or_none()
            if member is not None:
                return member
    return None
