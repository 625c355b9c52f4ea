"""Texts are told apart by their words."""

from __future__ import annotations

import pytest

from app.recommend.features.tokens import tokenise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("백엔드 개발자", {"백엔드", "백엔", "엔드", "개발자", "개발", "발자"}),
        ("C++/Node.js", {"c++", "node.js"}),
        ("MD 10년", {"md", "10", "년"}),
        ("  ", set()),
        ("Engineer.", {"engineer"}),
    ],
)
def test_words_are_whole_words_and_pairs_of_korean_syllables(text: str, expected: set[str]) -> None:
    assert tokenise(text) == expected
