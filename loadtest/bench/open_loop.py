"""Latency under arrivals that do not wait for answers: `python -m loadtest.bench.open_loop`, a process of its own.

Arrivals are Poisson. A call's latency runs from the instant it was meant to be sent, so the time it waited for a
free connection, or for this client, counts (Gil Tene's "coordinated omission"; wrk2 measures the same way). Every
connection has made a call before: a sender and a proxy open one when they have something to ask, and gunicorn's gthread
would wait in a thread, for up to 5 s, on each that was opened and says nothing.
select() is used since its timeouts are in microseconds; epoll's are in milliseconds and would be seen in the result.
"""

from __future__ import annotations

import gc
import json
import os
import random
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.bench.processes import output_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GRACE_S = 5.0  # how long the last calls may take
_READ_BYTES = 65_536
_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoopOptions:
    """The calls to make: Poisson arrivals at `rps` for `seconds`, to `port` on this machine.

    Attributes:
        questions: a file of paths, one a line, taken in turn.
        from_line: the line to begin after.
        connections: kept-alive connections; a call waits for one that is free.
        seed: of the gaps between arrivals.
    """

    port: int
    questions: str
    from_line: int
    rps: float
    seconds: float
    connections: int
    seed: int


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """What came of it; `late_p99_ms` is how late this client itself was, `cpu_share` what it used of a core."""

    requests: int
    errors: dict[str, int]
    unanswered: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    late_p99_ms: float
    cpu_share: float


def open_loop(options: OpenLoopOptions, *, authorization: str, cores: Sequence[int]) -> OpenLoop:
    """Run the client as a process of its own.

    Raises:
        BenchError: it failed.
    """
    said = output_of(
        [sys.executable, "-m", "loadtest.bench.open_loop", json.dumps(asdict(options))],
        cores=cores,
        environment={"BENCH_AUTHORIZATION": authorization},
        limit_s=options.seconds + GRACE_S + 30.0,
    )
    return OpenLoop(**json.loads(said))


class _KeptConnection:
    """A kept connection; `due_s` is when the call it carries was meant to be sent."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due_s = 0.0
        self._received = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def status(self) -> int | None:
        """Read what came; the status once the answer is whole, 0 where the connection broke."""
        data = self.socket.recv(_READ_BYTES)
        if not data:
            return 0
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return None
        self._received = b""
        return int(head[9:12])


class _Client:
    """Sends each call at its instant, or as soon as a connection is free."""

    def __init__(self, options: OpenLoopOptions, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._at = options.from_line
        self._idle = [_KeptConnection(options.port) for _ in range(options.connections)]
        self._busy: set[_KeptConnection] = set()
        self._port = options.port
        self.latencies_s: list[float] = []
        self.late_s: list[float] = []
        self.errors: Counter[str] = Counter()

    def warm(self) -> None:
        """Make an uncounted call on each connection."""
        for connection in self._idle:
            self._ask(connection)
            while connection.status() is None:
                pass

    def run(self, due_s: Iterable[float], *, until_s: float) -> int:
        """Make the calls due at these instants of `time.perf_counter`; how many had no answer by `until_s`."""
        due = deque(due_s)
        while (due or self._busy) and (now_s := time.perf_counter()) < until_s:
            while due and due[0] <= now_s and self._idle:
                self._send(due.popleft())
            now_s = time.perf_counter()
            wait_s = max(due[0] - now_s, 0.0) if due and self._idle else until_s - now_s
            for connection in select.select(self._busy, (), (), max(wait_s, 0.0))[0]:
                self._read(connection)
        return len(due) + len(self._busy)

    def _send(self, due_s: float) -> None:
        connection = self._idle.pop()
        connection.due_s = due_s
        self._ask(connection)
        self.late_s.append(time.perf_counter() - due_s)
        self._busy.add(connection)

    def _ask(self, connection: _KeptConnection) -> None:
        self._at = (self._at + 1) % len(self._requests)
        connection.socket.sendall(self._requests[self._at])

    def _read(self, connection: _KeptConnection) -> None:
        status = connection.status()
        if status is None:
            return
        self._busy.remove(connection)
        self.latencies_s.append(time.perf_counter() - connection.due_s)
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            self.errors[f"status {status}" if status else "connection broke"] += 1
        self._idle.append(connection if status else _KeptConnection(self._port))


def _measure(options: OpenLoopOptions, authorization: str) -> OpenLoop:
    tail = f" HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nAuthorization: {authorization}\r\n\r\n".encode()
    paths = Path(options.questions).read_bytes().splitlines()
    client = _Client(options, [b"GET " + path + tail for path in paths])
    chance = random.Random(options.seed)
    gaps = (chance.expovariate(options.rps) for _ in range(round(options.rps * options.seconds)))
    client.warm()
    gc.disable()
    start_s, cpu_start_s = time.perf_counter() + 0.05, time.process_time()
    until_s = start_s + options.seconds + GRACE_S
    unanswered = client.run(accumulate(gaps, initial=start_s), until_s=until_s)
    cpu_s, wall_s = time.process_time() - cpu_start_s, time.perf_counter() - start_s
    return OpenLoop(
        requests=len(client.latencies_s),
        errors=dict(client.errors),
        unanswered=unanswered,
        p50_ms=_percentile_ms(client.latencies_s, 50),
        p99_ms=_percentile_ms(client.latencies_s, 99),
        p999_ms=_percentile_ms(client.latencies_s, 99.9),
        late_p99_ms=_percentile_ms(client.late_s, 99),
        cpu_share=cpu_s / wall_s,
    )


def _percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(seconds)
    rank = min(int(len(ordered) * percent / _PERCENT), len(ordered) - 1)
    return ordered[rank] * 1000 if ordered else 0.0


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(
            asdict(_measure(OpenLoopOptions(**json.loads(sys.argv[1])), os.environ["BENCH_AUTHORIZATION"]))
        )
    )
