"""What must never be shown, what a company may take of a list, and how a list is filled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.credentials import CREDENTIAL_POLL_S
from app.settings import Settings
from tests.web.board import CUTOFF, VETOED
from tests.web.service import serving

if TYPE_CHECKING:
    from tests.web.service import Service

LAST_MOMENT = datetime(2025, 1, 15, 14, 59, 59, 999_999, tzinfo=UTC)  # of the day in Seoul
PROMISED_S = 30.0
CLOSINGS = [
    "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = %s",
    "UPDATE board.posting SET status = 'hidden', updated_at = now() WHERE id = %s",
    "UPDATE board.posting SET deadline = '2025-01-14', updated_at = now() WHERE id = %s",
]


def change(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), values)


def test_a_members_list_is_vetoed_spread_and_filled(reader: Service) -> None:
    """Closed, hidden, past and applied-to are out; a company's third waits behind; the shelf fills what is left."""
    found = reader.answer("m-list", limit=12)
    assert found["source"] == "personalized"
    assert [posting["id"] for posting in found["postings"]] == [
        *("p-later", "p-01", "p-02", "p-06", "p-today", "p-tomorrow"),  # the list, at most two of a company
        *("p-04", "p-07", "p-08", "p-09", "p-10", "p-12"),  # the shelf, under the same cap
    ]
    assert reader.ids("m-list", limit=50)[12:] == [
        "p-03",
        "p-05",
        "p-11",
    ]  # what companies have beyond their two


def test_who_applied_to_a_company_may_see_all_of_it(reader: Service) -> None:
    assert reader.ids("m-asked", limit=5) == ["p-01", "p-02", "p-03", "p-06", "p-07"]


@pytest.mark.parametrize("member_id", ["m-list", "m-vetoed", "m-bare", "m-profile", "m-withdrawn", "nobody"])
def test_what_is_vetoed_is_in_nobodys_answer(reader: Service, member_id: str) -> None:
    assert not set(VETOED) & set(reader.ids(member_id, limit=50))


def test_what_a_member_applied_to_never_comes_back(reader: Service) -> None:
    """Since the lists were made, before, and where there is no list: not from the list and not from the shelf."""
    assert not {"p-before", "p-since"} & set(reader.ids("m-list", limit=50))
    assert "p-01" not in reader.ids("m-bare", limit=50)
    assert {"p-before", "p-since", "p-01"} <= set(reader.ids("nobody", limit=50))


def test_a_posting_is_shown_until_its_last_day_ends_in_seoul(service: Service) -> None:
    service.now = LAST_MOMENT
    labels = {p["id"]: (p["days_left"], p["deadline_label"]) for p in service.answer("m-list")["postings"]}
    assert (labels["p-today"], labels["p-tomorrow"], labels["p-later"]) == (
        (0, "오늘 마감"),
        (1, "D-1"),
        (10, "D-10"),
    )
    service.now = LAST_MOMENT + timedelta(microseconds=1)
    labels = {p["id"]: (p["days_left"], p["deadline_label"]) for p in service.answer("m-list")["postings"]}
    assert "p-today" not in labels
    assert (labels["p-tomorrow"], labels["p-later"]) == ((0, "오늘 마감"), (9, "D-9"))


def test_a_posting_whose_deadline_has_a_time_is_shown_until_that_second(
    service: Service, board_url: str
) -> None:
    change(
        board_url,
        "UPDATE board.posting SET deadline_time = '18:00', updated_at = now() WHERE id = %s",
        "p-today",
    )
    service.run_tasks()
    six = LAST_MOMENT.replace(hour=9, minute=0, second=0, microsecond=0)  # in UTC, 18:00 in Seoul
    service.now = six - timedelta(microseconds=1)
    labels = {p["id"]: (p["days_left"], p["deadline_label"]) for p in service.answer("m-list")["postings"]}
    assert labels["p-today"] == (0, "오늘 18시 마감")
    service.now = six
    assert "p-today" not in service.ids("m-list", limit=50)
    assert "p-today" not in service.ids("nobody", limit=50)


