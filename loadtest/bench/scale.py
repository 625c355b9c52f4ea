"""`python -m loadtest.bench.scale`: does a call cost the same on a board of any size? And what does a worker hold?

Boards are made straight in SQL, side by side in one Postgres, and the service runs on each of them at once. Rounds go
from board to board, so that a slow minute of the machine strikes all. Every call asks for another member, whose list is
read from Postgres. First with no posting's card in memory, then, after enough calls, with all of them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from loadtest.bench.closed_loop import closed_loop
from loadtest.bench.contenders import ServerSettings, choose
from loadtest.bench.database import (
    COMMAND,
    PEERS,
    BoardDatabase,
    BoardSize,
    PostgresServer,
    authorization,
    postgres,
    write_questions,
)
from loadtest.bench.processes import PinnedCores, ended_by_signals, output_of
from loadtest.bench.turn import Bench, serving
from loadtest.errors import BenchError
from loadtest.proc import KB, children, proportional_kb, resident_kb, tree_cpu_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIZES = "10000x5000,10000x200000,1000000x5000,1000000x200000"
MOST_QUESTIONS = 200_000
WITHIN = 0.10  # of the cheapest board's CPU time a call, on every other
WARM_CALLS = (
    0.5  # for each posting: an answer needs a dozen of them, so after these nearly all were needed once
)
WARM_STEP_S, COLD_S = 5, 2
MADE_WITHIN_S = 60 * 60.0
STALE_S = 14 * 24 * 60 * 60  # the made postings are open for three weeks
PEER = choose(["b"])[0]


@dataclass(frozen=True, slots=True)
class Round:
    """One board's turn: calls/s, and CPU time a call of the service and of Postgres, in microseconds."""

    throughput_rps: float
    service_us: float
    postgres_us: float


@dataclass(slots=True)
class ServedBoard:
    """The service on one board, while it runs, and what was measured of it."""

    board: BoardSize
    bench: Bench
    port: int
    pid: int
    asked: int = 0
    cold: Round | None = None
    rounds: list[Round] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)
    proportional_mb: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The board's size."""
        return f"{self.board.members:,} members, {self.board.postings:,} postings"

    def load(self, seconds: int) -> Round:
        """Load it for some seconds, going on through the members.

        Raises:
            BenchError: it did not answer every call.
        """
        database, bench = self.bench.database, self.bench
        service_s, postgres_s = tree_cpu_s(self.pid), tree_cpu_s(database.postgres_pid)
        loop = closed_loop(
            self.port,
            database.every,
            from_line=self.asked,
            seconds=seconds,
            connections=bench.connections,
            authorization=database.authorization,
            cores=bench.cores.rest,
        )
        if loop.errors or not loop.requests:
            raise BenchError(f"The service failed calls on the board of {self.name}: {loop.errors}.")
        self.asked = (self.asked + loop.requests) % database.members
        service_s, postgres_s = (
            tree_cpu_s(self.pid) - service_s,
            tree_cpu_s(database.postgres_pid) - postgres_s,
        )
        return Round(loop.throughput_rps, service_s / loop.requests * 1e6, postgres_s / loop.requests * 1e6)

    def warm(self) -> int:
        """Ask until nearly every posting's card is in memory; how many calls that took."""
        calls = 0
        while calls < WARM_CALLS * self.board.postings:
            calls += round(self.load(WARM_STEP_S).throughput_rps * WARM_STEP_S)
        return calls

    def weigh(self) -> None:
        """Take each worker's memory."""
        workers = children(self.pid)
        self.resident_mb = [resident_kb(pid) / KB for pid in workers]
        self.proportional_mb = [proportional_kb(pid) / KB for pid in workers]

    def median(self, name: str) -> float:
        """Of a figure over the rounds."""
        return float(median(getattr(each, name) for each in self.rounds))

    @property
    def least_us(self) -> float:
        """The service's CPU time a call in the round with the least, which neighbours on a core inflated least."""
        return min(each.service_us for each in self.rounds)

    def as_json(self) -> dict[str, object]:
        """Everything measured."""
        return {
            "board": asdict(self.board),
            "workers": self.bench.settings.workers,
            "cold_cards": asdict(self.cold) if self.cold else None,
            "rounds": [asdict(each) for each in self.rounds],
            "resident_mb": self.resident_mb,
            "proportional_mb": self.proportional_mb,
        }


