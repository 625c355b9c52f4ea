"""One application, one credit: the strongest kind, then the last touch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.feedback.attribution import BASES, Touch, Windows, credit

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def touch(before: timedelta, *, click: bool = True, same: bool = True, rid: str = "r") -> Touch:
    return Touch(at=AT - before, click=click, same_posting=same, rid=rid, campaign="weekly-digest")


@pytest.mark.parametrize(
    ("given_touch", "basis"),
    [
        (touch(timedelta()), "clicked"),
        (touch(7 * DAY), "clicked"),
        (touch(7 * DAY + timedelta(seconds=1)), None),
        (touch(-timedelta(seconds=1)), None),
        (touch(3 * DAY, click=False), "seen"),
        (touch(3 * DAY + timedelta(seconds=1), click=False), None),
        (touch(24 * HOUR, same=False), "drawn"),
        (touch(24 * HOUR + timedelta(seconds=1), same=False), None),
        (touch(HOUR, click=False, same=False), None),
    ],
)
def test_each_kind_has_its_window(given_touch: Touch, basis: str | None) -> None:
    found = credit(AT, [given_touch])
    assert (found and found.basis) == basis


def test_a_click_on_the_posting_goes_before_a_later_mail_and_a_later_click_elsewhere() -> None:
    clicked, seen, drawn = (
        touch(6 * DAY, rid="a"),
        touch(HOUR, click=False, rid="b"),
        touch(HOUR, same=False, rid="c"),
    )
    for some in permutations([clicked, seen, drawn]):
        found = credit(AT, some)
        assert found is not None
        assert (found.touch.rid, found.basis, found.lag) == ("a", "clicked", 6 * DAY)
    second = credit(AT, [drawn, seen])
    assert second is not None
    assert second.basis == "seen"


def test_of_two_mails_the_last_has_the_credit() -> None:
    found = credit(AT, [touch(5 * DAY, rid="a"), touch(2 * DAY, rid="b"), touch(3 * DAY, rid="c")])
    assert found is not None
    assert found.touch.rid == "b"


@given(
    st.lists(
        st.builds(
            Touch,
            at=st.integers(-48, 240).map(lambda hours: AT - hours * HOUR),
            click=st.booleans(),
            same_posting=st.booleans(),
            rid=st.sampled_from("abc"),
            campaign=st.just("weekly-digest"),
            arm=st.just(""),
        ),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_the_credit_is_one_that_no_other_touch_goes_before(touches: list[Touch]) -> None:
    found = credit(AT, touches)
    assert found == credit(AT, reversed(touches))
    windows = Windows()
    fitting = [
        (BASES.index(one.basis), AT - one.at)
        for one in touches
        if one.basis and timedelta() <= AT - one.at <= getattr(windows, one.basis)
    ]
    assert (None if found is None else (BASES.index(found.basis), found.lag)) == min(fitting, default=None)


def test_windows_are_parameters() -> None:
    short = Windows(clicked=HOUR, seen=timedelta(), drawn=2 * HOUR)
    assert short.longest == 2 * HOUR
    assert credit(AT, [touch(2 * HOUR)], short) is None
