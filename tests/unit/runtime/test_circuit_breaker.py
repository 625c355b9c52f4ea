"""While the store is down, few calls find out for themselves."""

from __future__ import annotations

from app.runtime.circuit_breaker import CircuitBreaker
from tests.unit.serving.fakes import Timer


def test_a_breaker_opens_after_failures_in_a_row_probes_and_closes_again() -> None:
    timer = Timer()
    breaker = CircuitBreaker(failures=3, probe_s=10.0, timer=timer)
    for failed in (True, True, False, True, True):
        (breaker.failed if failed else breaker.succeeded)()
    assert (breaker.open, breaker.lets_through()) == (False, True)
    breaker.failed()
    assert (breaker.open, breaker.lets_through()) == (True, False)
    timer.now_s += 10.0
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.failed()
    assert not breaker.lets_through()
    timer.now_s += 10.0
    assert breaker.lets_through()
    breaker.succeeded()
    assert [breaker.open, breaker.lets_through(), breaker.lets_through()] == [False, True, True]
