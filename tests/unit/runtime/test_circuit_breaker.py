"""While the store is down, few calls find out for themselves."""

from __future__ import annotations

from app.runtime.circuit_breaker import CircuitBreaker
from tests.unit.serving.fakes import Timer


def test_a_breaker_opens_after_failures_in_a_row_probes_and_closes_again() -> None:
    timer = Timer()
    breaker = CircuitBreaker(failures=3, probe_s=10.0, timer=timer)
    for failed in (True, True, False, True, True):
        (breaker.record_failure if failed else breaker.record_success)()
    assert (breaker.is_open, breaker.allows_call()) == (False, True)
    breaker.record_failure()
    assert (breaker.is_open, breaker.allows_call()) == (True, False)
    timer.now_s += 10.0
    assert [breaker.allows_call() for _ in range(3)] == [True, False, False]
    breaker.record_failure()
    assert not breaker.allows_call()
    timer.now_s += 10.0
    assert breaker.allows_call()
    breaker.record_success()
    assert [breaker.is_open, breaker.allows_call(), breaker.allows_call()] == [False, True, True]
