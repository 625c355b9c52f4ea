"""`python -m tests.integration.ranking_costs`: CPU and memory of a refresh whose ranking is forked, beside one on a Dask cluster.

Rounds go from one to the other on one board. The cluster stands throughout, as it would; what its processes take by standing there is
told apart. Memory is what the processes hold of their own and their part of what they share, at its highest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import psutil

from app.cli.subprocesses import stop_on_signals
from app.postgres.embedded import embedded_postgres
from loadtest.proc import proportional_kb, tree_cpu_s
from tests.integration.dask_processes import Cluster, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMAND = Path(sys.executable).with_name("connected-jobs")
LOOK_S = 0.3
IDLE_S = 20.0
STOPPED = 130


@dataclass
class Costs:
    """CPU seconds of the refresh's own processes, of the cluster's and of Postgres's; and megabytes at their highest."""

    refresh_s: float
    cluster_s: float
    postgres_s: float
    peak_mb: float


@contextmanager
def highest(roots: Sequence[int]) -> Iterator[list[float]]:
    """The most that processes and their descendants hold together, while the block runs."""
    found, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(LOOK_S):
            pids = set(roots)
            for root in roots:
                try:
                    pids |= {child.pid for child in psutil.Process(root).children(recursive=True)}
                except psutil.NoSuchProcess:
                    continue
            found[0] = max(found[0], sum(proportional_kb(pid) for pid in pids) / 1024)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def programs_of(stood: Cluster) -> list[int]:
    """Its scheduler and workers."""
    return [one.process.pid for one in (stood.scheduler, *stood.workers)]


def tree_cpu_of(stood: Cluster) -> float:
    """CPU seconds of a cluster so far."""
    return sum(map(tree_cpu_s, programs_of(stood)))


def refreshed(url: str, postgres: int, stood: Cluster | None, processes: int) -> Costs:
    """One refresh."""
    programs = (
        [stood.scheduler.process.pid, *(worker.process.pid for worker in stood.workers)] if stood else []
    )
    words = ["--on", stood.address] if stood else ["--processes", str(processes)]

    def used() -> tuple[float, float]:
        return sum(map(tree_cpu_s, programs)), tree_cpu_s(postgres)

    cluster_s, postgres_s = used()
    process = subprocess.Popen(
        [COMMAND, "refresh", "--at-once", *words],
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with highest([process.pid, *programs]) as peak:
        _, said = process.communicate()
    if process.returncode:
        raise click.ClickException(said.decode())
    after = used()
    return Costs(0.0, after[0] - cluster_s, after[1] - postgres_s, peak[0])


def measured(url: str, postgres: int, stood: Cluster | None, processes: int) -> Costs:
    """The same, with what its own processes took, those that have ended among them."""
    before = os.times()
    costs = refreshed(url, postgres, stood, processes)
    after = os.times()
    costs.refresh_s = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return costs


def table(found: dict[str, list[Costs]]) -> str:
    """A line for each way: medians of the rounds."""
    lines = [f"{'':6} {'CPU s, all':>18} {'refresh':>8} {'cluster':>8} {'Postgres':>9} {'peak MB':>16}"]
    for way, rounds in found.items():
        all_s = [one.refresh_s + one.cluster_s for one in rounds]
        peaks = [one.peak_mb for one in rounds]
        lines.append(
            f"{way:6} {f'{median(all_s):.1f} ({min(all_s):.1f}-{max(all_s):.1f})':>18} "
            f"{median(one.refresh_s for one in rounds):8.1f} {median(one.cluster_s for one in rounds):8.1f} "
            f"{median(one.postgres_s for one in rounds):9.1f} {f'{median(peaks):.0f} ({min(peaks):.0f}-{max(peaks):.0f})':>16}"
        )
    return "\n".join(lines)


def made_board(url: str, folder: Path, members: int, postings: int) -> None:
    """A generated board in an empty database."""
    for words in (
        ["migrate", "--board"],
        ["generate", str(folder / "board"), "--members", str(members), "--postings", str(postings)],
        ["import", str(folder / "board")],
    ):
        environment = os.environ | {"DATABASE_URL": url}
        subprocess.run([COMMAND, *words], env=environment, check=True, stdout=subprocess.DEVNULL)


@click.command()
@click.option("--members", default=20_000, show_default=True)
@click.option("--postings", default=3_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--processes", default=2, show_default=True, help="That rank, either way.")
def main(*, members: int, postings: int, rounds: int, processes: int) -> None:
    """Measure and print."""
    found: dict[str, list[Costs]] = {"forks": [], "Dask": []}
    with stop_on_signals(), TemporaryDirectory(prefix="connected-jobs-ranking-") as name:
        folder = Path(name)
        with embedded_postgres(folder / "postgres", options={"fsync": "off"}) as server:
            made_board(server.url, folder, members, postings)
            with cluster(folder, server.url, processes=processes) as stood:
                for number in range(rounds + 1):  # the first reads what is read once
                    for way, on in (("forks", None), ("Dask", stood)):
                        costs = measured(server.url, server.pid, on, processes)
                        if number:
                            found[way].append(costs)
                        click.echo(f"round {number}, {way}: {costs}", err=True)
                idle_s = tree_cpu_of(stood)
                time.sleep(IDLE_S)
                idle_s = tree_cpu_of(stood) - idle_s
        click.echo(
            f"{members:,} members, {postings:,} postings, {processes} processes that rank; {rounds} rounds"
        )
        click.echo(table(found))
        click.echo(f"The cluster takes {idle_s / IDLE_S:.1%} of a core while it has nothing to do.")
        raise SystemExit
    raise SystemExit(STOPPED)


if __name__ == "__main__":
    main()
