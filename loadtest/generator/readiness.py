"""Before and between steps: is the service there, does it know these members, is it well again?"""

import math
import time
from collections import Counter
from collections.abc import Callable

import gevent
import msgspec
from gevent.pool import Pool

from loadtest.errors import LoadtestError
from loadtest.generator import diagnosis, response_check, target
from loadtest.generator.diagnosis import Trouble
from loadtest.generator.http_client import CutOffError, NoReplyError
from loadtest.generator.sender import Sender

READY_WITHIN_S = 10.0
PROBE_WITHIN_S = 2.0
MEMBERS_ASKED = 20
WARMING_CALLS = 200
WARMING_AT_ONCE = 8
WARMING_ROUNDS = 10
FLAT = 0.9  # times the median latency of the round before, above which a round is no quicker
HTTP_OK = 200
WELL_PROBES = 5


class _Source(msgspec.Struct):
    source: str | None = None


def trouble(sender: Sender) -> Trouble | None:
    """What keeps the service from being loaded, None where it answers.

    Asked as Braze asks, for the postings of a member nobody has: at the entrance that Braze knows nothing else is open.
    """
    path = target.path("nobody-asking", send="loadtest-ready", traffic=sender.traffic)
    try:
        reply = sender.client.get(path, within_s=PROBE_WITHIN_S)
    except (CutOffError, NoReplyError) as error:
        return diagnosis.of_silence(sender.client.origin, error)
    return diagnosis.of_reply(sender.client.origin, reply)


def await_ready(
    sender: Sender,
    *,
    within_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = gevent.sleep,
) -> str | None:
    """Wait until the service answers, `within_s` at most and only for what may pass; the sentence why not, or None."""
    until = clock() + within_s
    while (found := trouble(sender)) and found.passes and clock() < until:
        sleep(0.25)
    return found.sentence if found else None


def refuse_trouble(sender: Sender, *, within_s: float = READY_WITHIN_S) -> None:
    """Wait a little for the service.

    Raises:
        LoadtestError: it cannot be loaded; the sentence says why, and the way out.
    """
    if sentence := await_ready(sender, within_s=within_s):
        raise LoadtestError(sentence)


def check_data(sender: Sender, *, send: str) -> dict[str, int]:
    """Ask for a few members and count the sources of their answers.

    Raises:
        LoadtestError: the credential is refused, or no answer is made for its member: measuring that would be
            measuring another service.
    """
    sources: Counter[str] = Counter()
    for member in sender.members[-MEMBERS_ASKED:]:
        path = target.path(member, send=send, traffic=sender.traffic)
        try:
            reply = sender.client.get(path, within_s=PROBE_WITHIN_S)
        except CutOffError:
            sources["cut_off"] += 1
            continue
        except NoReplyError as error:
            raise LoadtestError(
                f"The service went away when it was asked for a member: {error.kind}."
            ) from None
        sources[_source(reply.status, reply.body, gzipped=reply.gzipped)] += 1
    if not sources["personalized"] + sources["profile"]:
        raise LoadtestError(
            f"None of {sources.total()} members got a list of their own ({dict(sources)}): export the members of this "
            "deployment and run its refresh, or say --any-source to measure popular lists."
        )
    return dict(sources)


def _source(status: int, body: bytes, *, gzipped: bool) -> str:
    result = response_check.check(status, body, gzipped=gzipped, today=response_check.korean_day())
    if result.failure:
        return result.failure
    try:
        return (
            msgspec.json.decode(response_check.content(body, gzipped=gzipped), type=_Source).source
            or "untold"
        )
    except (msgspec.DecodeError, RecursionError):
        return "malformed"


def warm(sender: Sender, *, send: str, most_rounds: int = WARMING_ROUNDS) -> int:
    """Warm processes, connections and shelves until latency is flat; the rounds that took.

    No member's answer is warmed: it asks for members nobody has. Latency is flat when a round's median is not much
    below the one before.
    """
    before_s = math.inf
    for made in range(1, most_rounds + 1):
        took_s = sorted(_warming_round(sender, f"{send}-{made}", first=WARMING_CALLS * (made - 1)))
        median_s = took_s[len(took_s) // 2] if took_s else math.inf
        if median_s > FLAT * before_s:
            return made
        before_s = median_s
    return most_rounds


def _warming_round(sender: Sender, send: str, *, first: int) -> list[float]:
    """Seconds that the usable answers of a round took; each round asks for others, whom no cache has yet."""
    pool, took_s = Pool(WARMING_AT_ONCE), list[float]()

    def ask(number: int) -> None:
        path = target.path(f"nobody-warming-{number}", send=send, traffic=sender.traffic)
        if (seconds := _try(sender, path)) is not None:
            took_s.append(seconds)

    for number in range(first, first + WARMING_CALLS):
        pool.spawn(ask, number)
    pool.join()
    return took_s


def _try(sender: Sender, path: str, clock: Callable[[], float] = time.perf_counter) -> float | None:
    """Seconds that a usable answer took, or None."""
    began = clock()
    try:
        reply = sender.client.get(path, within_s=PROBE_WITHIN_S)
    except (CutOffError, NoReplyError):
        return None
    return clock() - began if reply.status == HTTP_OK else None


def await_well(
    sender: Sender,
    *,
    send: str,
    inside_s: float,
    within_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = gevent.sleep,
) -> bool:
    """Wait until a few probes in a row are answered well inside the line, so that no step pays for the one before."""
    until, well = clock() + within_s, 0
    while well < WELL_PROBES and clock() < until:
        path = target.path(f"nobody-probing-{clock():.3f}", send=send, traffic=sender.traffic)
        took = _try(sender, path, clock)
        well = well + 1 if took is not None and took < inside_s / 2 else 0
        sleep(0.05)
    return well >= WELL_PROBES
