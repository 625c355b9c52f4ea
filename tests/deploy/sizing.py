"""`python -m tests.deploy.sizing`: docs/sizing.md's formula against a service of several instances on this machine.

Instances of one worker behind the published nginx.conf, with Valkey, a primary and two standbys that they read in turn; the load
harness with two processes calls one, two and four of them, in rounds. What a call takes of each part is CPU time, so that it says the
same on few cores as on many; what the formula says of cores, connections and memory is compared with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.capacity.evidence.scaling import Point
from app.cli.subprocesses import stop_on_signals
from app.postgres.embedded import embedded_postgres
from loadtest.bench.peers.sized_board import LIST, fill
from loadtest.ceiling.scaling import describe, fit
from loadtest.proc import children, resident_kb, tree_cpu_s
from tests.faults.valkey_server import Valkey
from tests.integration.test_failover import OPTIONS, copy
from tests.web.gunicorn_server import gunicorn
from tests.web.test_nginx import nginx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.web.test_nginx import Front

COMMAND = Path(sys.executable).with_name("connected-jobs")
SIZES = (1, 2, 4)
MEMBERS, POSTINGS = 20_000, 1_000
CONNECTIONS = 2
ID_CHARACTERS = 9  # of the made board's postings
WARM_CALLS = 0.5  # for each posting and worker: nearly all were needed once
WITHIN = 0.15
SEARCH_S = 600
STOPPED = 130
IDLE_S = 15.0
# What docs/sizing.md says.
SERVICE_MS, POSTGRES_MS = 1.3, 0.3
WORKER_MB, CARD_KB, LIST_BYTES, PLACE_BYTES = 80, 2.5, 200, 4


@dataclass
class Stand:
    """What runs: processes by what they are, and where to call so many instances."""

    servers: dict[str, int] = field(default_factory=dict)
    instances: list[int] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    fronts: dict[int, tuple[Front, int]] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    def used(self, size: int) -> dict[str, float]:
        """CPU seconds so far, of each part that so many instances use."""
        parts = {"service": sum(tree_cpu_s(pid) for pid in self.instances[:size])}
        parts["nginx"] = tree_cpu_s(self.fronts[size][1])
        return parts | {name: tree_cpu_s(pid) for name, pid in self.servers.items()}

    def calls(self, size: int) -> int:
        """How many nginx has passed on so far."""
        return self.fronts[size][0].log.read_bytes().count(b"\n")

    def stand_by(self) -> None:
        """Learn what each part takes in a second while nobody calls."""
        before = self.used(max(SIZES))
        time.sleep(IDLE_S)
        after = self.used(max(SIZES))
        self.idle = {name: (after[name] - before[name]) / IDLE_S for name in after}


@dataclass(frozen=True)
class Turn:
    """One search of the harness.

    Attributes:
        size: Of how many instances.
        calls: Those that warm it among them.
        ceiling: Calls/s and its bounds, where it found one.
        ms: CPU a call by part, beyond what it takes while nobody calls.
    """

    size: int
    calls: int
    ceiling: tuple[float, float, float] | None
    ms: dict[str, float]

    @property
    def postgres_ms(self) -> float:
        """Of all three servers."""
        return sum(ms for name, ms in self.ms.items() if name.startswith(("primary", "standby")))


def start(stack: ExitStack, folder: Path) -> Stand:
    """Servers, instances and what stands before them."""
    stand = Stand()
    options = OPTIONS | {"shared_buffers": "128MB", "max_connections": "100"}
    primary = stack.enter_context(embedded_postgres(folder / "primary", options=options))
    stand.servers["primary"], stand.urls["primary"] = primary.pid, primary.url
    environment = os.environ | {"DATABASE_URL": primary.url}
    subprocess.run([COMMAND, "migrate", "--board"], env=environment, check=True, stdout=subprocess.DEVNULL)
    fill(primary.url, members=MEMBERS, postings=POSTINGS)
    for name in ("standby-1", "standby-2"):
        copy(primary.url, folder / name)
        standby = stack.enter_context(embedded_postgres(folder / name, options=options))
        stand.servers[name], stand.urls[name] = standby.pid, standby.url
    valkey = Valkey()
    valkey.start()
    stack.callback(valkey.kill)
    stand.servers["Valkey"] = next(pid for pid in children(os.getpid()) if _runs(pid, "valkey-server"))
    for number in range(max(SIZES)):
        known = children(os.getpid())
        server = stack.enter_context(
            gunicorn(
                _standby_first(stand, 1 + number % 2),
                folder / f"instance-{number}",
                workers=1,
                CJ_WRITE_URL=primary.url,
                CJ_LIMITS_URI=valkey.uri,
                CJ_HARD_RPS="100000",
                CJ_CONNECTIONS=str(CONNECTIONS),
                CJ_THREADS="8",
                CJ_LISTS="1000",
                CJ_TRUST_REQUEST_START="on",
                CJ_INSTANCE=f"sizing-{number}",
            )
        )
        stand.ports.append(server.port)
        stand.instances += [pid for pid in children(os.getpid()) if pid not in known]
    for size in SIZES:
        place = folder / f"nginx-{size}"
        place.mkdir()
        front = stack.enter_context(nginx(place, *stand.ports[:size], connections=1024))
        pid = int((place / "nginx.pid").read_text())
        stand.fronts[size] = (front, pid)
    return stand


def _standby_first(stand: Stand, number: int) -> str:
    """A URL of a standby, and of the primary where that one is lost."""
    hosts = [str(conninfo_to_dict(stand.urls[name])["host"]) for name in (f"standby-{number}", "primary")]
    return make_conninfo(stand.urls["primary"], host=",".join(hosts), target_session_attrs="prefer-standby")


def _runs(pid: int, program: str) -> bool:
    return program.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def turn(stand: Stand, size: int, folder: Path, more: Sequence[str]) -> Turn:
    """Let the harness search the ceiling of so many instances."""
    front, _ = stand.fronts[size]
    out = folder / "evidence.json"
    out.unlink(missing_ok=True)
    words = [
        "--host",
        f"https://127.0.0.1:{front.https}",
        "--ca-file",
        str(front.certificate),
        "--processes",
        "2",
    ]
    words += ["--member-file", str(folder / "members"), "--credential-file", str(folder / "credential")]
    words += ["--out", str(out), "--overload-s", "0", "--any-source", *more]
    before, calls, began_s = stand.used(size), stand.calls(size), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "loadtest", "ceiling", *words],
        stdout=sys.stderr,
        timeout=SEARCH_S * 2,
        check=False,  # what found no ceiling has calls all the same
    )
    time.sleep(1)  # until nginx has written its last line
    after, calls, took_s = stand.used(size), stand.calls(size) - calls, time.monotonic() - began_s
    if not out.exists():
        raise click.ClickException("The harness wrote no evidence: its own message above says why.")
    evidence = json.loads(out.read_bytes())
    verdict = evidence["verdict"]
    found = (verdict["rps"], verdict["low_rps"], verdict["high_rps"] or verdict["rps"])
    shares = {name: size / max(SIZES) if name == "service" else 1.0 for name in after}
    ms = {
        name: (after[name] - before[name] - stand.idle[name] * shares[name] * took_s) / calls * 1e3
        for name in after
    }
    return Turn(size, calls, found if verdict["kind"] == "ceiling" else None, ms)


def of(turns: Sequence[Turn], size: int, name: str = "service") -> float:
    """The median of a part's milliseconds a call at a size."""
    return median(
        one.postgres_ms if name == "Postgres" else one.ms[name] for one in turns if one.size == size
    )


