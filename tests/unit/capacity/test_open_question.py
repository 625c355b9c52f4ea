"""What a question leaves open is what it asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.open_question import FEWEST, Question, largest_audience
from app.capacity.plan.json_values import DefinitionError

ASKED = {"name": "a", "kind": "rate_limited", "at": "2026-11-23T09:00:00", "finish_by": "2026-11-23T10:00:00"}


@given(most=st.integers(0, 200_000_000))
def test_the_largest_audience_is_found_to_three_digits_in_a_dozen_questions(most: int) -> None:
    asked: list[int] = []

    def fits(audience: int) -> bool:
        asked.append(audience)
        return audience <= most

    found = largest_audience(fits)
    assert len(asked) <= 14
    assert max(asked) <= 100_000_000
    if most < FEWEST:
        assert found is None
        return
    assert found is not None
    assert found <= most
    assert found > min(most, 100_000_000) * 0.99 - 1
    assert found == float(f"{found:.2e}") or found < 1_000


@pytest.mark.parametrize(
    ("table", "speed", "audience"),
    [
        ({**ASKED, "limit_per_min": 100, "audience": 5}, False, False),
        ({**ASKED, "audience": 5}, True, False),
        (ASKED, True, True),
        ({**ASKED, "kind": "at_once"}, False, True),
    ],
)
def test_what_is_missing_is_what_is_asked(table: dict[str, object], *, speed: bool, audience: bool) -> None:
    question = Question(table)
    assert (question.open_speed, question.open_audience) == (speed, audience)
    settled = question.settled(audience=70, limit_per_min=50)
    assert settled["audience"] == (70 if audience else 5)
    assert settled.get("limit_per_min") == (50 if speed else table.get("limit_per_min"))
    assert question.settled().get("kind") == ("at_once" if speed else table["kind"])


def test_an_audience_is_asked_for_only_until_an_end() -> None:
    with pytest.raises(DefinitionError) as refused:
        Question({name: value for name, value in ASKED.items() if name != "finish_by"}).settled()
    assert refused.value.field == "finish_by"
