"""Only what is newer than the last hours that were read is listed, and types that are not read are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from app.demo.braze.currents_files import object_key
from app.demo.braze.schemas import EMAIL
from app.intake.listing import Branch, branches, key_parts, new_objects
from app.lake.objects import LakeObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.lake.objects import Lake

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OLDEST = NOW - timedelta(days=400)


@dataclass
class CountingLake:
    """A bucket that counts what it is asked for: requests of 1,000 names, and names."""

    keys: list[str]
    prefix: str = ""
    requests: int = 0
    names: int = 0
    _sorted: list[str] = field(default_factory=list)

    def folders(self, prefix: str) -> tuple[list[str], list[LakeObject]]:
        self.requests += 1
        at = len(prefix.rstrip("/")) + 1 if prefix else 0
        below = [key for key in self.keys if not prefix or key.startswith(prefix.rstrip("/") + "/")]
        return (
            sorted({key[:at] + key[at:].split("/")[0] for key in below if "/" in key[at:]}),
            [LakeObject(key, 1, "e") for key in below if "/" not in key[at:]],
        )

    def newer(self, prefix: str, after: str = "") -> Iterator[LakeObject]:
        found = [key for key in self.keys if key.startswith(prefix) and key > after]
        self.requests += 1 + len(found) // 1000
        self.names += len(found)
        return (LakeObject(key, 1, "e") for key in found)


def keys(days: int, files_an_hour: int) -> list[str]:
    """Files of three types of the days before now."""
    found = []
    for hour in range(days * 24):
        queued = int((NOW - timedelta(hours=hour)).timestamp())
        for kind in (EMAIL + "Send", EMAIL + "Click", "users.behaviors.app.SessionStart"):
            found += [object_key(kind, 12, queued, 0, offset) for offset in range(files_an_hour)]
    return sorted(found)


def cost(all_keys: list[str]) -> tuple[int, int, int]:
    """Requests, names and files found of a run, after one that read all but the newest hour."""
    lake = CountingLake(all_keys)
    skipped: set[str] = set()
    files = 0
    for branch in branches(cast("Lake", lake), skipped):
        last = max(
            key for key in all_keys if key.startswith(branch.prefix) and f"date={NOW:%Y-%m-%d-%H}" not in key
        )
        files += len(new_objects(cast("Lake", lake), branch, last, OLDEST))
    assert skipped == {"users.behaviors.app.SessionStart"}
    return lake.requests, lake.names, files


def test_a_bucket_with_a_thousand_times_the_files_costs_no_more() -> None:
    few = cost(keys(days=4, files_an_hour=2))
    many = cost(keys(days=400, files_an_hour=2))
    assert few == many
    assert few == (
        4,
        2 * 2 * 50,
        2 * 2 * 50,
    )  # what is there, then two types: the last hour, 48 before it, and the one that is new


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", [("event_type=users.messages.email.Click", True), ("event_type=users.messages.email.Send", True)]),
        ("currents", [("event_type=users.messages.email.Click", True), ("event_type=users.messages.email.Send", True)]),
        (f"currents/event_type={EMAIL}Send", [(f"event_type={EMAIL}Send", True)]),
        (f"currents/event_type={EMAIL}Send/date=2026-11-20-09", [("prod-01", False)]),
    ],
)  # fmt: skip
def test_a_prefix_may_point_at_any_depth(prefix: str, found: list[tuple[str, bool]]) -> None:
    queued = int(NOW.timestamp())
    there = [
        f"currents/{object_key(EMAIL + kind, 12, queued, 0, 0).split('/', 1)[1]}"
        for kind in ("Send", "Click")
    ]
    lake = CountingLake(there, prefix=prefix)
    listed = [(one.prefix.rpartition("/")[2], one.by_hour) for one in branches(cast("Lake", lake), set())]
    assert listed == found


def test_another_layout_is_listed_whole() -> None:
    lake = CountingLake(["some/where/b.avro", "some/where/a.avro", "some/where/old/c.avro"])
    above, below = branches(cast("Lake", lake), set())
    assert below == Branch("some/where/old", None, by_hour=False)
    assert [
        one.key for branch in (above, below) for one in new_objects(cast("Lake", lake), branch, "x", OLDEST)
    ] == ["some/where/a.avro", "some/where/b.avro", "some/where/old/c.avro"]


@pytest.mark.parametrize("stray", ["readme.txt", "currents/_SUCCESS", "currents/z.json"])
def test_an_object_beside_brazes_folders_costs_one_look_and_not_a_listing_of_all(stray: str) -> None:
    """Incremental all the same: the files of old hours are not listed again."""
    there = [f"currents/{key}" for key in keys(days=3, files_an_hour=4)]
    looked_at = []
    for more in ([], [stray]):
        lake = CountingLake([*there, *more])
        last = max(key for key in there if f"{EMAIL}Send/" in key)
        found = {
            one.key
            for branch in branches(cast("Lake", lake), set())
            for one in new_objects(cast("Lake", lake), branch, last, OLDEST)
        }
        looked_at.append(found)
    assert looked_at[1] == looked_at[0] | {stray}


def test_a_key_tells_its_hour_and_schema_as_far_as_it_does() -> None:
    key = object_key(EMAIL + "Send", 12, int(NOW.timestamp()), 1, 5)
    assert (key_parts(key).hour, key_parts(key).schema_id) == (NOW, "12")
    assert key_parts("date=2026-13-40-09/x.avro").hour is None
    assert key_parts("x.avro").hour is None
    assert key_parts("date=2026-11-20-09/x.avro").schema_id is None


def test_the_first_run_begins_where_what_is_kept_begins() -> None:
    lake = CountingLake(keys(days=3, files_an_hour=1))
    (branch,) = [
        one for one in branches(cast("Lake", lake), set()) if (one.event_type or "").endswith("Send")
    ]
    found = new_objects(cast("Lake", lake), branch, None, NOW - timedelta(hours=5))
    assert len(found) == 6
