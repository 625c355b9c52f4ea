"""A server of known capacity to test the load harness against: k servers, a fixed service time, one queue.

Time in service is kept as numbers (when does each of the k servers fall free?), not by sleeping, so that the
capacity is exactly k / service time however unpunctual the event loop is.

Run it: `python tests/load/stub_server.py --port 8099 --servers 4 --service-ms 20`; it prints `ready PORT`. With
`python -m tests.load.stub_server --known leak` it is one of tests/load/virtual/services.py.
Change it while it runs: `GET /stub?stall_s=5`, `/stub?service_ms=40`, `/stub?mode=degraded`, `/stub?mode=ok`; `GET /stub` tells what
arrived. Modes: ok, degraded, status-503, status-429, cut-off, empty, malformed, vetoed, redirect, drop.
"""

import argparse
import asyncio
import gzip
import heapq
import json
import operator
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

SLOWER_THAN_THE_CUT_OFF_S = 2.6


class Stub:
    """The queue, the mode, and what was seen."""

    def __init__(self, *, servers: int, service_s: float, mode: str = "ok", known: Any = None) -> None:
        self.known = known
        self.began = 0.0
        self.free_at = [0.0] * servers
        self.service_s = service_s
        self.mode = mode
        self.seen: Counter[str] = Counter()
        self.members: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.arrived: list[float] = []
        self.bodies = {mode: body(mode) for mode in ("ok", "degraded", "vetoed")}

    def finish_at(self, now: float) -> float:
        """When the call that arrives now leaves the first server to fall free."""
        if self.known is not None:
            self.began = self.began or now
            done: float
            done, failure = self.known.answer(now - self.began)
            self.mode = failure.replace("_", "-") if failure else "ok"
            return self.began + done
        done = max(now, heapq.heappop(self.free_at)) + self.service_s
        heapq.heappush(self.free_at, done)
        return done

    def stall(self, now: float, stall_s: float) -> None:
        """Keep every server busy until `now + stall_s`, as a lock or a long pause would."""
        self.free_at = [max(at, now + stall_s) for at in self.free_at]

    def answer(self) -> tuple[int, bytes, str]:
        """Status, body and further header lines in the present mode."""
        match self.mode:
            case "status-503" | "status-429":
                return int(self.mode[-3:]), b'{"title":"no"}', "Retry-After: 1\r\n"
            case "redirect":
                return 302, b"", "Location: /elsewhere\r\n"
            case "empty":
                return 200, b"", ""
            case "malformed":
                return 200, b'{"recommendation_id": ', ""
            case "degraded" | "vetoed":
                return 200, self.bodies[self.mode], "Content-Encoding: gzip\r\n"
        return 200, self.bodies["ok"], "Content-Encoding: gzip\r\n"

    def control(self, query: dict[str, list[str]], now: float) -> bytes:
        """Carry out what a `/stub` address asks, and tell what was seen."""
        if "mode" in query:
            self.mode = query["mode"][0]
        if "service_ms" in query:
            self.service_s = float(query["service_ms"][0]) / 1000
        if "stall_s" in query:
            self.stall(now, float(query["stall_s"][0]))
        gaps = sorted(map(operator.sub, self.arrived[1:], self.arrived))
        median_gap_ms = 1000 * gaps[len(gaps) // 2] if gaps else None
        seen = {
            "median_gap_ms": median_gap_ms,
            "seen": self.seen,
            "distinct_members": len(self.members),
            "headers": self.headers,
        }
        return json.dumps(
            seen | {"most_calls_for_one_member": max(self.members.values(), default=0)}
        ).encode()


def body(mode: str) -> bytes:
    """An answer of the real one's shape, gzipped."""
    deadline = "2020-01-31" if mode == "vetoed" else None
    posting = {
        "id": "p1",
        "title": "백엔드 개발자",
        "company": "회사",
        "deadline": deadline,
        "url": "https://b/p1",
    }
    answer: dict[str, Any] = {
        "recommendation_id": "r1",
        "campaign": "loadtest",
        "arm": None,
        "source": "popular" if mode == "degraded" else "personalized",
        "degraded": "postgres" if mode == "degraded" else None,
        "count": 10,
        "generated_at": "2026-11-21T03:00:00Z",
        "postings": [posting] * 10,
        "exposure": "v1|r1|loadtest|popular||10|p1",
    }
    return gzip.compress(json.dumps(answer, ensure_ascii=False).encode())


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection; GET only."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.loop = asyncio.get_running_loop()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.stub.seen["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            self.handle(head.decode())

    def handle(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        address = urlsplit(first.split(" ")[1])
        match address.path:
            case "/stub":
                self.reply(200, self.stub.control(parse_qs(address.query), self.loop.time()), "")
            case "/health/ready":
                self.reply(200, b'{"status": "ready"}', "")
            case _:
                self.recommend(address.path, lines)

    def recommend(self, path: str, lines: list[str]) -> None:
        stub = self.stub
        stub.seen["calls"] += 1
        stub.seen["of_members"] += "/nobody-" not in path
        stub.members[path] += 1
        stub.arrived.append(self.loop.time())
        stub.headers = dict(line.split(": ", 1) for line in lines)
        if stub.mode == "drop":
            self.transport.abort()
            return
        done = stub.finish_at(self.loop.time())
        if stub.mode == "cut-off":
            done += SLOWER_THAN_THE_CUT_OFF_S
        self.loop.call_at(done, self.reply, *stub.answer())

    def reply(self, status: int, content: bytes, more: str) -> None:
        if self.transport.is_closing():
            return
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{more}Content-Length: {len(content)}\r\n\r\n"
        self.transport.write(head.encode() + content)


async def serve(stub: Stub, port: int) -> None:
    """Serve until killed; port 0 takes a free one."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(stub), "127.0.0.1", port, backlog=4096, reuse_address=True
    )
    print("ready", server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - its parent reads this line
    await server.serve_forever()


def known_service(name: str | None) -> Any:
    """A service of known capacity; None without a name."""
    if name is None:
        return None
    from tests.load.virtual.services import KNOWN  # noqa: PLC0415 - the stub is also run as a file, without the project

    return KNOWN[name].made(1)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument("--service-ms", type=float, default=20)
    parser.add_argument("--mode", default="ok")
    parser.add_argument("--known", help="a service of known capacity, by its name in virtual/services.py")
    options = parser.parse_args()
    stub = Stub(
        servers=options.servers,
        service_s=options.service_ms / 1000,
        mode=options.mode,
        known=known_service(options.known),
    )
    asyncio.run(serve(stub, options.port))


if __name__ == "__main__":
    main()
