"""The first seconds after a restart: what a send meets that begins right after a deploy."""

import subprocess
from collections.abc import Callable

from loadtest.ceiling.evidence import ColdStart
from loadtest.ceiling.overload import first_well_second
from loadtest.ceiling.slo import usable_share
from loadtest.ceiling.step import ServiceLostError, StepRunner
from loadtest.errors import LoadtestError
from loadtest.generator import readiness
from loadtest.generator.arrivals import for_seconds

COLD_SHARE = 0.7  # of what was sustained: as much as a plan may ask for
COLD_S = 20.0
RESTARTED_WITHIN_S = 120.0


def restart_by(command: str) -> Callable[[], None]:
    """What runs a shell command that restarts the service, and waits until it ends.

    It raises LoadtestError where the command fails or takes two minutes.
    """

    def restart() -> None:
        try:
            subprocess.run(command, shell=True, check=True, timeout=RESTARTED_WITHIN_S)  # noqa: S602 - the operator's own line
        except (subprocess.SubprocessError, OSError) as error:
            raise LoadtestError(f"The --restart-command failed: {error}.") from None

    return restart


def measure_cold_start(runner: StepRunner, sustained_rps: float, restart: Callable[[], None]) -> ColdStart:
    """Restart the service, wait until it answers, and play at once what a plan may ask for.

    Raises:
        LoadtestError: it was not restarted.
        ServiceLostError: it did not come back.
    """
    phases, rps = runner.phases, COLD_SHARE * sustained_rps
    restarted_at = phases.clock()
    restart()
    reason = readiness.await_ready(
        phases.sender, within_s=runner.budget.return_s, clock=phases.clock, sleep=phases.sleep
    )
    if reason is not None:
        runner.log.note(f"the service did not come back after the restart: {reason}")
        raise ServiceLostError(reason)
    ready_s = phases.clock() - restarted_at
    load_phase = phases.begin(for_seconds(rps, COLD_S))
    while phases.look("cold_start", load_phase, COLD_S) is not None:
        pass
    stats = phases.finish()
    runner.record("cold_start", rps, load_phase, stats, None)
    return ColdStart(
        rps=rps,
        seconds=COLD_S,
        ready_s=ready_s,
        usable_share=usable_share(list(stats.seconds.values())),
        inside_share=stats.inside / stats.calls if stats.calls else 0.0,
        p99_ms=stats.latency.percentiles_ms().get("p99", 0.0),
        settled_s=first_well_second(runner, stats, load_phase, from_s=0),
    )
