"""The sender keeps its schedule whatever the service does; here over a fake client, in real but short time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import gevent
import pytest
from gevent.event import Event

from loadtest.generator import arrivals
from loadtest.generator.http_client import CutOffError, NoReplyError, Reply
from loadtest.generator.sender import CallFailedError, LoadPhase, Sender
from loadtest.generator.target import Traffic

USABLE = Reply(200, b'{"postings": [{"deadline": null}], "degraded": null}', gzipped=False)
DEGRADED = Reply(200, b'{"postings": [{"deadline": null}], "degraded": "postgres"}', gzipped=False)
MEMBERS = tuple(f"m{number}" for number in range(1000))


@dataclass
class FakeClient:
    """Answers after a while, by a rule."""

    answer: Callable[[int], Reply] = lambda _: USABLE
    takes_s: float = 0.0
    paths: list[str] = field(default_factory=list)
    instants: list[float] = field(default_factory=list)

    def get(self, path: str, *, within_s: float) -> Reply:
        """A reply, or what the rule raises."""
        self.paths.append(path)
        self.instants.append(time.perf_counter())
        number = len(self.paths)
        gevent.sleep(min(self.takes_s, within_s))
        if self.takes_s > within_s:
            raise CutOffError
        return self.answer(number)

    def close(self) -> None:
        """Nothing is open."""


def sender(client: FakeClient, **changes: Any) -> Sender:
    """A sender over a fake client."""
    return Sender(client=client, members=MEMBERS, **{"traffic": Traffic(), **changes})  # type: ignore[arg-type]  # a fake


def load_phase(rps: float, seconds: float, **changes: Any) -> LoadPhase:
    """A constant load phase that begins now."""
    begun = LoadPhase(
        number=1,
        spacing="constant",
        seed=1,
        curve=arrivals.for_seconds(rps, seconds),
        starts_at=time.time() + 0.02,
        send="s",
    )
    return replace(begun, **changes)


def finish(sending: Sender, *, within_s: float = 60) -> None:
    """Wait until every call has ended."""
    with gevent.Timeout(within_s):
        gevent.sleep(0.01)
        while not sending.is_done:
            gevent.sleep(0.01)
    sending.stop()


def test_a_slow_service_does_not_slow_the_schedule() -> None:
    """Here it answers no call before the last one has come."""
    all_came = Event()

    def answer(number: int) -> Reply:
        if number == 50:
            all_came.set()
        all_came.wait()
        return USABLE

    client = FakeClient(answer)
    sending = sender(client)
    sending.begin(load_phase(100, 0.5))
    finish(sending)
    assert sending.stats.calls == 50
    assert max(line.in_flight for line in sending.stats.seconds.values()) == 50
    assert len(set(client.paths)) == 50


def test_latency_counts_from_the_intended_instant_and_lateness_is_counted_not_dropped() -> None:
    sending = sender(FakeClient())
    sending.begin(
        load_phase(100, 0.2, starts_at=time.time() - 0.5)
    )  # half a second behind from the beginning
    finish(sending)
    assert (sending.stats.calls, sending.stats.late) == (20, 20)
    intended, sent = (kept.percentiles_ms()["p50"] for kept in (sending.stats.latency, sending.stats.service))
    assert intended - sent > 300
    assert sending.health.complaint is not None


def test_every_kind_of_failure_is_counted_and_told_to_locust() -> None:
    def answer(number: int) -> Reply:
        if number % 2:
            raise NoReplyError("refused")
        return DEGRADED if number == 2 else Reply(503, b"", gzipped=False)

    told: list[dict[str, Any]] = []
    sending = sender(FakeClient(answer=answer), report=lambda **call: told.append(call))
    sending.begin(load_phase(100, 0.1))
    finish(sending)
    assert dict(sending.stats.failures) == {"refused": 5, "status_503": 4}
    assert dict(sending.stats.degraded) == {"postgres": 1}
    assert {call["name"] for call in told} == {"recommendations"}
    assert (
        sorted(str(call["exception"]) for call in told if call["exception"])
        == ["refused"] * 5 + ["status_503"] * 4
    )
    assert all(isinstance(call["exception"], CallFailedError | None) for call in told)
    assert sum(call["response_length"] for call in told) == sending.stats.bytes_read


def test_a_call_that_takes_too_long_is_cut_off() -> None:
    sending = sender(FakeClient(takes_s=1.0), traffic=Traffic(cut_off_s=0.1))
    sending.begin(load_phase(50, 0.1))
    finish(sending)
    assert dict(sending.stats.failures) == {"cut_off": 5}
    assert sending.stats.latency.percentiles_ms()["p50"] >= 99


def test_calls_for_which_the_generator_has_no_room_are_failures_and_its_own_fault() -> None:
    sending = sender(FakeClient(takes_s=0.5), most_in_flight=10)
    sending.begin(load_phase(100, 0.2))
    finish(sending)
    assert (sending.stats.calls, sending.stats.failures["not_started"]) == (20, 10)
    assert "started more than" in (sending.health.complaint or "")


def test_passes_of_one_message_ask_for_the_same_address_a_moment_apart() -> None:
    client = FakeClient()
    sending = sender(client, traffic=Traffic(passes=3, pass_gap_s=0.05))
    sending.begin(load_phase(30, 0.3))
    finish(sending)
    assert sending.stats.messages == 3
    assert sorted(client.paths.count(path) for path in set(client.paths)) == [3, 3, 3]
    first = [at for at, path in zip(client.instants, client.paths, strict=True) if path == client.paths[0]]
    assert first[2] - first[0] == pytest.approx(0.1, abs=0.08)


def test_a_play_that_is_amended_goes_on_with_the_new_rate() -> None:
    sending = sender(FakeClient())
    curve = arrivals.constant(0)
    sending.begin(load_phase(0, 1, curve=curve, ends=False))
    gevent.sleep(0.1)
    assert not sending.is_done
    sending.amend(curve.changed(from_s=0.2, rps=100).changed(from_s=0.4, rps=0), arrivals.WHOLE)
    gevent.sleep(0.6)
    sending.stop()
    assert sending.stats.started == 20


def test_two_senders_with_their_shares_send_what_one_would() -> None:
    one, two = FakeClient(), FakeClient()
    whole = FakeClient()
    sending = [
        (sender(one), [arrivals.ArrivalShare(0, 0, 2)]),
        (sender(two), [arrivals.ArrivalShare(0, 1, 2)]),
        (sender(whole), arrivals.WHOLE),
    ]
    for each, shares in sending:
        each.begin(load_phase(200, 0.3, spacing="poisson"), shares)
    for each, _ in sending:
        finish(each)
    assert sorted(one.paths + two.paths) == sorted(whole.paths)
    assert abs(len(one.paths) - len(two.paths)) <= 1
