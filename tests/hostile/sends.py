"""Sends as Braze makes them: two parts a message a moment apart, and now and then the whole message again."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from tests.faults.load import Load
from tests.faults.tally import CUT_OFF_S

PARTS_APART_S = 0.15
RETRIED_SHARE = 0.05
RETRIED_WITHIN_S = (2.0, 90.0)
SEND_S = 240.0  # a send's length
CAMPAIGNS = ("weekly-digest", "new-this-week", "reminder")
_CEILING_S, _AT_ONCE = 6.0, 16
_LOOK_S, _PAUSE_S = (
    0.02,
    0.1,
)  # this process looks so often whether it runs, and notes when it did not for so long


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call was answered with; `at` is the Unix time it began at, `failure` says why nothing came."""

    at: float
    took_s: float
    member: str
    send: str
    status: int = 0
    failure: str = ""
    degraded: str | None = None
    source: str = ""
    recommendation_id: str = ""
    ids: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a mail could be rendered from it."""
        return self.status == 200 and bool(self.ids) and self.took_s <= CUT_OFF_S


class _Posting(msgspec.Struct):
    id: str


class _Answer(msgspec.Struct):
    recommendation_id: str
    source: str
    degraded: str | None
    postings: list[_Posting]


_decode = msgspec.json.Decoder(_Answer).decode


class Sends(Load):
    """Messages at a steady rate to random members, one campaign after another, for as long as it runs."""

    def __init__(
        self, port: int, *, authorization: str, members: list[str], messages_per_s: float, seed: int
    ) -> None:
        super().__init__(port, rate_rps=messages_per_s, authorization=authorization)
        self._of = members
        self._dice = random.Random(seed)
        self._lists: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.heard: list[Heard] = []
        self.pauses: list[tuple[float, float]] = []

    def own_s(self, one: Heard) -> float:
        """How much of a call's time this process itself stood still: the machine was somebody else's."""
        end = one.at + one.took_s
        return sum(max(0.0, min(until, end) - max(since, one.at)) for since, until in self.pauses)

    def ceiling_rps(self) -> float:
        """Answers a second while sixteen callers wait for one each; call it before `start`."""
        return asyncio.run(self._all_at_once())

    async def _all_at_once(self) -> float:
        end_s = time.monotonic() + _CEILING_S

        async def caller() -> int:
            asked = 0
            while time.monotonic() < end_s:
                await self._exchange(quote(self._dice.choice(self._of), safe=""), "campaign=ceiling")
                asked += 1
            return asked

        asked = sum(await asyncio.gather(*(caller() for _ in range(_AT_ONCE))))
        self._idle.clear()
        return asked / _CEILING_S

    async def _arrive(self) -> None:
        start_s = time.monotonic()
        looking = asyncio.ensure_future(self.note_pauses())
        messages: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            at_s = start_s + number / self._rate_rps
            await asyncio.sleep(max(0.0, at_s - time.monotonic()))
            if self._stopping.is_set():
                break
            which = int((at_s - start_s) / SEND_S)
            query = f"campaign={CAMPAIGNS[which % len(CAMPAIGNS)]}&send=send-{which}"
            message = asyncio.ensure_future(self._message(self._dice.choice(self._of), query))
            messages.add(message)
            message.add_done_callback(messages.discard)
        if messages:
            await asyncio.wait(messages)
        looking.cancel()

    async def note_pauses(self) -> None:
        """Note when this process did not run, for as long as it may."""
        while True:
            since = time.time()
            await asyncio.sleep(_LOOK_S)
            if (until := time.time()) - since > _LOOK_S + _PAUSE_S:
                self.pauses.append((since, until))

    async def _message(self, member: str, query: str) -> None:
        parts = [self._part(member, query), self._later(PARTS_APART_S, member, query)]
        if self._dice.random() < RETRIED_SHARE:
            again_s = self._dice.uniform(*RETRIED_WITHIN_S)
            parts += [self._later(again_s + n * PARTS_APART_S, member, query) for n in (0, 1)]
        await asyncio.gather(*parts)

    async def _later(self, wait_s: float, member: str, query: str) -> None:
        await asyncio.sleep(wait_s)
        if not self._stopping.is_set():
            await self._part(member, query)

    async def _part(self, member: str, query: str) -> None:
        at, began_s = time.time(), time.monotonic()
        send = query.rpartition("=")[2]
        try:
            async with asyncio.timeout(CUT_OFF_S + 0.5):
                status, body = await self._exchange(quote(member, safe=""), query)
        except TimeoutError:
            self.heard.append(Heard(at, time.monotonic() - began_s, member, send, failure="cut off"))
            return
        except (OSError, EOFError, ValueError) as error:
            kind = "refused" if isinstance(error, ConnectionRefusedError) else "reset"
            self.heard.append(Heard(at, time.monotonic() - began_s, member, send, failure=kind))
            return
        took_s = time.monotonic() - began_s
        if status != 200:
            self.heard.append(Heard(at, took_s, member, send, status))
            return
        answer = _decode(body)
        ids = tuple(posting.id for posting in answer.postings)
        self.heard.append(
            Heard(
                at,
                took_s,
                member,
                send,
                status,
                degraded=answer.degraded,
                source=answer.source,
                recommendation_id=answer.recommendation_id,
                ids=self._lists.setdefault(ids, ids),
            )
        )