def test_postings_whose_company_is_not_told_are_shown_and_are_no_company_together(
    service: Service, board_url: str
) -> None:
    change(
        board_url,
        "UPDATE board.posting SET company_id = NULL, updated_at = now() WHERE id = ANY(%s)",
        ["p-01", "p-02", "p-03"],
    )
    service.run_tasks()
    shown = service.answer("m-asked", limit=3)["postings"]
    assert [(p["id"], p["company"]) for p in shown] == [(f"p-0{n}", "비공개") for n in (1, 2, 3)]


@pytest.mark.parametrize("closing", CLOSINGS)
@pytest.mark.parametrize(("member_id", "posting_id"), [("m-list", "p-later"), ("nobody", "p-12")])
def test_a_closing_is_known_after_one_round_of_the_watch(
    service: Service, board_url: str, member_id: str, posting_id: str, closing: str
) -> None:
    """For postings kept for a list and for those of the shelves alike."""
    assert posting_id in service.ids(member_id, limit=50)
    change(board_url, closing, posting_id)
    service.run_tasks()
    assert posting_id not in service.ids(member_id, limit=50)


def test_an_edit_and_a_reopening_are_known_after_one_round_of_the_watch(
    service: Service, board_url: str
) -> None:
    assert "p-closed" not in service.ids("m-list", limit=50)
    change(
        board_url,
        "UPDATE board.posting SET status = 'open', title = '다시 열린 공고', updated_at = now() WHERE id = 'p-closed'",
    )
    service.run_tasks()
    titles = {posting["id"]: posting["title"] for posting in service.answer("m-list", limit=50)["postings"]}
    assert titles["p-closed"] == "다시 열린 공고"


def test_a_closing_committed_late_is_still_seen(service: Service, board_url: str) -> None:
    """`updated_at` is set when a transaction begins, so the watch looks back a while at each round."""
    assert "p-later" in service.ids("m-list")
    with psycopg.connect(board_url) as slow:
        slow.execute("UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-later'")
        service.run_tasks()
        service.run_tasks()
        assert "p-later" in service.ids("m-list")
    service.run_tasks()
    assert "p-later" not in service.ids("m-list")


def test_the_watch_and_the_kept_lists_are_quick_enough_for_the_promise() -> None:
    settings = Settings()
    statement_s = settings.deadline_ms / 1000
    assert settings.poll_s + statement_s < PROMISED_S
    assert settings.list_fresh_s + statement_s < PROMISED_S
    assert CREDENTIAL_POLL_S + statement_s < PROMISED_S


def test_an_application_is_known_at_the_next_call(service: Service, board_url: str) -> None:
    assert "p-01" in service.ids("m-list")
    change(
        board_url,
        "INSERT INTO board.activity VALUES ('m-list', 'p-01', 'apply', %s)",
        CUTOFF + timedelta(hours=2),
    )
    assert "p-01" not in service.ids("m-list", limit=50)


def test_a_list_that_is_kept_is_vetoed_anew_each_time(board_url: str) -> None:
    with serving(board_url, list_fresh_s=3_600) as service:
        assert "p-later" in service.ids("m-list")
        change(
            board_url, "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-later'"
        )
        service.run_tasks()
        assert "p-later" not in service.ids("m-list")


def test_a_posting_that_was_deleted_leaves_a_gap_that_is_filled(board_url: str) -> None:
    change(board_url, "DELETE FROM board.posting WHERE id = 'p-later'")
    with serving(board_url) as service:
        assert service.ids("m-list", limit=5) == ["p-01", "p-02", "p-06", "p-today", "p-tomorrow"]


def test_a_board_with_nothing_to_show_answers_with_no_postings(board_url: str) -> None:
    change(board_url, "UPDATE board.posting SET status = 'closed'")
    with serving(board_url) as service:
        found = service.answer("m-list")
        assert (found["count"], found["postings"], found["source"], found["degraded"]) == (
            0,
            [],
            "popular",
            None,
        )
