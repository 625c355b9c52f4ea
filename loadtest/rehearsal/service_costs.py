"""What a forecast must know of a service: what it can do, what is left of that in an overload, what answers cost."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import gevent

from loadtest.ceiling.search import CeilingSearch, RateTrial, SearchPhase
from loadtest.errors import LoadtestError
from loadtest.generator.arrivals import for_seconds
from loadtest.generator.options import new_send_name
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.generator.stats import LoadStats
from loadtest.proc import tree_cpu_s

StartService = Callable[[int, int], AbstractContextManager[tuple[Sender, int]]]
"""Starts the service with a soft and a hard line in calls/s, 0 being off: who calls it, and its process id."""

AHEAD_S = 0.1
BETWEEN_S = 2.0  # until queues and connections are as before
FIRST_RPS = 50.0
KEPT_UP = 0.97  # of a rate answered usably: the service does that rate
HIGHEST_RPS = 100_000.0
PRECISION = 0.06
MAY_MOVE = 0.12  # of the ceiling: what the search's precision and the luck of a short trial explain
PROBES = 2
OVERLOAD = 1.4  # times the ceiling: so much is offered to see what is left of it
SETTLED_AFTER_S = 2  # seconds of a load phase that are left out, while a queue fills
EVERYTHING = 1  # calls/s: a line that everything is over
LIGHTLY = 0.4  # of the ceiling, where CPU time a call is measured


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Full answers a second, the share of them in an overload, and the work of cheaper ends, a full answer being 1."""

    ceiling_rps: float
    overloaded_share: float
    degraded: float
    refused: float


def run_steadily(sender: Sender, rps: float, seconds: float) -> LoadStats:
    """Run a rate for some seconds; the stats when every call has ended."""
    load_phase = LoadPhase(
        number=1,
        spacing="constant",
        seed=1,
        curve=for_seconds(rps, seconds),
        starts_at=time.time() + AHEAD_S,
        send=new_send_name(),
    )
    sender.begin(load_phase)
    gevent.sleep(AHEAD_S + seconds)
    while not sender.is_done:
        gevent.sleep(AHEAD_S)
    sender.stop()
    gevent.sleep(BETWEEN_S)
    return sender.stats


def usable_rps(stats: LoadStats) -> float:
    """Usable answers a second, once a queue has had time to fill, and while calls were sent; by when they came.

    By when they were meant a short trial would take in what a queue still held at its end, and a service would look a third
    faster than it is: so far does a queue of six seconds stay within Braze's two.
    """
    whole = [
        second
        for second, line in stats.seconds.items()
        if second >= SETTLED_AFTER_S and line.calls > stats.seconds[SETTLED_AFTER_S].calls / 2
    ]
    return sum(stats.answered[second] for second in whole) / max(len(whole), 1)


def find_ceiling_rps(usable_at: Callable[[float], float]) -> float:
    """The highest rate that is answered, to 6 %, by the search that finds ceilings, with short trials.

    Args:
        usable_at: Tries a rate; usable answers a second.

    Raises:
        LoadtestError: not even the first rate is answered.
    """

    def measure(_phase: SearchPhase, rps: float) -> RateTrial:
        usable = usable_at(rps)
        return RateTrial(rps=rps, achieved_rps=usable, held=usable >= KEPT_UP * rps)

    search = CeilingSearch(measure=measure, start_rps=FIRST_RPS, highest_rps=HIGHEST_RPS, precision=PRECISION)
    found = search.run()
    if found.rps < FIRST_RPS:
        raise LoadtestError(
            f"The service does not keep up with {FIRST_RPS:g} calls/s: is it alone on its core?"
        )
    return found.rps


def ceiling_moved(usable_at: Callable[[float], float], ceiling_rps: float) -> str | None:
    """Whether a service does less, or more, than its ceiling says: how, in words, or None.

    Args:
        usable_at: Tries a rate; usable answers a second.
        ceiling_rps: What it did when it was measured.
    """
    lower, higher = ceiling_rps * (1 - MAY_MOVE), ceiling_rps * (1 + MAY_MOVE)
    usable = max(usable_at(lower) for _ in range(PROBES))  # a neighbour's second can spoil any
    if usable < KEPT_UP * lower:
        return f"the ceiling fell: {usable:.0f} of {lower:.0f} calls/s were answered, and {ceiling_rps:.0f} had been"
    if (usable := usable_at(higher)) >= KEPT_UP * higher:
        return f"the ceiling rose: {usable:.0f} of {higher:.0f} calls/s were answered, and {ceiling_rps:.0f} had been the most"
    return None


def overloaded_share(sender: Sender, ceiling_rps: float, *, seconds: float) -> float:
    """What of the ceiling is answered in time while more is offered; at most all of it."""
    stats = run_steadily(sender, OVERLOAD * ceiling_rps, seconds + SETTLED_AFTER_S)
    return min(usable_rps(stats) / ceiling_rps, 1.0)


def cpu_a_call_s(sender: Sender, pid: int, rps: float, *, seconds: float) -> float:
    """CPU seconds of a process and all below it for each call.

    Raises:
        LoadtestError: it took none, so that another process answered.
    """
    before_s = tree_cpu_s(pid)
    stats = run_steadily(sender, rps, seconds)
    took_s = tree_cpu_s(pid) - before_s
    if not took_s:
        raise LoadtestError(
            "The service that was started did nothing while it was called: another one answers on its port. Stop that one."
        )
    return took_s / max(stats.calls, 1)


def measure_costs(
    start_service: StartService, *, ceiling_rps: float | None, seconds: float, say: Callable[[str], None]
) -> Costs:
    """Measure a service on three starts of it: without lines, with everything degraded, with everything refused."""
    with start_service(0, 0) as (sender, pid):
        rps = ceiling_rps or find_ceiling_rps(lambda rps: usable_rps(run_steadily(sender, rps, seconds)))
        full_s = cpu_a_call_s(sender, pid, LIGHTLY * rps, seconds=seconds)
        share = overloaded_share(sender, rps, seconds=seconds)
    say(
        f"It does {rps:.0f} full answers/s, {full_s * 1e6:.0f} us of CPU time each; overloaded {share:.0%} of that."
    )
    with start_service(EVERYTHING, 0) as (sender, pid):
        degraded_s = cpu_a_call_s(sender, pid, LIGHTLY * rps, seconds=seconds)
    with start_service(0, EVERYTHING) as (sender, pid):
        refused_s = cpu_a_call_s(sender, pid, LIGHTLY * rps, seconds=seconds)
    say(f"A degraded answer is {degraded_s / full_s:.2f} of a full one, a refusal {refused_s / full_s:.2f}.")
    return Costs(
        ceiling_rps=rps, overloaded_share=share, degraded=degraded_s / full_s, refused=refused_s / full_s
    )
