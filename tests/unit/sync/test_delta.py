"""Two ordered streams are merged: what differs is told, what is the same is not, what was refused stays so until it changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sync.definition import SyncError
from app.sync.delta import ChangedRow, ClearedRow, DeltaCounts, DeltaRules, KnownRows, RefusedRow, differences
from app.sync.values import row_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["a", "b", [1], {"k": 1}]))
SIDE = st.dictionaries(
    st.sampled_from("가나다abcdez"), st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3)
)


def told(
    rows: Mapping[str, Any],
    sent: Mapping[str, Any],
    refused: Mapping[str, bytes] | None = None,
    *,
    counts: DeltaCounts | None = None,
    **rules: Any,
) -> list[Any]:
    """What the comparison says of rows and acknowledged values, in the order of their keys."""
    ordered = sorted(rows, key=lambda key: key.encode())
    streams = [
        iter([(key, json.dumps(side[key])) for key in sorted(side, key=str.encode)]) for side in (rows, sent)
    ]
    known = KnownRows(streams[1], iter(sorted((refused or {}).items())))
    assert [key for key, _ in [(key, 0) for key in ordered]] == ordered
    return list(differences(streams[0], known, DeltaRules(kinds={}, **rules), counts or DeltaCounts()))


@given(rows=SIDE, sent=SIDE)
def test_what_is_acknowledged_and_what_is_told_make_up_the_row(
    rows: dict[str, Any], sent: dict[str, Any]
) -> None:
    for null in ("skip", "remove"):
        found = {one.key: one for one in told(rows, sent, null=null)}
        for key, values in rows.items():
            wanted = {name: value for name, value in values.items() if value is not None or null == "remove"}
            changed = found[key].values if key in found else {}
            after = {**sent.get(key, {}), **changed}
            assert {name: json.dumps(after[name]) for name in wanted} == {
                name: json.dumps(wanted[name]) for name in wanted
            }
            for name, value in changed.items():  # nothing that is there already
                assert json.dumps(sent.get(key, {}).get(name, "never")) != json.dumps(value)
        assert set(found) <= set(rows)


def test_true_is_not_one_and_one_is_one_point_nought() -> None:
    assert [one.key for one in told({"a": {"x": True}, "b": {"x": 1.0}}, {"a": {"x": 1}, "b": {"x": 1}})] == [
        "a"
    ]


def test_a_row_that_was_refused_is_told_again_only_when_it_changed_or_on_demand() -> None:
    row = {"x": "long"}
    refused = {"a": row_digest(json.dumps(row)), "gone": b"1", "mended": b"2"}
    rows = {"a": row, "mended": {"x": "b"}}
    counts = DeltaCounts()
    found = told(rows, {"mended": {"x": "b"}}, refused, counts=counts)
    assert (found, counts.still_refused) == ([ClearedRow("gone"), ClearedRow("mended")], 1)
    again = told({"a": row}, {}, refused, again=True)
    assert [type(one) for one in again] == [ChangedRow, ClearedRow, ClearedRow]


def test_a_wrong_row_is_refused_with_its_sentence_and_the_others_are_told() -> None:
    found = told(
        {"a": {"x": 2**53 + 1}, "b": {"x": 1}, "c": {"x": 5}},
        {},
        check=lambda _key, v: "five" if v["x"] == 5 else None,
    )
    assert [(type(one), one.key) for one in found] == [
        (RefusedRow, "a"),
        (ChangedRow, "b"),
        (RefusedRow, "c"),
    ]
    assert found[2].sentence == "five"


def test_what_is_gone_is_removed_from_a_catalog_and_kept_elsewhere() -> None:
    assert told({}, {"a": {"x": 1}}) == []
    assert told({}, {"a": {"x": 1}}, remove_gone=True) == [ChangedRow("a", {}, {"x": 1}, b"", gone=True)]


def test_an_item_is_told_whole_also_where_a_value_is_gone_or_nobody_knows_whether_it_arrived() -> None:
    (found,) = told({"a": {"x": 1, "y": None}}, {"a": {"x": 1, "y": 2}}, whole=True)
    assert found.values == {"x": 1}
    (found,) = told({"a": {"x": 1}}, {"a": None}, whole=True)
    assert found.values == {"x": 1}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            ["a", "a"],
            "The query gives 'a' in two rows: one member or item is one row. Aggregate, or use DISTINCT ON.",
        ),
        (["b", "a"], "The rows are not ordered by their ids: 'a' comes after 'b'."),
    ],
)
def test_two_rows_of_one_member_and_rows_out_of_order_end_it(keys: list[str], sentence: str) -> None:
    rows = iter([(key, "{}") for key in keys])
    with pytest.raises(SyncError) as refused:
        list(differences(rows, KnownRows(iter([]), iter([])), DeltaRules(kinds={}), DeltaCounts()))
    assert str(refused.value) == sentence
