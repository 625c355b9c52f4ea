"""Delivers a batch: waits its turn, reads the answer, halves what is refused as such, tries again what may be tried."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from app.sync.ledger import RequestCounts, SettledBatch
from app.sync.pacing import LONG_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.runtime.outgoing import HttpAnswer
    from app.sync.answers import BatchFate
    from app.sync.door import Door
    from app.sync.pacing import Pacer

T = TypeVar("T")
TRIES: Final = 6
TOO_FAST_TRIES: Final = 12  # 429s of one batch, each waited for: then the run pauses
PAUSE_S: Final = 600.0
_FIRST_WAIT_S: Final = 1.0
_SILENT_429S: Final = 2  # of one batch, without a word of limits: it may be too large
_HINTS: Final = ("x-ratelimit-reset", "x-ratelimit-retry-after", "retry-after")


class RunStoppedError(Exception):
    """The run cannot go on; the sentence says why."""


class RunHaltedError(Exception):
    """A person paused the sync; the sentence says who."""


class RunPausedError(Exception):
    """The destination takes nothing until a later moment.

    Args:
        until: Seconds of the epoch.
        sentence: Why, where it is not that the hour's budget is used up.
    """

    def __init__(self, until: float, sentence: str = "") -> None:
        super().__init__(until)
        self.until = until
        self.sentence = sentence


@dataclass(slots=True)
class _BatchPart(Generic[T]):
    """A batch, or a part of one that was refused as such."""

    objects: Sequence[T]
    whole: _BatchPart[T] | None = None
    halves_taken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a courier goes about it.

    Args:
        repeat_unknown: Send again what may have been taken, as sending twice changes nothing.
        wait_long: Wait for the next clock hour where this one's budget is used up.
        paused: Told until when, and None when it goes on.
        clock: Seconds of the epoch.
        sleep: Waits so many seconds, or until the run is stopped.
    """

    repeat_unknown: bool
    wait_long: bool = True
    paused: Callable[[float | None], None] = field(default=lambda _until: None)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Any] | None = None


