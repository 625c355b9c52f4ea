"""What a call does not wait for once Postgres failed it."""

from __future__ import annotations

from tests.unit.serving.fakes import posting, row
from tests.unit.serving.test_answering import Desk, ids


def desk_with_a_short_list() -> Desk:
    desk = Desk().open()
    desk.store.put(posting("a", "1"))
    desk.store.rows["m"] = row("a")
    return desk


def test_a_call_answered_from_a_stale_list_reads_nothing_more() -> None:
    desk = desk_with_a_short_list()
    desk.ask()
    desk.cards.view.pop("a")
    desk.store.failing.add("member_row")
    desk.store.asked.clear()
    found = desk.ask()
    assert (desk.store.asked, found.degraded, len(ids(found))) == (["member_row"], "postgres", 3)


def test_while_calls_are_held_back_cards_are_not_read_either() -> None:
    desk = desk_with_a_short_list()
    for _ in range(3):
        desk.breaker.record_failure()
    assert desk.breaker.allows_call() is False
    found = desk.ask()
    assert (desk.store.asked, desk.failures) == ([], ["held back"])
    assert (found.source, found.degraded, len(ids(found))) == ("popular", "postgres", 3)