def sized_database(server: PostgresServer, board: BoardSize, folder: Path) -> BoardDatabase:
    """A board's database, made where it is not there yet, its credential and its questions."""
    name = f"scale_{board.members}_{board.postings}"
    url = server.url.replace("/connected_jobs?", f"/{name}?")
    environment = {**server.environment, "DATABASE_URL": url}
    mark = server.data_dir / f"{name}.json"
    if not mark.exists():
        _make(server, board, name, environment)
        mark.write_text(json.dumps(asdict(board)), encoding="utf-8")
    elif time.time() - mark.stat().st_mtime > STALE_S:
        raise BenchError(
            f"The boards in {server.data_dir} were made over two weeks ago: remove it, and they are made anew."
        )
    numbers = random.Random(1).sample(range(board.members), min(board.members, MOST_QUESTIONS))
    every, one = write_questions(folder, (f"m-{number:07}" for number in numbers))
    return BoardDatabase(
        url,
        server.pid,
        server.data_dir,
        authorization(environment),
        every,
        one,
        len(numbers),
    )


def _make(server: PostgresServer, board: BoardSize, name: str, environment: Mapping[str, str]) -> None:
    _say(f"Making a board of {board.members:,} members and {board.postings:,} postings.")
    command = [sys.executable, "-m", f"{PEERS}.new_database", name]
    output_of(command, cores=(), environment={"DATABASE_URL": server.url}, limit_s=MADE_WITHIN_S)
    output_of([COMMAND, "migrate", "--board"], cores=(), environment=environment, limit_s=MADE_WITHIN_S)
    fill = [sys.executable, "-m", f"{PEERS}.sized_board", str(board.members), str(board.postings)]
    output_of(fill, cores=(), environment=environment, limit_s=MADE_WITHIN_S)


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """How to measure."""

    seconds: int
    rounds: int
    connections: int
    threads: int
    pool: int


def serve(
    stack: ExitStack,
    server: PostgresServer,
    board: BoardSize,
    options: ScaleOptions,
    *,
    workers: int,
    folder: Path,
    cores: PinnedCores,
) -> ServedBoard:
    """Start the service on a board, for as long as the stack stands."""
    folder.mkdir()
    settings = ServerSettings("gunicorn", workers, options.threads, options.pool, folder)
    database = sized_database(server, board, folder)
    bench = Bench(database, settings, cores, options.connections, options.seconds, warm_s=0)
    peer = stack.enter_context(serving(PEER, bench))
    return ServedBoard(board, bench, peer.port, peer.pid)


def measure_boards(
    server: PostgresServer,
    boards: Sequence[BoardSize],
    options: ScaleOptions,
    *,
    folder: Path,
    cores: PinnedCores,
) -> list[ServedBoard]:
    """All boards side by side, one worker each: first calls, then in rounds with warm cards."""
    with ExitStack() as stack:
        served = []
        for number, board in enumerate(boards):
            each = serve(
                stack,
                server,
                board,
                options,
                workers=1,
                folder=folder / f"board-{number}",
                cores=cores,
            )
            each.cold = each.load(COLD_S)
            _say(
                f"{each.name}: {each.cold.service_us:.0f} us a call at first; {each.warm()} calls to warm it."
            )
            served.append(each)
        _rounds(served, options)
        return served


def measure_workers(
    server: PostgresServer,
    board: BoardSize,
    options: ScaleOptions,
    *,
    counts: Sequence[int],
    folder: Path,
    cores: Sequence[int],
) -> list[ServedBoard]:
    """One board with different numbers of workers, side by side."""
    with ExitStack() as stack:
        served = []
        for workers in counts:
            own = PinnedCores.divide(cores, workers=workers)
            each = serve(
                stack,
                server,
                board,
                options,
                workers=workers,
                folder=folder / f"workers-{workers}",
                cores=own,
            )
            each.warm()
            served.append(each)
        _rounds(served, options)
        return served


def _rounds(served: Sequence[ServedBoard], options: ScaleOptions) -> None:
    for number in range(1, options.rounds + 1):
        for each in served:
            each.rounds.append(each.load(options.seconds))
            _say(f"round {number}, {each.name}: {each.rounds[-1].service_us:.0f} us")
    for each in served:
        each.weigh()


HEAD = (
    "workers   members  postings   calls/s   service us (least)  Postgres us   cold cards us   resident MB  "
    "proportional MB"
)


