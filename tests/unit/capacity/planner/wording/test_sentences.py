"""Sentences: every code has them in both languages, and their numbers read as people write them."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.capacity.planner import ReasonCode, TooManyCalls, sentence
from app.capacity.planner.wording.catalogue import BREAKS, MEASURE_HOW, SENTENCES
from app.capacity.planner.wording.sentences import quoted, say

FOLDER = Path(__file__).parents[5] / "app" / "capacity" / "planner"
AT = datetime(2026, 11, 23, 9, 4, tzinfo=UTC)
INTERNAL = re.compile(
    r"usable|burst|render|Trial|p99|\bSLO\b|low_rps|ceiling|degraded|NoneType|\{|\}|_", re.IGNORECASE
)


def test_every_reason_has_its_sentence() -> None:
    assert set(ReasonCode) == set(SENTENCES) | set(BREAKS)
    assert set(SENTENCES).isdisjoint(BREAKS)


def test_no_reason_is_never_given() -> None:
    of_braze = [FOLDER.parent / "on_record.py", FOLDER.parents[1] / "braze" / "template_check.py"]
    files = [*(FOLDER / "verdict").glob("*.py"), *(FOLDER / "search").glob("*.py"), *of_braze]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert {code.name for code in ReasonCode if f"ReasonCode.{code.name}" not in source} == set()


@pytest.mark.parametrize("said", [*SENTENCES.values(), *BREAKS.values(), MEASURE_HOW])
def test_a_sentence_has_no_word_of_ours_and_the_same_numbers_in_both_languages(said: tuple[str, str]) -> None:
    korean, english = said
    fields = [sorted(re.findall(r"\{(\w+)(?!\w|:1 )", text)) for text in (korean, english)]
    assert fields[0] == fields[1]
    plain = [re.sub(r"\{[^}]*\}|`[^`]*`|\(abort_message\)", "", text) for text in (korean, english)]
    assert not any(INTERNAL.search(text) for text in plain)
    assert all(text == "" or text.rstrip().endswith(".") for text in (korean, english))


@pytest.mark.parametrize("said", [*SENTENCES.values(), *BREAKS.values(), MEASURE_HOW])
def test_a_noun_agrees_with_its_count(said: tuple[str, str]) -> None:
    """The end of a range is never one."""
    loose = re.findall(
        r"(?<! to )\{\w+:n\} (?:calls?|days|hours|members|messages|minutes|servers|times)\b", said[1]
    )
    assert [one for one in loose if f"to {one}" not in said[1]] == []


def test_one_of_anything_is_no_more() -> None:
    waits = say("en", *SENTENCES[ReasonCode.ABORT_72H], speed="At this speed", aborted=1, hours=72)
    assert waits == "At this speed, 1 message waits for 72 hours and Braze aborts it."
    many = say("en", *SENTENCES[ReasonCode.ABORT_72H], speed="At this speed", aborted=1_200, hours=1)
    assert many == "At this speed, 1,200 messages wait for 1 hour and Braze aborts them."


def test_many_names_are_counted() -> None:
    assert quoted(["a", "b", "c", "d", "e"], "ko") == "‘a’, ‘b’, ‘c’ 외 2개"
    assert quoted(["a", "b", "c", "d", "e"], "en") == '"a", "b", "c" and 2 more'


def test_what_breaks_is_said_after_the_numbers() -> None:
    def too_many(breaks: ReasonCode) -> TooManyCalls:
        return TooManyCalls(
            breaks, limit_per_min=None, peak_rps=3_334, usable_rps=2_800.0, at=AT, others=("digest",)
        )

    assert sentence(too_many(ReasonCode.DATABASE), "ko") == (
        "속도 제한 없이 보내면 11월 23일 09:04에 1초 동안 최대 3,334건을 호출합니다. 쓸 수 있는 한도는 초당 2,800건입니다. "
        "같은 때 ‘digest’도 나갑니다. 이를 넘기면 데이터베이스가 따라가지 못해 맞춤 공고 대신 인기 공고가 나갑니다."
    )
    assert sentence(too_many(ReasonCode.CUT_OFFS), "en") == (
        "Without a speed limit, up to 3,334 calls come in one second at 09:04 on 23 Nov; 2,800 may be planned on. "
        '"digest" is sent then, too. Beyond that, calls are cut off after 2 seconds.'
    )
