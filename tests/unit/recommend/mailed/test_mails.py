"""Which mails teach, and what had been ignored before them."""

from __future__ import annotations

import numpy as np

from app.recommend.mailed.mails import Mail, last_clicked_mails
from app.recommend.scoring.discount import Ignored

DAY_S = 86_400
OPEN = np.ones(20, np.bool_)


def test_the_last_clicked_mail_teaches_by_what_earlier_ones_showed() -> None:
    mails = [
        Mail(4, 0, (1, 2, 3), ()),
        Mail(4, 7 * DAY_S, (2, 1, 5), (5,)),
        Mail(4, 14 * DAY_S, (2, 5, 9), (9,)),
        Mail(4, 21 * DAY_S, (2, 5, 9), ()),
    ]
    (one,) = last_clicked_mails(mails, OPEN)
    assert (one.member, one.sent_s, one.job.tolist(), one.position.tolist(), one.chosen) == (
        4,
        14 * DAY_S,
        [2, 5, 9],
        [1, 2, 3],
        2,
    )
    assert one.ignored[Ignored.LATELY].tolist() == [0.5, 0, 0]  # a click ends the count, and the third is new
    assert np.exp(one.ignored[Ignored.TIMES]).round(3).tolist() == [3, 1, 1]
    assert one.ignored[Ignored.HIGH].tolist() == [1, 0, 0]


def test_closed_postings_are_no_alternatives_and_each_click_is_one_choice() -> None:
    open_ = OPEN.copy()
    open_[3] = False
    mails = [Mail(0, 0, (7,), ()), Mail(0, 1, (1, 3, -1, 2, 4), (3, 2, 4))]
    (one,) = last_clicked_mails(mails, open_)
    assert (one.job.tolist(), one.position.tolist(), one.chosen) == ([1, 2], [1, 4], 1)


def test_a_first_mail_and_one_without_a_choice_teach_nothing() -> None:
    assert last_clicked_mails([Mail(0, 0, (1, 2), (1,))], OPEN) == []
    assert last_clicked_mails([Mail(0, 0, (1, 2), ()), Mail(0, 1, (1, 2), (1, 2))], OPEN) == []
    assert last_clicked_mails([Mail(0, 0, (1,), ()), Mail(1, 1, (1, 2), (1,))], OPEN) == []
    assert last_clicked_mails([], OPEN) == []