def table(served: Sequence[ServedBoard]) -> str:
    """A line a board: medians of the rounds, and the largest worker's memory."""
    lines = [HEAD]
    for each in served:
        cold = f"{each.cold.service_us:13.0f}" if each.cold else f"{'-':>13}"
        lines.append(
            f"{each.bench.settings.workers:7} {each.board.members:9,} {each.board.postings:9,} "
            f"{each.median('throughput_rps'):9.0f} {each.median('service_us'):12.0f} "
            f"{f'({each.least_us:.0f})':>7} {each.median('postgres_us'):12.0f}   {cold} {max(each.resident_mb):13.0f} "
            f"{max(each.proportional_mb):16.0f}"
        )
    return "\n".join(lines)


def verdict(served: Sequence[ServedBoard]) -> str:
    """Whether a call costs the same on every board."""
    costs = [each.median("service_us") for each in served]
    least = [each.least_us for each in served]
    apart = max(costs) / min(costs) - 1
    return (
        f"The service's CPU time a call differs by {apart:.1%} between the boards: "
        f"{'within' if apart <= WITHIN else 'not within'} {WITHIN:.0%} (by the least rounds, "
        f"{max(least) / min(least) - 1:.1%})."
    )


def workers_verdict(served: Sequence[ServedBoard]) -> str:
    """What each further worker added, and what bound it."""
    first = served[0]
    cores = len(os.sched_getaffinity(0))
    parts = []
    for each in served[1:]:
        workers = each.bench.settings.workers
        times = each.median("throughput_rps") / first.median("throughput_rps")
        work = each.median("service_us") / first.median("service_us")
        own = (
            "cores of their own"
            if each.bench.cores.server
            else f"the {cores} cores shared with wrk and Postgres"
        )
        parts.append(
            f"{workers} workers on {own}: {times:.2f} times the calls at {work:.2f} times the CPU time each"
        )
    return f"Beside one worker: {'; '.join(parts)}."


@click.command()
@click.option("--sizes", default=SIZES, show_default=True, help="Boards, MEMBERSxPOSTINGS.")
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1, 600), help="Of a turn.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--connections", default=16, show_default=True, type=click.IntRange(1, 1000), help="Of wrk.")
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1, 256), help="Of a worker.")
@click.option("--pool", default=8, show_default=True, type=click.IntRange(1, 256), help="Of a worker.")
@click.option("--cards", type=click.IntRange(100), help="Cards a worker may keep; all postings if not given.")
@click.option("--workers", default="1,2", show_default=True, help="On the first board.")
@click.option("--out", type=click.Path(path_type=Path), help="Also write everything as JSON.")
@click.option(
    "--data",
    default=Path(".data/scale"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="The boards, made where they are not there and kept.",
)
def main(*, sizes: str, workers: str, cards: int | None, out: Path | None, data: Path, **given: int) -> None:
    """Measure the service's cost a call and memory on boards of several sizes, and with several workers."""
    if shutil.which("wrk") is None:
        click.echo("Not measured: wrk is not installed here (Debian: `apt-get install wrk`).", err=True)
        return
    boards = [BoardSize(*map(int, size.split("x"))) for size in sizes.split(",")]
    counts = [int(count) for count in workers.split(",")]
    os.environ["CJ_CARDS"] = str(cards or max(board.postings for board in boards))  # the servers inherit it
    options, available = ScaleOptions(**given), sorted(os.sched_getaffinity(0))
    cores = PinnedCores.divide(available, workers=1)
    try:
        with (
            ended_by_signals(),
            TemporaryDirectory(prefix="connected-jobs-scale-") as made,
            postgres(data, folder=Path(made), cores=cores.rest) as server,
        ):
            by_board = measure_boards(server, boards, options, folder=Path(made), cores=cores)
            by_workers = measure_workers(
                server, boards[0], options, counts=counts, folder=Path(made), cores=available
            )
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo("Stopped; nothing is left running.", err=True)
        sys.exit(130)
    click.echo(
        f"\n{table(by_board)}\n\n{verdict(by_board)}\n\n{table(by_workers)}\n\n{workers_verdict(by_workers)}"
    )
    if out is not None:
        found = {"cards": os.environ["CJ_CARDS"], "server_cores": cores.server, "other_cores": cores.rest}
        found |= {
            "boards": [each.as_json() for each in by_board],
            "workers": [each.as_json() for each in by_workers],
        }
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _say(words: str) -> None:
    click.echo(words, err=True)


if __name__ == "__main__":
    main()
