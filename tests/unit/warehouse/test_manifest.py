"""What is written and removed follows from the manifest, what lies there, and the days as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.warehouse.manifest import (
    Manifest,
    PartState,
    WarehouseError,
    key_of,
    older_versions,
    read_manifest,
    to_remove,
    to_write,
)

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
YESTERDAY, TODAY = ("clicks", date(2026, 11, 23)), ("clicks", date(2026, 11, 24))


def manifest_of(*parts: tuple[str, date]) -> Manifest:
    found = Manifest(format="parquet", exported_at=NOW)
    for part in parts:
        found.put(part, PartState(state="a", as_of=NOW, rows=1, size=10, day_over=False))
    return found


def test_a_manifest_comes_back_as_it_was_and_knows_which_days_are_over() -> None:
    content = manifest_of(TODAY, YESTERDAY).encoded(NOW)
    found = read_manifest(content)
    assert [found.part(part).day_over for part in (YESTERDAY, TODAY)] == [True, False]  # type: ignore[union-attr]
    assert found.encoded(NOW) == content
    assert list(found.tables) == ["exposures", "clicks", "outcomes", "sends", "results"]


@pytest.mark.parametrize(
    ("state", "size", "asked", "written"),
    [
        ("a", 10, "what changed", []),
        ("b", 10, "what changed", [YESTERDAY]),  # the day changed
        ("a", 9, "what changed", [YESTERDAY]),  # somebody cut the file
        ("a", None, "what changed", [YESTERDAY]),  # somebody took it away
        ("a", 10, "all", [YESTERDAY]),
    ],
)
def test_a_day_is_written_if_it_changed_or_its_file_did(
    state: str, size: int | None, asked: str, written: list[tuple[str, date]]
) -> None:
    sizes = {} if size is None else {key_of(YESTERDAY, "parquet"): size}
    found = to_write({YESTERDAY: state}, manifest_of(YESTERDAY), sizes, everything=asked == "all")
    assert found == written


def test_only_files_of_ours_are_removed() -> None:
    keep = key_of(TODAY, "parquet")
    gone = key_of(YESTERDAY, "parquet")
    strange = [
        "v1/manifest.json", "v1/clicks/day=2026-11-23/clicks.csv", "v1/clicks/day=2026-11-23/mine.parquet", "notes.txt",
        "v0/clicks/day=2026-11-23/clicks.parquet", "v1/clicks/day=2026-11-23/more/clicks.parquet", f"old/{gone}",
    ]  # fmt: skip
    assert to_remove({TODAY: "a"}, "parquet", dict.fromkeys([keep, gone, *strange], 1)) == [gone]
    assert older_versions({"v0", "v1", "v2", "vx", "v0.bak", "manifest.json"}) == ["v0"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff" * 30, b"[" * 100_000, b"[]", b'{"format": "xml"}', b'{"format": "csv", "exported_at": 3}'],
    ids=["empty", "cut", "bytes", "deep", "list", "format", "time"],
)  # fmt: skip
def test_what_is_no_manifest_is_one_sentence(content: bytes) -> None:
    with pytest.raises(WarehouseError) as caught:
        read_manifest(content)
    assert (
        str(caught.value)
        == "v1/manifest.json is no manifest of an export: remove it, and all is exported again."
    )


def test_a_manifest_of_another_version_is_one_sentence() -> None:
    with pytest.raises(WarehouseError) as caught:
        read_manifest(b'{"schema_version": 3, "format": "csv", "exported_at": "2026-11-20T00:00:00Z"}')
    assert str(caught.value) == (
        "v1/manifest.json says that its files are of schema version 3, and v1 is for version 1: export to another place, "
        "or remove v1 and all is exported again."
    )
