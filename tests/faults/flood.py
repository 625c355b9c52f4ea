"""More calls than can be answered: open arrivals from a process of their own, as cheap to make as can be.

`python -m tests.faults.flood PORT RATE_RPS SECONDS [AFTER_SECONDS]` prints one JSON object: for each second what
the calls meant to start in it came to. After the flood a twentieth of its rate goes on, to see it recover.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.load import CAMPAIGN, CROWD
from tests.faults.tally import CUT_OFF_S
from tests.web.wire import basic

_TAIL = f"/recommendations?campaign={CAMPAIGN} HTTP/1.1\r\nHost: jobs.example\r\nAuthorization: {basic('braze')}\r\n\r\n"
_MOST_OPEN = 4_000  # what a sender's own limits allow at once
_QUIET_SHARE = 0.05


@dataclass(slots=True)
class _Call:
    connection: socket.socket
    at_s: float
    sent: bytes
    received: bytearray = field(default_factory=bytearray)


class Flood:
    """Calls of one thread over kept-alive connections; each ends as "normal", a reason, or a failure."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._selector = selectors.DefaultSelector()
        self._idle: list[socket.socket] = []
        self._open: dict[int, _Call] = {}
        self._number = 0
        self.ends: list[tuple[float, float, str]] = []

    def run(self, rate_rps: float, seconds: float) -> None:
        """Begin calls at a rate for a time; those under way are left to go on."""
        start_s = time.monotonic()
        for number in range(int(rate_rps * seconds)):
            at_s = start_s + number / rate_rps
            while True:
                early_s = at_s - time.monotonic()
                if early_s > 0 or number % 16 == 0:
                    self._turn(max(0.0, early_s))
                if early_s <= 0:
                    break
            self._begin(at_s)

    def finish(self) -> None:
        """Wait for the calls under way, then leave."""
        while self._open:
            self._turn(0.1)
        for connection in self._idle:
            connection.close()
        self._selector.close()

    def _begin(self, at_s: float) -> None:
        if len(self._open) >= _MOST_OPEN:
            self.ends.append((at_s, 0.0, "not begun"))
            return
        self._number += 7
        sent = f"GET /v1/members/f-{self._number % CROWD:05}{_TAIL}".encode()
        if self._idle:
            call = _Call(self._idle.pop(), at_s, sent)
            self._send(call)
        else:
            call = _Call(socket.socket(), at_s, sent)
            call.connection.setblocking(False)
            call.connection.connect_ex(self._address)
            self._selector.register(call.connection, selectors.EVENT_WRITE)
        self._open[call.connection.fileno()] = call

    def _send(self, call: _Call) -> None:
        with suppress(OSError):  # the read that follows says what became of it
            call.connection.send(call.sent)
        self._selector.register(call.connection, selectors.EVENT_READ)

    def _turn(self, wait_s: float) -> None:
        for key, events in self._selector.select(wait_s):
            call = self._open[key.fd]
            if events & selectors.EVENT_WRITE:
                self._selector.unregister(call.connection)
                self._send(call)
            else:
                self._receive(call)
        self._give_up()

    def _receive(self, call: _Call) -> None:
        try:
            chunk = call.connection.recv(65_536)
        except OSError:
            chunk = b""
        if not chunk:
            self._end(call, "reset", keep=False)
            return
        call.received += chunk
        head, ended, body = call.received.partition(b"\r\n\r\n")
        if not ended:
            return
        head = head.lower()
        if len(body) >= int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]):
            self._end(call, _said(bytes(head), bytes(body)), keep=b"connection: close" not in head)

    def _give_up(self) -> None:
        """Calls are begun in the order they end late in."""
        now_s = time.monotonic()
        for call in list(self._open.values())[:64]:
            if now_s - call.at_s <= CUT_OFF_S:
                break
            self._end(call, "cut off", keep=False)

    def _end(self, call: _Call, how: str, *, keep: bool) -> None:
        del self._open[call.connection.fileno()]
        self._selector.unregister(call.connection)
        self.ends.append((call.at_s, time.monotonic() - call.at_s, how))
        if keep:
            self._idle.append(call.connection)
        else:
            call.connection.close()


def _said(head: bytes, body: bytes) -> str:
    if not head.startswith(b"http/1.1 200"):
        return f"status {head.split(b' ', 2)[1].decode()}"
    return body.partition(b'"degraded":')[2].partition(b",")[0].decode().strip('"').replace("null", "normal")


def main(port: int, rate_rps: float, seconds: float, after_s: float = 8.0) -> None:
    """Flood, then a trickle; print the seconds."""
    flood = Flood(port)
    start_s = time.monotonic()
    flood.run(rate_rps, seconds)
    flood.run(rate_rps * _QUIET_SHARE, after_s)
    flood.finish()
    by_second: dict[int, Counter[str]] = {}
    slowest: dict[int, float] = {}
    for at_s, took_s, how in flood.ends:
        second = int(at_s - start_s)
        by_second.setdefault(second, Counter())[how] += 1
        slowest[second] = max(slowest.get(second, 0.0), took_s)
    seconds_said = [
        {"second": second, "slowest_ms": round(slowest[second] * 1000), "calls": dict(by_second[second])}
        for second in sorted(by_second)
    ]
    sys.stdout.write(json.dumps(seconds_said) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:]))
