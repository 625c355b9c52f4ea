"""Why a row was refused or a run stopped is told in Korean, out of the sentences that rules and answers make."""

from __future__ import annotations

import pytest

from app.runtime.outgoing import HttpAnswer
from app.sync.answers import fate_of
from app.sync.rules import airbridge, amplitude, braze
from app.sync.values import BadRowValueError, values_of
from app.web.pages.sync_words import in_korean

LONG = "x" * 300


def _unreadable(text: str) -> str:
    with pytest.raises(BadRowValueError) as found:
        values_of(text, {"cj_a": "date", "cj_b": "number"})
    return str(found.value)


def _fate(status: int | None, body: bytes = b"") -> str:
    answer = HttpAnswer(status, {}, body, failure="no connection")
    fate = fate_of(answer, who="Braze", refused=lambda _: {}, said=lambda _: "", key="CJ_BRAZE_KEY")
    return fate.sentence


def _given_up(status: int | None) -> str:
    return f"{_fate(status).rstrip('.')}, 5 times. Run it again: what was acknowledged is kept."


SENTENCES = [
    braze.member_problem(""),
    braze.member_problem(" m"),
    braze.member_problem("m" * 1_000),
    amplitude.member_problem("unknown", least=5),
    amplitude.member_problem("m-1", least=5),
    amplitude.member_problem("m" * 2_000, least=5),
    airbridge.member_problem("m "),
    airbridge.address_problem(None),
    airbridge.address_problem("10.0.0.1"),
    airbridge.address_problem("home"),
    amplitude.properties_problem({"cj_a": "x" * 2_000}),
    braze.item_problem("p-1", {"cj_a": "x" * 10_000}),
    *(
        braze.attributes_problem({"cj_a": value}, array_items=3)
        for value in (LONG, [1, 2, 3, 4], [1, 1], [[1]], {"b": None}, {"b": LONG}, {"a.b": 1})
    ),
    _unreadable('{"cj_a": "infinity"}'),
    _unreadable('{"cj_b": 123456789012345678901234567890}'),
    "It happened more than 24 hours ago, and Airbridge takes none that old.",
    "time is no instant: an event needs its time, as timestamptz.",
    "event_key is empty: by it an event is sent once.",
    "Whether it was taken is not known, and the sync sends each event at most once.",
    *map(_fate, (400, 401, 403, 404, 418)),
    *map(_given_up, (None, 408, 502)),
    _fate(200, b"<html>"),
    f"Each of the last 500 objects was refused. {_fate(400)}",
    "Airbridge has answered 429 to one request 12 times in turn.",
    "Amplitude has left 8 requests in turn without an answer to rely on. Run it again later.",
    "It was paused by 김다은.",
    "The run was stopped.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_a_rule_says_is_told_in_korean_with_its_own_names_and_numbers(sentence: str | None) -> None:
    assert sentence
    told = in_korean(sentence)
    assert told, sentence
    assert any("가" <= letter <= "힣" for letter in told)
    if sentence.startswith("cj_"):
        assert told.startswith(sentence.partition(":")[0] + ": ")


def test_a_destinations_own_words_stay_as_they_are() -> None:
    assert in_korean("Braze refuses it: no {profile}.") == "Braze가 거부했습니다: no {profile}."
    assert in_korean("Each of the last 500 objects was refused. no {profile}") == (
        "마지막 500건이 모두 거부되어 멈췄습니다. no {profile}"
    )
    assert in_korean("Something that no rule says.") is None
