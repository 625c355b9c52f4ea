"""Files for Cloud Data Ingestion have what Braze reads, read back as they were, and nothing that would void them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.braze import ingestion
from app.sync.definition import SyncError
from app.sync.delta import ChangedRow

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ROWS = st.dictionaries(
    TEXTS.filter(str.strip),
    st.dictionaries(
        st.sampled_from(["a", "나", "x y"]), st.one_of(TEXTS, st.integers(-9, 9), st.none(), st.booleans())
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("kind", ingestion.FORMATS)
@given(rows=ROWS)
@settings(max_examples=25)
def test_each_line_is_an_id_and_a_json_text_whatever_stands_in_it(
    kind: Any, rows: dict[str, dict[str, Any]]
) -> None:
    changed = [ChangedRow(key, values, {}, b"") for key, values in rows.items()]
    read = ingestion.decoded(ingestion.encoded(ingestion.user_lines(changed), kind), kind)
    assert [list(line) for line in read] == [["external_id", "payload"]] * len(rows)
    assert {line["external_id"]: json.loads(line["payload"]) for line in read} == rows


def test_samples_are_as_the_pages_show_them() -> None:
    row, gone = ChangedRow("m-1", {"cj_new": 3}, {}, b""), ChangedRow("p-2", {}, {"t": 1}, b"", gone=True)
    assert (
        ingestion.encoded(ingestion.user_lines([row]), "jsonl")
        == b'{"external_id":"m-1","payload":"{\\"cj_new\\":3}"}\n'
    )
    assert (
        ingestion.encoded(ingestion.catalog_lines([gone]), "csv") == b"id,payload,deleted\r\np-2,{},true\r\n"
    )


@pytest.mark.parametrize("kind", ingestion.FORMATS)
def test_a_deletion_has_ids_and_no_payload(kind: Any) -> None:
    content = ingestion.encoded(ingestion.deletion_lines(["m-1", "m-2"]), kind)
    assert [dict(line) for line in ingestion.decoded(content, kind)] == [
        {"external_id": "m-1"},
        {"external_id": "m-2"},
    ]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            [{"external_id": "m", "payload": "{}"}] * 2,
            "Line 2 of the file names 'm' again, and lines have no order",
        ),
        ([{"external_id": "", "payload": "{}"}], "Line 1 of the file has no id"),
        (
            [{"external_id": "m", "payload": '{"external_id": "n"}'}],
            "Line 1 of the file has a payload that is none",
        ),
    ],
)
def test_what_would_void_a_file_is_not_written(lines: ingestion.Lines, sentence: str) -> None:
    with pytest.raises(SyncError, match=sentence):
        ingestion.encoded(lines, "jsonl")
