"""What the double writes is Avro under Currents' paths, at least once and in no order."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from app.demo.braze.currents_files import CurrentsExport, Disorder, put_in_folder
from app.demo.braze.schemas import EMAIL
from tests.unit.demo.braze.conftest import read

if TYPE_CHECKING:
    from pathlib import Path

NOON_S = 1_795_348_800
KEY = re.compile(
    r"dataexport\.prod-01\.S3\.integration\.\w+/event_type=(?P<type>[\w.]+)/date=\d{4}-\d\d-\d\d-\d\d/(?P<version>\d+)"
    r"/prod-01/dataexport\.prod-01\.S3\.integration\.\w+\+(?P<partition>\d+)\+\d{20}\.avro"
)


def clicks(count: int) -> list[tuple[str, dict[str, Any]]]:
    return [
        (
            EMAIL + "Click",
            {
                "id": f"e{number}",
                "user_id": "u",
                "email_address": "a@example.com",
                "time": NOON_S + number,
                "send_time": NOON_S,
            },
        )
        for number in range(count)
    ]


def read_all(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [record for content in files.values() for record in read(content)]


def test_each_event_comes_at_least_once_some_twice_late_and_in_several_versions() -> None:
    files: dict[str, bytes] = {}
    export = CurrentsExport(files.__setitem__, disorder=Disorder(doubled=0.1, late=0.1))
    assert export.write(clicks(500)) == len(files)
    named = [KEY.fullmatch(key) for key in files]
    assert all(named)
    assert {match["version"] for match in named if match} == {"9", "10", "12"}
    assert len({key.split("/")[2] for key in files}) > 20  # hours, days after the clicks too
    found = read_all(files)
    seen = Counter(record["id"] for record in found)
    assert len(seen) == 500
    assert 20 < len(found) - 500 < 90
    assert {record.get("send_time") for record in found} == {NOON_S, None}
    in_file = [record["time"] for record in read(max(files.values(), key=len))]
    assert in_file != sorted(in_file)


def test_the_same_seed_gives_the_same_files_and_a_second_write_new_files(tmp_path: Path) -> None:
    first, second = (
        CurrentsExport(put_in_folder(tmp_path / "a")),
        CurrentsExport(put_in_folder(tmp_path / "b")),
    )
    for export in (first, second):
        export.write(clicks(20))

    def contents(folder: str) -> dict[str, bytes]:
        paths = (path for path in (tmp_path / folder).rglob("*") if path.is_file())
        return {str(path.relative_to(tmp_path / folder)): path.read_bytes() for path in paths}

    def records(found: dict[str, bytes]) -> dict[str, list[Any]]:
        return {key: read(content) for key, content in found.items()}

    before = contents("a")
    assert records(before) == records(contents("b"))
    count = first.write(clicks(20))
    assert len(contents("a")) == len(before) + count
