"""Where the service's CPU time goes, without a server and without a load generator."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from loadtest.bench.contenders import ServerSettings, choose, environment, service_folder
from loadtest.bench.database import PEERS
from loadtest.bench.processes import output_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.bench.database import BoardDatabase


def profile(
    database: BoardDatabase, settings: ServerSettings, *, seconds: float, cold: bool, cores: Sequence[int]
) -> dict[str, Any]:
    """CPU time a call by part, in microseconds; `cold` asks for another member each time.

    Raises:
        BenchError: the service did not answer.
    """
    given = environment(choose(["b"])[0], settings, database, 8080) | {
        "BENCH_GUNICORN_CONF": str(service_folder() / "gunicorn_conf.py"),
        "BENCH_AUTHORIZATION": database.authorization,
    }
    said = output_of(
        [
            sys.executable,
            "-m",
            f"{PEERS}.profiled",
            str(database.every if cold else database.one),
            str(seconds),
        ],
        cores=cores,
        environment=given,
        limit_s=seconds * 2 + 60.0,
    )
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


def lines(found: dict[str, Any]) -> str:
    """For people."""
    parts = [f"{part:<20} {us:>7.1f}" for part, us in found["parts_us"].items()]
    places = [f"  {us:>6.1f}  {place}" for place, us in found["places_us"].items()]
    head = (
        f"{found['calls']:,} calls, {found['cpu_us_a_call']:.0f} us of CPU time each "
        f"({found['samples']:,} samples), {found['wall_us_a_call']:.0f} us from call to call"
    )
    return "\n".join([head, *parts, "", *places])
