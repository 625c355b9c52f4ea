"""Every reason is a sentence in both languages, about the same names."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from app.feedback.experiments.refusals import ExperimentError, Refusal


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("refusal", list(Refusal))
def test_both_sentences_are_whole_and_name_the_same_things(refusal: Refusal) -> None:
    english, korean = refusal.value
    assert places(korean) == places(english)
    assert re.search("[가-힣]", korean)
    assert not re.search("[가-힣]", english)
    assert (english[-1], korean[-1]) == (".", ".")


def test_an_error_says_its_sentence_with_names_in_it() -> None:
    error = ExperimentError(Refusal.STOPPED, name="{x}", day="2026-01-02")
    assert str(error) == "The experiment '{x}' was stopped on 2026-01-02."
    assert error.said("ko") == "이름이 '{x}'인 실험은 2026-01-02에 이미 멈췄습니다."
