"""Which run answers come from: the newest publication whose time has come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.runtime.errors import UnavailableError
from app.serving.publications import Publications
from app.serving.store import Publication
from tests.unit.serving.fakes import NOW, RUN, SECOND_RUN, FakeStore

MINUTE = timedelta(minutes=1)


def in_force(*log: Publication) -> list[int | None]:
    """The run's number at minute 0, 10 and 20."""
    store = FakeStore(log=list(log))
    publications = Publications(store)
    publications.update()
    found = [publications.in_force(NOW + minutes * MINUTE) for minutes in (0, 10, 20)]
    return [run.id if run else None for run in found]


def test_the_newest_publication_whose_time_has_come_is_in_force() -> None:
    first = Publication(1, RUN, NOW - MINUTE)
    later = Publication(2, SECOND_RUN, NOW + 15 * MINUTE)
    assert in_force() == [None, None, None]
    assert in_force(later) == [None, None, 2]
    assert in_force(first) == [1, 1, 1]
    assert in_force(later, first) == [1, 1, 2]


def test_a_rollback_is_in_force_at_once_and_for_good() -> None:
    first = Publication(1, RUN, NOW - MINUTE)
    later = Publication(2, SECOND_RUN, NOW + 15 * MINUTE)
    back = Publication(3, RUN, NOW)
    assert in_force(back, later, first) == [1, 1, 1]


def test_runs_to_come_are_those_published_after_the_one_in_force() -> None:
    first = Publication(1, RUN, NOW - MINUTE)
    later = Publication(2, SECOND_RUN, NOW + 15 * MINUTE)
    back = Publication(3, RUN, NOW)
    publications = Publications(FakeStore())
    found = []
    for log in ([], [first], [later], [later, first], [back, later, first]):
        publications.log = log
        found.append([[run.id for run in publications.coming(NOW + minutes * MINUTE)] for minutes in (0, 15)])
    assert found == [[[], []], [[], []], [[2], []], [[2], []], [[], []]]


def test_runs_that_cannot_be_read_stay_as_they_were() -> None:
    store = FakeStore()
    publications = Publications(store)
    publications.update()
    store.failing = {"publications"}
    with pytest.raises(UnavailableError):
        publications.update()
    assert publications.in_force(NOW) == RUN
