"""`python -m loadtest.bench`: the service beside bare peers, interleaved; `python -m loadtest.bench profile`: its parts."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from loadtest.bench import profile as profiling
from loadtest.bench import report
from loadtest.bench.contenders import SERVERS, USUAL, ServerSettings, choose, server_settings
from loadtest.bench.database import BoardDatabase, BoardSize, board_database
from loadtest.bench.processes import PinnedCores, ended_by_signals
from loadtest.bench.turn import Bench, Turn, check, service_answers, turn
from loadtest.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loadtest.bench.contenders import Peer

SHARE_OF_SLOWEST = 0.7  # of the slowest peer's throughput, the rate of the open arrivals
COMPARED_S = 2  # how long each peer is loaded to find the slowest
WARM_S = 2


def board_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is measured on."""
    options = [
        click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64)),
        click.option(
            "--threads", default=8, show_default=True, type=click.IntRange(1, 256), help="Of a worker."
        ),
        click.option(
            "--pool",
            default=8,
            show_default=True,
            type=click.IntRange(1, 256),
            help="Connections of a worker to Postgres; d has one a thread.",
        ),
        click.option("--members", default=5_000, show_default=True, type=click.IntRange(100, 1_000_000)),
        click.option("--postings", default=3_000, show_default=True, type=click.IntRange(100, 200_000)),
        click.option(
            "--data",
            default=Path(".data/bench"),
            show_default=True,
            type=click.Path(path_type=Path),
            help="The database, made where it is not there and kept for the next run.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--seconds", default=5, show_default=True, type=click.IntRange(1, 600), help="Of a measurement."
)
@click.option("--out", type=click.Path(path_type=Path), help="Also write everything as JSON.")
@click.option(
    "--only", default=",".join(USUAL), show_default=True, help="Which peers; bg is the service on Granian."
)
@click.option(
    "--server", default="gunicorn", show_default=True, type=click.Choice(SERVERS), help="Of what is WSGI."
)
@click.option("--connections", default=16, show_default=True, type=click.IntRange(1, 1000), help="Of wrk.")
@board_options
@click.pass_context
def main(
    context: click.Context,
    /,
    *,
    rounds: int,
    seconds: int,
    out: Path | None,
    only: str,
    connections: int,
    **given: Any,
) -> None:
    """Measure throughput, CPU time a call and p99 of the service and its peers."""
    if context.invoked_subcommand is not None:
        return
    if shutil.which("wrk") is None:
        click.echo("Not measured: wrk is not installed here (Debian: `apt-get install wrk`).", err=True)
        return
    with refusals(), prepared(**given) as (made, settings, cores):
        bench = Bench(made, settings, cores, connections, seconds, WARM_S)
        named = _named(bench, rounds, given)
        for name, value in named.items():
            _say(f"{name}: {value}")
        peers = choose(only.split(","))
        rps = _compare(peers, bench)
        turns = _rounds(peers, bench, rounds=rounds, rps=rps)
        found = report.peer_results(turns)
        goals = report.verdicts(found)
        click.echo(f"\n{report.table(found)}\n\n{report.goal_lines(goals)}")
        if out is not None:
            everything = {"circumstances": report.circumstances() | named | {"arrivals_rps": rps}}
            everything |= report.as_json(turns, found, goals)
            out.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


@main.command()
@click.option("--seconds", default=10, show_default=True, type=click.IntRange(1, 600))
@click.option("--hot", is_flag=True, help="Ask for one member again and again.")
@board_options
def profile(*, seconds: int, hot: bool, **given: Any) -> None:
    """Sample where the service's CPU time goes, called in process without a server."""
    with refusals(), prepared(**given) as (made, settings, cores):
        found = profiling.profile(made, settings, seconds=seconds, cold=not hot, cores=cores.server)
        click.echo(profiling.lines(found))


@contextmanager
def refusals() -> Iterator[None]:
    """Say in one sentence why there is no result."""
    try:
        with ended_by_signals():
            yield
    except BenchError as error:
        click.echo(f"loadtest.bench: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("Stopped; nothing is left running.", err=True)
        sys.exit(130)


@contextmanager
def prepared(
    *,
    workers: int,
    threads: int,
    pool: int,
    members: int,
    postings: int,
    data: Path,
    server: str = "gunicorn",
) -> Iterator[tuple[BoardDatabase, ServerSettings, PinnedCores]]:
    """A database to measure on, the servers' settings and the cores; all programs end with the block."""
    cores = PinnedCores.divide(sorted(os.sched_getaffinity(0)), workers=workers)
    with TemporaryDirectory(prefix="connected-jobs-bench-") as made:
        folder = Path(made)
        settings = ServerSettings(server, workers, threads, pool, folder)
        with board_database(
            data, BoardSize(members, postings), folder=folder, cores=cores.rest, say=_say
        ) as database:
            yield database, settings, cores


def _named(bench: Bench, rounds: int, given: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run, for the reader."""
    return {
        "servers": server_settings(bench.settings, bench.database),
        "server_cores": list(bench.cores.server) or "not pinned",
        "other_cores": list(bench.cores.rest) or "not pinned",
        "wrk": f"1 thread, {bench.connections} connections",
        "board": f"{given['members']} members, {given['postings']} postings; {bench.database.members} members asked for",
        "load_average_before": f"{os.getloadavg()[0]:.1f}",
        "rounds": f"{rounds}, of {bench.seconds} s closed loop and {bench.seconds} s open arrivals a peer",
    }


def _compare(peers: Sequence[Peer], bench: Bench) -> float:
    """Make sure that all answer alike, and find the rate of the open arrivals."""
    body = bench.settings.folder / "body"
    body.write_bytes(b"")
    expected = service_answers(choose(["b"])[0], bench)
    body.write_bytes(expected[0])
    for peer in peers:
        check(peer, bench, expected)
    short = Bench(bench.database, bench.settings, bench.cores, bench.connections, COMPARED_S, warm_s=1)
    compared = [turn(peer, short, number=0, arrivals_rps=None) for peer in peers]
    slowest = min(compared, key=lambda each: each.closed.throughput_rps)
    rps = SHARE_OF_SLOWEST * slowest.closed.throughput_rps
    _say(
        f"All answer as they should, with {len(expected[0])} bytes. Open arrivals: {rps:.0f} calls/s, of {slowest.peer}."
    )
    return rps


def _rounds(peers: Sequence[Peer], bench: Bench, *, rounds: int, rps: float) -> list[Turn]:
    turns = []
    for number in range(1, rounds + 1):
        for peer in peers:
            done = turn(peer, bench, number=number, arrivals_rps=rps)
            turns.append(done)
            _say(
                f"round {number} {peer.key:<3} {done.closed.throughput_rps:>7.0f} calls/s {done.server_cpu_us:>5.0f} us"
            )
    return turns


def _say(words: str) -> None:
    click.echo(words, err=True)


if __name__ == "__main__":
    main()
