"""Clicks in mails move the lists of those who made them, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import ActivityKind, ActivityLog
from app.recommend.mailed.clicks import VISIT_S, MailedMembers, click_log, drop_visits, join_logs
from app.recommend.reasons import Reason
from app.recommend.scoring.discount import Shown

if TYPE_CHECKING:
    from app.recommend.ranked import RankedPosting
    from app.recommend.recommender import Recommender

NOW_S = int(datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp())
NOBODY = Shown.of([], now_s=NOW_S)


def clicks_of(*rows: tuple[int, int, int]) -> ActivityLog:
    """Clicks of (member, posting, second)."""
    member, posting, at = np.array(rows, np.int64).reshape(-1, 3).T
    return click_log(member.astype(np.int32), posting.astype(np.int32), at)


def done(*rows: tuple[int, int, int]) -> ActivityLog:
    """Views of (member, posting, second)."""
    log = clicks_of(*rows)
    return ActivityLog(log.member, log.posting, np.full(len(log.at), ActivityKind.VIEW, np.int8), log.at)


def left(clicks: ActivityLog) -> list[tuple[int, int, int]]:
    return list(zip(clicks.member.tolist(), clicks.posting.tolist(), clicks.at.tolist(), strict=True))


@pytest.mark.parametrize(
    ("after_s", "kept"),
    [
        (1, False),
        (-60, False),
        (VISIT_S, False),
        (-VISIT_S, False),
        (VISIT_S + 1, True),
        (-VISIT_S - 1, True),
    ],
)
def test_a_click_and_the_view_it_causes_are_one_visit(*, after_s: int, kept: bool) -> None:
    click = (3, 7, NOW_S)
    assert left(drop_visits(clicks_of(click), done((3, 7, NOW_S + after_s)))) == [click] * kept


def test_a_view_of_another_member_or_posting_takes_no_click() -> None:
    clicks = [(0, 5, NOW_S), (1, 4, NOW_S), (1, 5, NOW_S)]
    assert left(drop_visits(clicks_of(*clicks), done((0, 4, NOW_S), (1, 6, NOW_S)))) == clicks
    assert left(drop_visits(clicks_of(*clicks), done())) == clicks
    assert left(drop_visits(clicks_of(), done((0, 4, NOW_S)))) == []


def rank(
    model: Recommender, board: Any, clicks: ActivityLog, shown: Shown = NOBODY, positions: range | None = None
) -> list[list[RankedPosting]]:
    positions = positions or range(len(board.members))
    mailed = MailedMembers(model, board.activity, clicks)
    return mailed.rank(positions, board.profiles(positions), shown=shown)


def scored(lists: list[list[RankedPosting]]) -> list[list[tuple[Any, ...]]]:
    return [[(each.posting_id, each.mark, each.score, each.anchor) for each in one] for one in lists]


def test_who_was_never_mailed_keeps_their_list_to_the_bit(model: Recommender, board: Any) -> None:
    everybody = range(len(board.members))
    plain = scored(model.rank(everybody, board.members))
    shown = Shown.of([(2, posting, 3, 1, NOW_S) for posting in range(40)], now_s=NOW_S)
    mailed = scored(rank(model, board, clicks_of((5, 60, NOW_S - 60)), shown))
    assert [at for at in everybody if mailed[at] != plain[at]] == [2, 5]
    assert scored(rank(model, board, clicks_of())) == plain


def test_lists_do_not_depend_on_who_is_ranked_together(model: Recommender, board: Any) -> None:
    clicks = clicks_of((5, 60, NOW_S - 60), (55, 3, NOW_S - 60))
    shown = Shown.of([(at, at + 10, 2, 1, NOW_S) for at in range(60)], now_s=NOW_S)
    together = scored(rank(model, board, clicks, shown))
    for start in (0, 37):
        part = range(start, start + 23)
        alone = rank(model, board, clicks, shown.of_members(np.array(part)), part)
        assert scored(alone) == together[start : start + 23]


def test_what_was_clicked_may_stay_and_is_a_sign_of_taste(model: Recommender, board: Any) -> None:
    silent = next(at for at in range(50, 60) if board.members[at].categories == ("2",))
    other_trade = [at for at, posting in enumerate(board.postings) if posting.categories == ("8",)]
    clicks = clicks_of(*((silent, at, NOW_S - 86_400) for at in other_trade[:4]))
    before, after = (rank(model, board, each)[silent] for each in (clicks_of(), clicks))
    tops = [
        sum(board.postings[int(each.posting_id[1:])].categories == ("8",) for each in one[:10])
        for one in (before, after)
    ]
    assert tops[1] > tops[0]
    assert {board.postings[at].id for at in other_trade[:4]} & {each.posting_id for each in after}
    named = {Reason.SIMILAR_TO_APPLIED, Reason.SIMILAR_TO_SCRAPPED}
    assert not named & {Reason(each.reason) for each in after}  # a click is neither


def test_what_was_ignored_stands_behind_what_was_not_and_reasons_stay_true(
    model: Recommender, board: Any
) -> None:
    plain = rank(model, board, clicks_of())[0]
    place = {posting.id: at for at, posting in enumerate(board.postings)}
    ignored = [place[each.posting_id] for each in plain[:5]]
    shown = Shown.of([(0, at, 4, 1, NOW_S) for at in ignored], now_s=NOW_S)
    after = rank(model, board, clicks_of(), shown)[0]
    assert {each.posting_id for each in plain[:5]} & {each.posting_id for each in after[:5]} == set()
    assert sorted(each.posting_id for each in after) == sorted(each.posting_id for each in plain)
    untouched = [(each.posting_id, each.score) for each in plain[5:]]
    assert [(e.posting_id, e.score) for e in after if place[e.posting_id] not in ignored] == untouched


def test_logs_are_joined_in_order() -> None:
    joined = join_logs(done((0, 1, 20), (2, 1, 10)), clicks_of((0, 3, 5), (1, 1, 1)))
    assert left(joined) == [(0, 3, 5), (0, 1, 20), (1, 1, 1), (2, 1, 10)]
    assert joined.itself is not None
    assert joined.itself.tolist() == [False, True, False, True]