def table(turns: Sequence[Turn]) -> str:
    """A line a turn."""
    names = list(turns[0].ms)
    lines = [
        "instances   calls  ceiling  " + "  ".join(f"{name:>9}" for name in names) + "   (ms of CPU a call)"
    ]
    for one in turns:
        ceiling = f"{one.ceiling[0]:.0f}" if one.ceiling else "none"
        lines.append(
            f"{one.size:9} {one.calls:7} {ceiling:>8}  " + "  ".join(f"{one.ms[name]:9.3f}" for name in names)
        )
    return "\n".join(lines)


def lines_of_the_formula(stand: Stand, turns: Sequence[Turn]) -> list[tuple[str, float, float]]:
    """What the formula says and what was measured, with its unit."""
    largest = max(SIZES)
    one_service, one_postgres = of(turns, 1), of(turns, 1, "Postgres")
    found: list[tuple[str, float, float]] = []
    for size in SIZES[1:]:
        found.append((f"{size} instances: service, ms a call, by that of one", one_service, of(turns, size)))
        found.append(
            (
                f"{size} instances: Postgres, ms a call, by that of one",
                one_postgres,
                of(turns, size, "Postgres"),
            )
        )
    found.append(("service, ms a call, by the page", SERVICE_MS, one_service))
    found.append(("Postgres, ms a call, by the page", POSTGRES_MS, one_postgres))
    workers = [pid for master in stand.instances for pid in children(master)]
    resident = median(resident_kb(pid) / 1024 for pid in workers)
    found.append(("memory of a worker, MB", WORKER_MB + CARD_KB * POSTINGS / 1024, resident))
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'connected-jobs serve'"
    reading = 0
    for name in ("standby-1", "standby-2"):
        with psycopg.connect(stand.urls[name]) as connection:
            reading += (connection.execute(asked.encode()).fetchone() or (0,))[0]
    found.append(("connections that read", largest * CONNECTIONS, reading))
    with psycopg.connect(stand.urls["primary"]) as connection:
        size_of = "SELECT pg_total_relation_size('connected_jobs.recommendation_list_1')"
        took = (connection.execute(size_of.encode()).fetchone() or (0,))[0]
    a_place = -(-(PLACE_BYTES + ID_CHARACTERS) // 4) * 4
    found.append(("room for a list, bytes", LIST_BYTES + LIST * a_place, took / MEMBERS))
    return found


def law(turns: Sequence[Turn]) -> str:
    """The scaling law of instances with a core each: so many calls as its core has time for."""
    points = []
    for size in SIZES:
        ms = [one.ms["service"] for one in turns if one.size == size]
        points.append(
            Point(size, size * 1e3 / median(ms), size * 1e3 / max(ms) * 0.95, size * 1e3 / min(ms) * 1.05)
        )
    return describe(fit(points), wanted_rps=None)


def told(compared: Sequence[tuple[str, float, float]]) -> int:
    """Print each line of the formula; 1 where one is too far from what was measured."""
    off = 0
    for name, says, measured in compared:
        apart = measured / says - 1
        off += abs(apart) > WITHIN
        mark = "" if abs(apart) <= WITHIN else "  <-"
        click.echo(f"{name:52} {says:8.3g} {measured:8.3g}  {apart:+.0%}{mark}")
    click.echo(f"{off} of {len(compared)} lines are further than {WITHIN:.0%} from the formula.")
    return 1 if off else 0


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def main(*, rounds: int, more: tuple[str, ...]) -> None:
    """Measure; MORE goes to `python -m loadtest ceiling`."""
    with stop_on_signals(), ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="connected-jobs-sizing-")))
        folder.chmod(0o777)
        stand = start(stack, folder)
        (folder / "members").write_text("".join(f"m-{number:07}\n" for number in range(MEMBERS)))
        said = subprocess.run(
            [COMMAND, "credential", "create", "braze"],
            env=os.environ | {"DATABASE_URL": stand.urls["primary"]},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        secret = next(line.split()[1] for line in said.splitlines() if line.strip().startswith("secret:"))
        (folder / "credential").write_text(f"braze:{secret}\n")
        stand.stand_by()
        warm = 0
        while warm < WARM_CALLS * POSTINGS * max(SIZES):  # until every worker has read what it keeps
            warm += turn(stand, max(SIZES), folder, more).calls
        turns = [turn(stand, size, folder, more) for _ in range(rounds) for size in SIZES]
        compared = lines_of_the_formula(stand, turns)
        click.echo(table(turns))
        click.echo(f"\nHad each instance a core of its own: {law(turns)}\n")
        raise SystemExit(told(compared))
    raise SystemExit(STOPPED)


if __name__ == "__main__":
    main()
