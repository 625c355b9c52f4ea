"""What a row's JSON holds, and what of it cannot be sent."""

from __future__ import annotations

import pytest

from app.sync.values import MOST_NESTED, BadRowValueError, values_of


@pytest.mark.parametrize("layers", [MOST_NESTED + 2, 400, 900, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"k":', "}")])
def test_a_value_nested_beyond_all_destinations_is_one_bad_row(layers: int, begin: str, end: str) -> None:
    text = '{"id": "m-1", "deep": ' + begin * layers + "1" + end * layers + "}"
    with pytest.raises(
        BadRowValueError, match=r"is nested more than 50 deep: flatten it, or cast it to text\.$"
    ):
        values_of(text, {"id": "text", "deep": "json"})


def test_what_destinations_take_nests_no_deeper() -> None:
    text = '{"deep": ' + "[" * MOST_NESTED + "]" * MOST_NESTED + "}"
    assert str(values_of(text, {"deep": "json"})["deep"]).count("[") == MOST_NESTED
