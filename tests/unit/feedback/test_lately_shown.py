"""What mails showed since a list was made goes behind the rest of it."""

from __future__ import annotations

import pytest

from app.feedback.lately_shown import COUNTS_EVERY_S, behind, ignored_lately, since_counted_s


def rows(*each: tuple[str, str]) -> str:
    """Rows of postings shown and clicked, a letter each, numbered from 9 on."""
    return "\x1d".join(
        f"{number}\x1e" + "\x1f".join(shown) + "\x1e" + "\x1f".join(clicked)
        for number, (shown, clicked) in enumerate(each, 9)
    )


@pytest.mark.parametrize(
    ("lately", "ignored"),
    [
        (rows(("abc", "")), {"a": 0, "b": 0, "c": 0}),
        (rows(("abc", ""), ("cd", "")), {"a": 0, "b": 0, "c": 1, "d": 1}),
        (rows(("abc", ""), ("", "b")), {"a": 0, "c": 0}),
        (rows(("ab", ""), ("", "b"), ("b", "")), {"a": 0, "b": 2}),  # shown again after the click
        (rows(("", "x")), {}),
        (rows(("", "")), {}),
    ],
)
def test_what_was_clicked_since_is_not_ignored(lately: str, ignored: dict[str, int]) -> None:
    assert ignored_lately(lately) == ignored


def test_rows_come_in_any_order() -> None:
    backwards = "\x1d".join(reversed(rows(("ab", ""), ("", "b"), ("b", "")).split("\x1d")))
    assert ignored_lately(backwards) == {"a": 0, "b": 2}


def test_what_was_shown_longest_ago_comes_back_first() -> None:
    ids = list("abcdef")
    ignored = ignored_lately(rows(("ab", ""), ("cd", "")))
    assert [ids[at] for at in behind(ids, ignored, set(ignored))] == list("efabcd")
    assert behind(ids, {"x": 0}, {"x"}) == list(range(6))


def test_another_posting_of_a_job_that_was_shown_goes_behind_too() -> None:
    ids = list("abc")
    assert [ids[at] for at in behind(ids, {"a2": 0, "b": 0}, {"a", "a2", "b"})] == list("cba")


def test_sends_begin_before_or_after_the_moments_at_which_what_was_read_counts() -> None:
    eight = 1_800_000_000 // 86_400 * 86_400 + 8 * 3_600
    assert [since_counted_s(eight + late) for late in (0, 149.5, 150, 151)] == [450, 599.5, 0, 1]
    assert all(0 <= since_counted_s(eight + late * 7) < COUNTS_EVERY_S for late in range(1_000))
