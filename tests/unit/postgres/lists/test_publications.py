"""Which runs a log of publications needs, and which lie behind the one in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.postgres.lists.publications import LogEntry, PublicationLog

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def log_of(*lines: tuple[int, int]) -> PublicationLog:
    """A log from (run, minutes from now) in the order of publishing; runs of a negative number are dropped."""
    return PublicationLog(
        [LogEntry(abs(run), NOW + timedelta(minutes=at), run > 0) for run, at in reversed(lines)], NOW
    )


@pytest.mark.parametrize(
    ("lines", "needed", "behind"),
    [
        ([], [], []),
        ([(1, -60)], [1], []),
        ([(1, -60), (2, -1)], [2, 1], [1]),
        ([(1, -60), (2, -60), (3, -1)], [3, 2], [2]),
        ([(1, -60), (2, -59), (3, -1)], [3, 2], [2, 1]),
        ([(-1, -60), (2, -59), (3, -1)], [3, 2], [2]),
        ([(1, -60), (2, -59), (3, 10)], [3, 2, 1], [1]),
        ([(1, -60), (2, -59), (3, 10), (4, 20)], [4, 3, 2, 1], [1]),
        ([(1, -60), (2, -59), (1, -30)], [1], []),
        ([(1, -60), (2, -59), (3, -58), (2, -30)], [2, 1], [1]),
        ([(1, -60), (2, -59), (3, 10), (2, -1)], [2, 1], [1]),
        ([(1, -60), (2, -59), (1, -30), (2, -20)], [2, 1], [1]),
        ([(1, -60), (2, -59), (1, -30), (3, -20)], [3, 1], [1]),
        ([(1, -60), (2, -59), (1, -30), (3, 5)], [3, 1], []),
        ([(1, -60), (2, -30), (3, -40), (4, -1)], [4, 3], [3, 1]),
    ],
    ids=[
        "nothing published",
        "one run",
        "the run before stays",
        "one that another overtook at once was never in force",
        "older ones do not stay",
        "what was dropped is not there to go back to",
        "a coming run, the one in force and the one before",
        "two coming runs",
        "rolled back: the run left is not behind",
        "rolled back once of twice",
        "a coming run that was withdrawn",
        "forward again",
        "a refresh after a rollback goes back to where that went",
        "a refresh that waits after a rollback",
        "a later publication that came into force earlier",
    ],
)
def test_which_runs_are_needed_and_which_are_behind_the_one_in_force(
    lines: list[tuple[int, int]], needed: list[int], behind: list[int]
) -> None:
    log = log_of(*lines)
    assert (log.needed(), log.behind()) == (needed, behind)
