"""Throughput by wrk: each connection asks again as soon as it is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.bench.processes import output_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_WALK = Path(__file__).with_name("walk.lua")


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """What wrk counted; latencies of a closed loop hide queueing and are only told for the record."""

    requests: int
    seconds: float
    bytes: int
    bad_statuses: int
    broken: int
    timeouts: int
    p50_ms: float
    p99_ms: float

    @property
    def errors(self) -> dict[str, int]:
        """Calls without an answer of 200, by kind; empty where all is well."""
        kinds = {
            "status not 200": self.bad_statuses,
            "connection broke": self.broken,
            "over 5 s": self.timeouts,
        }
        return {kind: count for kind, count in kinds.items() if count}

    @property
    def throughput_rps(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


def closed_loop(
    port: int,
    questions: Path,
    *,
    from_line: int,
    seconds: int,
    connections: int,
    authorization: str,
    cores: Sequence[int],
) -> ClosedLoop:
    """Load a server on loopback as far as it goes; `questions` are paths, one a line.

    Raises:
        BenchError: wrk failed.
    """
    said = output_of(
        [
            *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
            *("--timeout", "5s", "--script", str(_WALK), f"http://127.0.0.1:{port}", "--"),
            *(str(questions), str(from_line)),
        ],
        cores=cores,
        environment={"BENCH_AUTHORIZATION": authorization},
        limit_s=seconds + 30.0,
    )
    return ClosedLoop(**json.loads(said.strip().splitlines()[-1]))
