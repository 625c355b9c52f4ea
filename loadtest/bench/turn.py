"""One peer's turn: start it, make sure of what it does, load it, end it."""

from __future__ import annotations

import http.client
import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadtest.bench.closed_loop import ClosedLoop, closed_loop
from loadtest.bench.contenders import Peer, PeerKind, ServerSettings, command, environment
from loadtest.bench.database import PEERS, BoardDatabase
from loadtest.bench.open_loop import OpenLoop, OpenLoopOptions, open_loop
from loadtest.bench.processes import PinnedCores, free_port, last_lines, output_of, running
from loadtest.errors import BenchError
from loadtest.proc import tree_cpu_s, tree_memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY_S = 90.0
LOOKED_AT = 20  # questions whose answers are compared before anything is timed
SIZE_APART = 0.25  # how far the same work's answer may be from the service's in length
READS_AT_LEAST = 0.97  # transactions a call, of a peer that must read each time
_OK = 200


@dataclass(frozen=True, slots=True)
class Bench:
    """What every turn has alike."""

    database: BoardDatabase
    settings: ServerSettings
    cores: PinnedCores
    connections: int
    seconds: int
    warm_s: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What one round of one peer measured; CPU times are of the closed loop."""

    peer: str
    round: int
    closed: ClosedLoop
    arrivals: OpenLoop | None
    server_cpu_us: float
    postgres_cpu_us: float
    server_busy: float
    memory_mb: float
    transactions_a_call: float


@dataclass(frozen=True, slots=True)
class _RunningPeer:
    port: int
    pid: int


@contextmanager
def serving(peer: Peer, bench: Bench) -> Iterator[_RunningPeer]:
    """A peer that answers, for as long as the block lasts.

    Raises:
        BenchError: it ended or did not answer 200 in time.
    """
    port = free_port()
    log = bench.settings.folder / f"{peer.key}.log"
    with running(
        command(peer, bench.settings, port),
        cores=bench.cores.server,
        environment=environment(peer, bench.settings, bench.database, port),
        log=log,
    ) as process:
        question = bench.database.one.read_text(encoding="ascii").strip()
        deadline = time.monotonic() + READY_S
        while (status := _try(port, question, bench.database.authorization)) != _OK:
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"Peer {peer.key} does not answer (status {status}): {last_lines(log)}")
            time.sleep(0.05)
        yield _RunningPeer(port, process.pid)


def _try(port: int, path: str, authorization: str) -> int | None:
    try:
        return ask(port, path, authorization)[0]
    except OSError:
        return None


def ask(port: int, path: str, authorization: str) -> tuple[int, bytes]:
    """One call on a connection of its own; status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": authorization})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def service_answers(peer: Peer, bench: Bench) -> list[bytes]:
    """What the service answers to the first questions; the static peers' body is the first of them."""
    with serving(peer, bench) as server:
        answers = [ask(server.port, path, bench.database.authorization) for path in _first_questions(bench)]
    if wrong := [status for status, _ in answers if status != _OK]:
        raise BenchError(f"The service answered {wrong[0]} to a question of the benchmark.")
    bodies = [body for _, body in answers]
    if other := [body for body in bodies if json.loads(body)["source"] != "personalized"]:
        raise BenchError(f"The service did not answer from the member's list: {other[0][:300].decode()}")
    return bodies


def check(peer: Peer, bench: Bench, expected: list[bytes]) -> None:
    """Make sure that a peer answers what it should.

    Raises:
        BenchError: it does not; the sentence says how it differs.
    """
    with serving(peer, bench) as server:
        for path, wanted in zip(_first_questions(bench), expected, strict=True):
            status, body = ask(server.port, path, bench.database.authorization)
            if peer.kind is PeerKind.SERVICE:
                same = json.loads(body) == json.loads(wanted)
            elif peer.key == "e2":
                same = _posting_ids(body) == _posting_ids(wanted) and _alike(len(body), len(wanted))
            else:
                same = body == expected[0]
            if status != _OK or not same:
                raise BenchError(
                    f"Peer {peer.key} answered {status} and {len(body)} bytes, not what the service says: "
                    f"{body[:200].decode(errors='replace')}"
                )


