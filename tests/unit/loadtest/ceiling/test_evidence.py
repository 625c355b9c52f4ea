"""Evidence as a file and as a page."""

import re
from pathlib import Path

import msgspec
import pytest

from loadtest.ceiling.environment import cpu_model, read_service_facts
from loadtest.ceiling.evidence import EvidenceFile, read_evidence, write_evidence
from loadtest.ceiling.report import html
from loadtest.errors import LoadtestError
from loadtest.rehearsal.record import Rehearsal
from tests.unit.loadtest.made import evidence

SCHEMA_DOC = Path(__file__).parents[4] / "docs" / "evidence-schema.md"


def test_evidence_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evidence.json"
    write_evidence(evidence(), path)
    assert read_evidence(path) == evidence()
    assert [left.name for left in path.parent.iterdir()] == ["evidence.json"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The evidence {path} cannot be read (No such file or directory)."),
        (b"{", "The file {path} is not evidence of version 1: Input data was truncated."),
        (b"[]", "The file {path} is not evidence of version 1: Expected `object`, got `array`."),
        (
            msgspec.json.encode(msgspec.to_builtins(evidence()) | {"version": 2}),
            "The file {path} is not evidence of version 1: Invalid enum value 2 - at `$.version`.",
        ),
        (
            msgspec.json.encode(msgspec.to_builtins(evidence()) | {"surprise": 2}),
            "The file {path} is not evidence of version 1: Object contains unknown field `surprise`.",
        ),
    ],
)
def test_a_file_that_is_no_evidence_is_refused(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "evidence.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadtestError) as refused:
        read_evidence(path)
    assert str(refused.value) == sentence.format(path=path)


@pytest.mark.parametrize("root", [EvidenceFile, Rehearsal])
def test_every_field_is_described_in_the_documentation(root: type) -> None:
    text = SCHEMA_DOC.read_text(encoding="utf-8")
    (_, definitions) = msgspec.json.schema_components([root])
    for name, definition in definitions.items():
        for field in definition.get("properties", {}):
            assert f"`{field}`" in text, f"{name}.{field}"


def test_the_page_says_the_verdict_escaped_and_fetches_nothing() -> None:
    page = html(evidence())
    assert "The service sustains 400 calls/s &lt;so far&gt;." in page
    assert re.findall(r"(?:src|href)=", page) == []
    assert page.count("<svg") == 2
    assert page.count("<circle") == 3
    assert "recovered after 4 s at half the ceiling" in page
    assert "the service was away" in page


def test_a_page_can_be_made_of_evidence_with_nothing_measured() -> None:
    page = html(evidence(steps=(), overload=None, events=(), ended="stopped"))
    assert "No step was made." in page
    assert "No step held." in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The service facts {path} cannot be read (No such file or directory)."),
        ("{", "The service facts {path} are not JSON: "),
        ("[" * 100_000, "The service facts {path} are not JSON: "),
        ("[]", "The service facts {path} are not a JSON object: write {{…}} with named facts."),
    ],
)
def test_service_facts_that_are_no_object_are_refused(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    path = tmp_path / "facts.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(LoadtestError) as refused:
        read_service_facts(path)
    assert str(refused.value).startswith(sentence.format(path=path))


def test_the_processor_is_named_even_where_it_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor: 0\nmodel name\t: A CPU\nmodel name\t: A CPU\n")
    assert cpu_model(tmp_path / "cpuinfo") == "A CPU"
    assert cpu_model(tmp_path / "none")