class Courier(Generic[T]):
    """Delivers batches through a door; used by several threads.

    Args:
        door: The destination.
        pacer: Its budget.
        manner: How.
    """

    def __init__(self, door: Door[T], pacer: Pacer, manner: Manner) -> None:
        self.counts = RequestCounts()
        self.stopping = threading.Event()
        self.most = door.limits.objects
        self._door = door
        self._pacer = pacer
        self._manner = manner
        self._sleep = manner.sleep or self.stopping.wait
        self._lock = threading.Lock()
        self._paused_until: float | None = None
        self._refused_in_turn = 0

    def deliver(self, batch: Sequence[T]) -> Iterator[SettledBatch[T]]:
        """Send a batch in as many requests as it takes, and tell what became of each.

        Raises:
            RunStoppedError: nothing more can be sent.
            RunPausedError: the budget is used up, and nobody waits for the next; or each try was too fast.
        """
        waiting = [_BatchPart(batch)]
        while waiting:
            part = waiting.pop()
            if len(part.objects) > self.most:
                waiting += self._halves(part, part.whole)
                continue
            answer, fate = self._exchange(part)
            if fate.meaning != "divide" or len(part.objects) == 1:
                yield self._settled(part, answer, fate)
            elif named := [at for at in sorted(fate.refused) if 0 <= at < len(part.objects)]:
                self._count_refusals(len(named), fate.refused[named[0]])
                yield SettledBatch(
                    answer.status, refused=[(part.objects[at], fate.refused[at]) for at in named]
                )
                if left := [one for at, one in enumerate(part.objects) if at not in fate.refused]:
                    waiting.append(_BatchPart(left))
            else:
                waiting += self._halves(part, part)

    def _halves(self, part: _BatchPart[T], whole: _BatchPart[T] | None) -> list[_BatchPart[T]]:
        middle = (len(part.objects) + 1) // 2
        return [_BatchPart(part.objects[middle:], whole), _BatchPart(part.objects[:middle], whole)]

    def _settled(self, part: _BatchPart[T], answer: HttpAnswer, fate: BatchFate) -> SettledBatch[T]:
        if fate.meaning == "unknown":
            return SettledBatch(answer.status, unknown=part.objects)
        if fate.meaning == "divide":
            why = fate.refused.get(0, fate.sentence)
            self._count_refusals(1, why)
            return SettledBatch(answer.status, refused=[(part.objects[0], why)])
        self._refused_in_turn = 0
        if part.whole is not None and not fate.refused:
            part.whole.halves_taken += 1
            if part.whole.halves_taken == 2:  # noqa: PLR2004 - both: the batch was too large, and nothing in it wrong
                self.most = min(self.most, (len(part.whole.objects) + 1) // 2)
        refused = [(one, fate.refused[at]) for at, one in enumerate(part.objects) if at in fate.refused]
        taken = [one for at, one in enumerate(part.objects) if at not in fate.refused]
        return SettledBatch(answer.status, taken, refused)

    def _count_refusals(self, count: int, sentence: str) -> None:
        """End the run where nothing is taken any more: it is no object that is wrong then."""
        if self._refused_in_turn > 2 * self._door.limits.objects:
            raise RunStoppedError(f"Each of the last {self._refused_in_turn} objects was refused. {sentence}")
        self._refused_in_turn += count

    def _exchange(self, part: _BatchPart[T]) -> tuple[HttpAnswer, BatchFate]:
        """Send one request until its answer is one to act on."""
        tries = silent = slowed = 0
        while True:
            self._wait_turn()
            answer = self._door.send(part.objects)
            fate = self._door.fate(answer)
            not_before = self._learn(answer, fate)
            if fate.meaning == "stop":
                raise RunStoppedError(fate.sentence)
            if fate.meaning == "slower":
                silent += not any(name in answer.headers for name in _HINTS)
                slowed += 1
                if slowed == TOO_FAST_TRIES:
                    until = max(not_before, self._manner.clock() + PAUSE_S)
                    raise RunPausedError(
                        until, f"{self._door.who} has answered 429 to one request {slowed} times in turn."
                    )
                if silent < _SILENT_429S or len(part.objects) == 1:
                    continue
                return answer, type(fate)("divide", sentence=fate.sentence)
            repeated = fate.meaning == "not_sent" or (
                fate.meaning == "unknown" and self._manner.repeat_unknown
            )
            if not repeated:
                return answer, fate
            tries += 1
            if tries == TRIES:
                raise RunStoppedError(
                    f"{fate.sentence.rstrip('.')}, {TRIES} times. Run it again: what was acknowledged is kept."
                )
            self._sleep(_FIRST_WAIT_S * 2 ** (tries - 1))

    def _learn(self, answer: HttpAnswer, fate: BatchFate) -> float:
        """Count an answer; gives the moment before which nothing goes, 0 where it says none."""
        with self._lock:
            self.counts.requests += 1
            self.counts.throttled += fate.meaning == "slower"
            self.counts.unknown += fate.meaning == "unknown"
            if answer.status is None:
                return 0.0
            return self._pacer.learn(answer.headers, self._manner.clock(), too_fast=fate.meaning == "slower")

    def _wait_turn(self) -> None:
        with self._lock:
            now = self._manner.clock()
            at = self._pacer.reserve(now)
            long = at - now > LONG_WAIT_S
            told = self._paused_until
            self._paused_until = at if long else None
        if long and not self._manner.wait_long:
            raise RunPausedError(at)
        if long != (told is not None):  # of several who wait, the first tells
            self._manner.paused(at if long else None)
        while (left := at - self._manner.clock()) > 0 and not self.stopping.is_set():
            self._sleep(min(left, LONG_WAIT_S))
        if self.stopping.is_set():
            raise RunStoppedError("The run was stopped.")
