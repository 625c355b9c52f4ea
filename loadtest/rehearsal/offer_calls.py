"""The calls made for one second of a planned send, and how Braze books what came of them."""

from collections import Counter
from dataclasses import dataclass, field

from app.capacity.apportion import apportion
from app.capacity.simulation.send import Offer
from app.capacity.simulation.service import Answer
from loadtest.generator.response_check import CallResult

CONNECT_ERROR = 599  # as Braze codes a connection that failed
REDIRECTED = 302
STATUS = "status_"
# A 2xx that a mail cannot use is a success to Braze: it neither retries nor counts it.
SUCCESS_TO_BRAZE = frozenset({"empty", "malformed", "no_postings", "vetoed_posting"})


@dataclass
class OfferCalls:
    """The calls made for one offer of the send model, and what came of those that ended."""

    offer: Offer
    count: int
    results: list[CallResult] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)

    def add(self, result: CallResult, latency_s: float) -> None:
        """Add the result of one call."""
        self.results.append(result)
        self.latencies_s.append(latency_s)

    @property
    def is_complete(self) -> bool:
        """Whether every call was answered or cut off."""
        return len(self.results) == self.count


def in_proportion(outcomes: Counter[str], calls: int) -> Counter[str]:
    """Spread `calls` over outcomes in proportion to their counts, exactly; all `ok` where nothing was counted."""
    if not outcomes.total():
        return Counter(ok=calls)
    parts = apportion(calls, list(outcomes.values()))
    return Counter({name: int(part) for name, part in zip(outcomes, parts, strict=True)})


def outcome(result: CallResult) -> str:
    """How Braze books a call: ok, degraded, cut_off or an HTTP status."""
    failure = result.failure
    if failure is None or failure in SUCCESS_TO_BRAZE:
        return "degraded" if result.degraded else "ok"
    if failure == "cut_off":
        return failure
    if failure.startswith(STATUS):
        return failure.removeprefix(STATUS)
    return str(REDIRECTED if failure == "redirect" else CONNECT_ERROR)


def as_answer(outcomes: Counter[str]) -> Answer:
    """Counts of outcomes as the send model takes them."""
    named = {"ok", "degraded", "cut_off"}
    return Answer(
        ok=outcomes["ok"],
        degraded=outcomes["degraded"],
        cut_off=outcomes["cut_off"],
        failed={int(name): count for name, count in outcomes.items() if name not in named and count},
    )
