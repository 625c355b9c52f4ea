"""Calls that keep coming: arrivals at a fixed rate, whatever became of those before, over kept-alive connections."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from tests.faults.tally import CUT_OFF_S, Outcome, Tally
from tests.web.wire import basic

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

CROWD = 5_000  # members with a list of their own
CAMPAIGN = "weekly"
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Posting(msgspec.Struct):
    id: str


class _Answer(msgspec.Struct):
    source: str
    degraded: str | None
    postings: list[_Posting]


_decode = msgspec.json.Decoder(_Answer).decode


def crowd() -> Iterator[str]:
    """Members' ids, each another member's, again and again."""
    return (f"f-{number:05}" for number in itertools.cycle(range(CROWD)))


class Load:
    """Open arrivals against a port, from a thread of its own.

    A connection that the server closed while it was idle is not used again, as in any client; one that breaks
    with a call on it is that call's failure, and no call is tried twice.
    """

    def __init__(
        self,
        port: int,
        *,
        rate_rps: float,
        members: Iterable[str] | None = None,
        campaign: str = CAMPAIGN,
        tls: tuple[ssl.SSLContext, str] | None = None,
        authorization: str | None = None,
    ) -> None:
        self._port = port
        self._trust = tls[0] if tls else None
        self._name = tls[1] if tls else None
        self._rate_rps = rate_rps
        self._members = iter(members or crowd())
        self._query = f"campaign={campaign}"
        self._authorization = authorization or basic("braze")
        self._idle: list[_Connection] = []
        self._outcomes: list[Outcome] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._arrive()), name="load", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def stop(self) -> Tally:
        """Begin no more calls and wait for those under way."""
        self._stopping.set()
        self._thread.join()
        return self.tally()

    def tally(self) -> Tally:
        """What came of the calls that ended so far."""
        return Tally(self._outcomes[:])

    def wait_until_normal(self, *, within_s: float, for_s: float = 0.6) -> None:
        """Wait until all calls of a stretch were answered as on a good day; an assertion fails where that never is."""
        give_up_s = time.monotonic() + within_s
        while time.monotonic() < give_up_s:
            time.sleep(0.1)
            now_s = time.monotonic()
            lately = self.tally().between(now_s - for_s, now_s)
            if lately.calls >= 0.7 * for_s * self._rate_rps and all(o.normal for o in lately.outcomes):
                return
        lately = self.tally().between(give_up_s - 2.0, give_up_s)
        raise AssertionError(
            f"not normal again within {within_s} s: of {lately.calls} calls in the last 2 s"
            f" {lately.degraded} degraded, {lately.failures} not usable"
        )

    async def _arrive(self) -> None:
        """Start each call at its time; where this thread itself was held up, those due are started at once."""
        calls: set[asyncio.Task[None]] = set()
        start_s = time.monotonic()
        for number in itertools.count():
            at_s = start_s + number / self._rate_rps
            early_s = at_s - time.monotonic()
            await asyncio.sleep(max(0.0, early_s))
            if self._stopping.is_set():
                break
            call = asyncio.ensure_future(self._call(at_s, next(self._members)))
            calls.add(call)
            call.add_done_callback(calls.discard)
        if calls:
            await asyncio.wait(calls)
        for _, writer in self._idle:
            await _close(writer)

    async def _call(self, at_s: float, member_id: str) -> None:
        try:
            async with asyncio.timeout(CUT_OFF_S + 0.5):
                status, body = await self._exchange(member_id, self._query)
        except TimeoutError:
            self._outcomes.append(Outcome(at_s=at_s, took_s=time.monotonic() - at_s, failure="cut off"))
            return
        except (OSError, EOFError, ValueError) as error:
            kind = "refused" if isinstance(error, ConnectionRefusedError) else "reset"
            self._outcomes.append(Outcome(at_s=at_s, took_s=time.monotonic() - at_s, failure=kind))
            return
        took_s = time.monotonic() - at_s
        if status != 200:
            self._outcomes.append(Outcome(at_s=at_s, took_s=took_s, status=status))
            return
        answer = _decode(body)
        self._outcomes.append(
            Outcome(
                at_s=at_s,
                took_s=took_s,
                status=status,
                degraded=answer.degraded,
                source=answer.source,
                ids=tuple(posting.id for posting in answer.postings),
            )
        )

    async def _exchange(self, member_id: str, query: str) -> tuple[int, bytes]:
        reader, writer = await self._connection()
        try:
            writer.write(
                f"GET /v1/members/{member_id}/recommendations?{query} HTTP/1.1\r\nHost: jobs.example\r\n"
                f"Authorization: {self._authorization}\r\n\r\n".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            body = await reader.readexactly(length)
        except BaseException:
            writer.transport.abort()
            raise
        if b"connection: close" in head:
            await _close(writer)
        else:
            self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body

    async def _connection(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            await _close(writer)
        return await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._trust, server_hostname=self._name
        )


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@contextmanager
def calls(port: int, *, rate_rps: float = 150.0, **options: Any) -> Iterator[Load]:
    """Calls for as long as the context lasts."""
    load = Load(port, rate_rps=rate_rps, **options)
    load.start()
    try:
        yield load
    finally:
        load.stop()
