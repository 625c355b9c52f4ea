"""Avro files of Currents: events of one type and schema version, under the path that Currents gives them.

Source: docs/user_guide/data/distribution/braze_currents/setting_up_currents/event_delivery_semantics and .../faq (the layout of
paths; at least once; every 5 minutes or 15,000 events; the path's hour is when an event was queued, not when it happened).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from fastavro import parse_schema, writer

from app.demo.braze.schemas import VERSIONS, Version, has_event, schema
from app.demo.random_draws import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy as np

    CurrentsEvent: TypeAlias = tuple[str, Mapping[str, Any]]  # its type, and its fields by name
    Put: TypeAlias = Callable[[str, bytes], object]  # an object's key and its bytes

MOST_EVENTS: Final = 15_000
CLUSTER: Final = "prod-01"
INTEGRATION: Final = "6512f0a1b2c3d4e5f6a7b8c9"
# Assumptions. CODECS: Braze names none; its samples are uncompressed, and Avro allows others. A version is rolled out
# partition by partition, so that one hour has files of several versions, and both copies of an event may differ in fields.
CODECS: Final = ("null", "deflate")
_LATE_S: Final = (86_400, 3 * 86_400)
_AGAIN_S: Final = (1, 7_200)  # from an event's first copy to its second
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Disorder:
    """How far delivery is from once and in order; shares of events. Assumed: Braze says that each happens, not how often.

    Attributes:
        doubled: Written a second time, with the same `id`, to a later file.
        late: Queued one to three days after they happened.
        usual_delay_s: The longest that others wait to be queued.
    """

    doubled: float = 0.02
    late: float = 0.01
    usual_delay_s: int = 1_800


def avro_file(
    event_type: str, version: Version, records: Sequence[Mapping[str, Any]], codec: str = "null"
) -> bytes:
    """An Avro file of records; fields that the version does not know are left out, absent optional ones are null."""
    out = BytesIO()
    writer(out, parse_schema(schema(event_type, version)), records, codec=codec)
    return out.getvalue()


def object_key(event_type: str, version: int, queued_s: int, partition: int, offset: int) -> str:
    """Where Currents puts a file below its prefix; `queued_s` is in seconds since 1970 UTC."""
    hour = datetime.fromtimestamp(queued_s, UTC).strftime("%Y-%m-%d-%H")
    name = f"dataexport.{CLUSTER}.S3.integration.{INTEGRATION}"
    return f"{name}/event_type={event_type}/date={hour}/{version}/{CLUSTER}/{name}+{partition}+{offset:020d}.avro"


def put_in_folder(folder: Path) -> Put:
    """Puts objects into a folder, each whole or not at all."""

    def put(key: str, content: bytes) -> None:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.rename(path)

    return put


@dataclass(slots=True)
class CurrentsExport:
    """A Currents integration: takes events in any order, and writes them as files late, doubled and out of order.

    The same seed and events give the same files. Offsets grow from one `write` to the next, so no file is written over.
    """

    put: Put
    seed: int = 1
    disorder: Disorder = field(default_factory=Disorder)
    _offsets: dict[int, int] = field(default_factory=dict)
    _writes: int = 0

    def write(self, events: Iterable[CurrentsEvent], *, until_s: int | None = None) -> int:
        """Write files of some events, as they lie there at `until_s` (seconds since 1970 UTC); returns how many files."""
        self._writes += 1
        draws = generator(self.seed, "currents", self._writes)
        files: dict[tuple[str, int, Version], list[Mapping[str, Any]]] = defaultdict(list)
        for event_type, record in events:
            versions = [version for version in VERSIONS if has_event(event_type, version)]
            for wanted_s in self._queued(int(record["time"]), draws):
                queued_s = wanted_s if until_s is None else min(wanted_s, until_s)
                version = versions[int(draws.integers(len(versions)))]
                files[event_type, queued_s // _HOUR_S, version].append(record)
        return sum(self._write_hour(*key, files[key], draws) for key in sorted(files))

    def _queued(self, time_s: int, draws: np.random.Generator) -> list[int]:
        """When an event's copies are queued."""
        is_late = draws.random() < self.disorder.late
        first = time_s + int(
            draws.integers(*_LATE_S) if is_late else draws.integers(self.disorder.usual_delay_s + 1)
        )
        is_doubled = draws.random() < self.disorder.doubled
        return [first, first + int(draws.integers(*_AGAIN_S))] if is_doubled else [first]

    def _write_hour(
        self,
        event_type: str,
        hour: int,
        version: Version,
        records: Sequence[Mapping[str, Any]],
        draws: np.random.Generator,
    ) -> int:
        """Files of one type, hour and version, in no order."""
        partition = VERSIONS.index(version)
        shuffled = [records[place] for place in draws.permutation(len(records))]
        starts = range(0, len(shuffled), MOST_EVENTS)
        for start in starts:
            part = shuffled[start : start + MOST_EVENTS]
            codec = CODECS[int(draws.integers(len(CODECS)))]
            offset = self._offsets.get(partition, 0)
            self._offsets[partition] = offset + len(part)
            key = object_key(event_type, version, hour * _HOUR_S, partition, offset)
            self.put(key, avro_file(event_type, version, part, codec))
        return len(starts)