def _posting_ids(body: bytes) -> list[str]:
    answer: dict[str, Any] = json.loads(body)
    return [posting["id"] for posting in answer.get("postings", ())]


def _alike(length: int, wanted: int) -> bool:
    return abs(length - wanted) <= SIZE_APART * wanted


def _first_questions(bench: Bench) -> list[str]:
    return bench.database.every.read_text(encoding="ascii").splitlines()[:LOOKED_AT]


def turn(peer: Peer, bench: Bench, *, number: int, arrivals_rps: float | None) -> Turn:
    """Measure a peer once: throughput and CPU time in a closed loop, then latency under open arrivals.

    Args:
        peer: Who.
        bench: On what.
        number: The round, which also seeds the arrivals.
        arrivals_rps: Rate of the open arrivals; none where not given.

    Raises:
        BenchError: it answered with errors, or did not read what it is measured for.
    """
    database, before = bench.database, _transactions(bench)
    with serving(peer, bench) as server:
        calls = _load(peer, bench, server, from_line=0, seconds=bench.warm_s).requests
        cpu_s, postgres_s = tree_cpu_s(server.pid), tree_cpu_s(database.postgres_pid)
        closed = _load(peer, bench, server, from_line=calls, seconds=bench.seconds)
        cpu_s, postgres_s = tree_cpu_s(server.pid) - cpu_s, tree_cpu_s(database.postgres_pid) - postgres_s
        calls += closed.requests
        arrivals = None
        if arrivals_rps is not None:
            options = OpenLoopOptions(
                port=server.port,
                questions=str(_questions(peer, database)),
                from_line=calls,
                rps=arrivals_rps,
                seconds=float(bench.seconds),
                connections=2 * bench.connections,
                seed=number,
            )
            arrivals = open_loop(options, authorization=database.authorization, cores=bench.cores.rest)
            calls += arrivals.requests
        memory_mb = tree_memory_mb(server.pid)
    done = Turn(
        peer=peer.key,
        round=number,
        closed=closed,
        arrivals=arrivals,
        server_cpu_us=cpu_s / closed.requests * 1e6,
        postgres_cpu_us=postgres_s / closed.requests * 1e6,
        server_busy=cpu_s / closed.seconds,
        memory_mb=memory_mb,
        transactions_a_call=(_transactions(bench) - before) / calls,
    )
    _refuse_nonsense(peer, done)
    return done


def _load(peer: Peer, bench: Bench, server: _RunningPeer, *, from_line: int, seconds: int) -> ClosedLoop:
    return closed_loop(
        server.port,
        _questions(peer, bench.database),
        from_line=from_line,
        seconds=seconds,
        connections=bench.connections,
        authorization=bench.database.authorization,
        cores=bench.cores.rest,
    )


def _questions(peer: Peer, database: BoardDatabase) -> Path:
    return database.one if peer.one_member else database.every


def _transactions(bench: Bench) -> int:
    """Committed so far; a server's own count is whole once it has ended and its connections with it."""
    time.sleep(0.1)
    return int(
        output_of(
            [sys.executable, "-m", f"{PEERS}.transactions"],
            cores=bench.cores.rest,
            environment={"DATABASE_URL": bench.database.url},
            limit_s=READY_S,
        )
    )


def _refuse_nonsense(peer: Peer, done: Turn) -> None:
    for loop in (done.closed, done.arrivals):
        if loop is not None and loop.errors:
            kinds = ", ".join(f"{count} {kind}" for kind, count in loop.errors.items())
            raise BenchError(
                f"Peer {peer.key} failed {sum(loop.errors.values())} of {loop.requests} calls ({kinds}) in its "
                f"{'closed loop' if loop is done.closed else 'open arrivals'}: this is no measurement."
            )
    if peer.reads and done.transactions_a_call < READS_AT_LEAST:
        raise BenchError(
            f"Peer {peer.key} made {done.transactions_a_call:.2f} transactions a call where it should read each "
            "time: its answers came from a cache. Ask for more --members or fewer --seconds."
        )
