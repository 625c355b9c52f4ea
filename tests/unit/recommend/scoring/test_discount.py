"""What is taken off the score of a posting that was shown and ignored."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from app.recommend.scoring.discount import DEFAULT_DISCOUNT, SHOWN_WITHIN_DAYS, Ignored, Shown
from app.recommend.scoring.pairs import pairs_of

DAY_S = 86_400
NOW_S = 1_800_000_000
MEMBERS = np.array([0, 1])


def off(*rows: tuple[int, int, int, int, float], postings: int = 4) -> list[list[float]]:
    """Discounts of two members' first postings; rows are (member, posting, times, highest, days ago)."""
    shown = Shown.of([(*row[:4], round(NOW_S - row[4] * DAY_S)) for row in rows], now_s=NOW_S)
    every = np.arange(postings)
    found = shown.discount(pairs_of([every, every], every), MEMBERS, DEFAULT_DISCOUNT)
    return [[float(each) for each in row] for row in found.reshape(2, postings)]


def test_only_what_was_shown_to_the_member_is_discounted() -> None:
    found = off((1, 2, 1, 5, 7))
    assert found[0] == [0, 0, 0, 0]
    assert [each > 0 for each in found[1]] == [False, False, True, False]
    assert off() == [[0] * 4] * 2


def test_a_discount_grows_with_how_often_how_lately_and_how_high() -> None:
    rising = [
        off((0, 0, *how))[0][0]
        for how in ((1, 9, 30), (1, 9, 20), (2, 9, 20), (2, 9, 1), (2, 3, 1), (8, 1, 0))
    ]
    assert all(less < more for less, more in pairwise(rising))


def test_what_was_shown_long_ago_is_as_if_it_never_was() -> None:
    assert off((0, 0, 9, 1, SHOWN_WITHIN_DAYS + 1))[0][0] == 0
    assert off((0, 0, 9, 1, SHOWN_WITHIN_DAYS - 1))[0][0] > 0


def test_postings_of_one_job_count_as_one_in_whatever_order_they_come() -> None:
    apart = [(0, 3, 1, 7, 14), (0, 3, 2, 2, 3), (1, 0, 1, 1, 1)]
    assert off(*apart) == off(*reversed(apart)) == off((0, 3, 3, 2, 3), (1, 0, 1, 1, 1))


def test_pairs_of_some_members_are_under_their_places_among_these() -> None:
    shown = Shown.of([(member, member, 1, 1, NOW_S) for member in range(5)], now_s=NOW_S)
    some = shown.of_members(np.array([1, 4]))
    assert (some.member.tolist(), some.posting.tolist()) == ([0, 1], [1, 4])
    assert len(shown.of_members(np.array([], np.int64)).member) == 0


def test_each_sign_has_its_weight() -> None:
    shown = Shown.of([(0, 0, 3, 2, NOW_S)], now_s=NOW_S)
    pairs = pairs_of([np.arange(1)], np.arange(1))
    assert {sign: round(float(each[0]), 4) for sign, each in shown.signs(pairs, MEMBERS[:1]).items()} == {
        Ignored.TIMES: 1.3863,
        Ignored.LATELY: 1.0,
        Ignored.HIGH: 1.0,
    }
    none = dict.fromkeys(Ignored, 0.0)
    assert shown.discount(pairs, MEMBERS[:1], none | {Ignored.HIGH: 2.0}).tolist() == [2.0]
