"""What mails showed a member since their list was made, put behind the rest of it in the sends that follow.

A whole refresh discounts what was shown before it (`app.recommend.scoring.discount`). What is shown after it is read with
the member's list. It counts for a send only from a set moment on (`COUNTS_EVERY_S`), which a send is either begun before or
after: so all parts, retries and workers of a send get one list, whatever is read while it goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# As the migration has it: every ten minutes, half a minute past, two minutes after those at which sends like to begin.
COUNTS_EVERY_S, COUNTS_AT_S = 600, 150
# Between rows, between a row's number, what it says was shown and what was clicked, and between ids: control characters,
# which no id contains.
ROWS, PARTS, SEPARATOR = "\x1d", "\x1e", "\x1f"


def since_counted_s(second: float) -> float:
    """How long ago, at a second since 1970, what was read began to count for new sends."""
    return (second - COUNTS_AT_S) % COUNTS_EVERY_S


def ignored_lately(rows: str) -> dict[str, int]:
    """The ids of the postings shown and not clicked since, each with the number of the mail that showed it last.

    Args:
        rows: As `MemberRow.lately` has them, in any order.
    """
    ignored: dict[str, int] = {}
    parts = [row.split(PARTS) for row in rows.split(ROWS) if row]
    parts.sort(key=lambda row: int(row[0]))
    for number, (_, shown, clicked) in enumerate(parts):
        for id_ in shown.split(SEPARATOR):
            ignored[id_] = number
        for id_ in clicked.split(SEPARATOR):
            ignored.pop(id_, None)
    ignored.pop("", None)
    return ignored


def behind(ids: Sequence[str], ignored: Mapping[str, int], same_job: Collection[str]) -> list[int]:
    """The places of a list in the order of a new send: what was not ignored, then what was, shown longest ago first.

    Args:
        ids: The list.
        ignored: As `ignored_lately` says.
        same_job: The same ids, and those of the other postings of their jobs.
    """
    latest = len(same_job) + max(ignored.values(), default=0)
    return sorted(
        range(len(ids)),
        key=lambda at: (ids[at] in same_job, ignored.get(ids[at], latest) if ids[at] in same_job else 0),
    )
