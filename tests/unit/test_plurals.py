"""Counts agree with their nouns."""

from __future__ import annotations

import pytest

from app.plurals import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 postings"), (1, "1 posting"), (2, "2 postings"), (12_000, "12,000 postings")]
)
def test_a_noun_agrees_with_its_count(count: int, text: str) -> None:
    assert counted(count, "posting") == text


def test_words_that_agree_come_with_the_noun() -> None:
    assert counted(1, "posting is", "postings are") == "1 posting is"
    assert counted(3, "posting is", "postings are") == "3 postings are"
