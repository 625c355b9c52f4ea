"""Trying a rate: outages are told from breaks. The generator and the service are fakes."""

import pytest

from loadtest.ceiling.step import OutOfTimeError, SearchBudget, ServiceLostError
from tests.unit.loadtest.fakes import FakeGenerator, step_runner


def test_a_rate_that_is_kept_is_held_and_each_step_is_a_send_of_its_own() -> None:
    generator = FakeGenerator(calls=4_000)
    runner = step_runner(generator)
    assert runner.measure("doubling", 100).held
    assert runner.measure("soak", 100).held
    assert [load_phase.send for load_phase in generator.load_phases] == ["s-1", "s-2"]
    assert [load_phase.first_message for load_phase in generator.load_phases] == [0, 4_000]
    assert runner.soaked is not None
    assert [step.outcome for step in runner.log.steps] == ["held", "held"]


def test_a_soak_that_its_calls_do_not_decide_has_not_held() -> None:
    """300 calls without a failure leave up to a hundredth possible, and a thousandth is the line."""
    runner = step_runner(FakeGenerator(calls=300))
    trial = runner.measure("soak", 100)
    assert (trial.held, trial.decided, trial.broken) == (False, False, ("failures",))
    assert ([step.outcome for step in runner.log.steps], runner.soaked) == (["open"], None)


def test_a_phase_asks_no_member_again_where_one_process_was_ahead_of_the_other() -> None:
    generator = FakeGenerator(left_out=40)
    runner = step_runner(generator)
    for _ in range(3):
        runner.measure("doubling", 100)
    assert [load_phase.first_message for load_phase in generator.load_phases] == [0, 340, 680]
    assert runner.phases.messages == 900


def test_failures_break_a_rate_and_the_trial_carries_the_generators_complaint() -> None:
    trial = step_runner(FakeGenerator(outcome=lambda _: "status_503", cpu_share=0.97)).measure(
        "doubling", 100
    )
    assert (trial.held, trial.complaint) == (False, "the generator used 97% of a core")
    assert set(trial.broken) == {"failures", "latency"}


def test_a_service_that_was_away_once_gets_another_try() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda number: "refused" if number == 1 else None))
    assert runner.measure("doubling", 100).held
    assert [step.outcome for step in runner.log.steps] == ["interrupted", "held"]
    assert runner.log.events[0].what.startswith("the service was away in a step of 100 calls/s: 300 of 300")


def test_a_service_that_goes_away_each_time_has_broken() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda _: "refused"))
    trial = runner.measure("doubling", 100)
    assert not trial.held
    assert [step.outcome for step in runner.log.steps] == ["interrupted"] * 3
    assert runner.log.events[-1].what == "the service went away 3 times at 100 calls/s: counted as broken"


def test_a_service_that_does_not_come_back_is_lost() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda _: "refused"), there=False)
    with pytest.raises(ServiceLostError):
        runner.measure("doubling", 100)
    assert runner.log.events[-1].what == (
        "the service did not come back within 0 s: Nothing listens at 127.0.0.1:8080: start the service, or mend the port "
        "in --host."
    )


def test_nothing_is_begun_when_the_time_is_over() -> None:
    with pytest.raises(OutOfTimeError):
        step_runner(FakeGenerator(), budget=SearchBudget(limit_s=-1)).measure("doubling", 100)
