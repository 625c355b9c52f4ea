"""Tastes drawn again are those that a board's activity was drawn from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.demo.tastes import Tastes
from tests.unit.demo.conftest import NOW

if TYPE_CHECKING:
    from tests.unit.demo.conftest import Tables


@pytest.fixture(scope="module")
def tastes(board: Tables) -> Tastes:
    return Tastes.of(members=len(board.members), postings=len(board.postings), seed=3, now=NOW)


def test_what_members_applied_to_suits_them_better_than_what_others_applied_to(
    board: Tables, tastes: Tastes
) -> None:
    applied = [row for row in board.activity if row["kind"] == "apply"][:2_000]
    own = [tastes.suit(row["member_id"], [row["posting_id"]])[0] for row in applied]
    others = [
        tastes.suit(row["member_id"], [other["posting_id"]])[0]
        for row, other in zip(applied, reversed(applied), strict=True)
    ]
    assert np.mean(own) > np.mean(others) + 3


def test_subscribers_are_those_who_agreed_and_did_not_leave(board: Tables, tastes: Tastes) -> None:
    agreed = [
        row["id"]
        for row in board.members.values()
        if row["mail_consent"] == "true" and not row["withdrawn_at"]
    ]
    assert tastes.subscribers() == sorted(agreed)


def test_activity_was_on_postings_that_were_open(board: Tables, tastes: Tastes) -> None:
    rows = board.activity[:: max(1, len(board.activity) // 2_000)]
    assert all(
        tastes.is_open(row["posting_id"], int(datetime.fromisoformat(row["occurred_at"]).timestamp()))
        for row in rows
    )
    assert not tastes.is_open("of no board", 0)
