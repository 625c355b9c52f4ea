"""The ceiling search on a stub whose ceiling is known."""

import signal
import time
from functools import cache
from pathlib import Path

import pytest

from loadtest.ceiling.evidence import EvidenceFile, read_evidence
from tests.load.conftest import MEMBERS, PASS_LINE, SERVERS, SERVICE_S, Start, Stub, wait_until
from tests.load.theory import ceiling_rps

pytestmark = pytest.mark.alone


@cache
def theory_rps() -> float:
    """The stub's ceiling by queueing theory."""
    return ceiling_rps(servers=SERVERS, service_s=SERVICE_S, inside_s=0.08)


SHORT = ["--pass-line", str(PASS_LINE), "--out", "evidence.json", "--step-s", "2"]


def searched(start: Start, stub: Stub, files: list[str], folder: Path, *options: str) -> EvidenceFile:
    """Search to the end, and read the evidence."""
    code, output = start("loadtest", "ceiling", "--host", stub.url, *files, *SHORT, *options).ended(
        within_s=300
    )
    assert code == 0, output
    found = read_evidence(folder / "evidence.json")
    assert found.verdict.sentence in output
    return found


def test_the_ceiling_of_queueing_theory_lies_between_the_bounds_found(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    found = searched(
        *(start, stub, sender_files, tmp_path),
        *("--start-rps", "300", "--precision", "0.34", "--soak-s", "3", "--longest-soak-s", "3"),
        *("--overload-s", "0"),
    )
    verdict = found.verdict
    assert verdict.low_rps <= verdict.rps < 1.1 * theory_rps()
    if verdict.kind == "at_least":  # a busy machine: then the search must say so
        assert "generator" in verdict.bound_by[0]
    else:
        assert (verdict.kind, found.ended) == ("ceiling", "finished")
        assert verdict.high_rps is not None
        assert 0.7 * verdict.high_rps < theory_rps() < 1.1 * verdict.high_rps
        assert {"latency", "still_climbing"} & set(verdict.bound_by)
    # A soak of a rate between what held and what broke may come last, and break.
    held = [step for step in found.steps if step.phase == "soak" and step.outcome == "held"][-1]
    assert (held.rps, held.calls) == (verdict.rps, verdict.soak_calls)
    assert held.latency.percentiles_ms["p50"] >= SERVICE_S * 1000
    assert (found.traffic.members_in_file, found.traffic.members_asked_again) == (MEMBERS, 0)
    seen = stub.tell()
    assert seen["most_calls_for_one_member"] == 1
    assert seen["headers"] == {
        "Host": f"127.0.0.1:{stub.port}",
        "User-Agent": "Braze Sender 6c6f6164",
        "X-Braze-Sender-Version": "6c6f6164",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json",
        "Authorization": "Basic YnJhemU6c2VjcmV0",
    }
    page = (tmp_path / "evidence.html").read_text()
    assert "Latency versus rate" in page
    assert "http" not in page.replace(stub.url, "")  # nothing is fetched from elsewhere


def test_a_killed_service_is_survived_and_an_interrupt_keeps_what_was_measured(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    run = start(
        *("loadtest", "ceiling", "--host", stub.url, *sender_files, *SHORT, "--step-s", "3"),
        *("--start-rps", "100", "--highest-rps", "100", "--soak-s", "60"),
    )
    wait_until(
        lambda: stub.tell()["seen"].get("of_members", 0) > 60, within_s=90
    )  # past the checks and into the first step
    stub.kill()
    time.sleep(1)
    stub.start()
    wait_until(lambda: stub.tell()["seen"].get("of_members", 0) > 400)  # stepped again, in the soak
    run.process.send_signal(signal.SIGINT)
    code, output = run.ended(within_s=20)
    found = read_evidence(tmp_path / "evidence.json")
    assert [step.outcome for step in found.steps] == ["interrupted", "held"], output
    assert found.steps[0].failures["refused"] > 0
    away, back, stopped = [event.what for event in found.events]
    assert away.startswith("the service was away in a step of 100 calls/s")
    assert back.endswith("the step is done again")
    assert stopped == "stopped by the operator"
    assert (code, found.ended, found.verdict.kind, found.verdict.rps) == (1, "stopped", "unconfirmed", 100)


def skip_if_too_busy(*searches: EvidenceFile) -> None:
    """Skip where the machine was so busy that a search found only a lower bound, and said so."""
    for found in searches:
        if found.verdict.kind == "at_least":
            assert found.verdict.rps < 1.1 * theory_rps()
            pytest.skip(f"the machine is too busy for a ceiling: {found.verdict.sentence}")


@pytest.mark.slow
def test_two_processes_find_the_same_ceiling(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    found = searched(
        *(start, stub, sender_files, tmp_path),
        *("--processes", "2", "--start-rps", "300", "--soak-s", "10", "--longest-soak-s", "10"),
        *("--overload-s", "3"),
    )
    assert found.environment.generator.processes == 2
    skip_if_too_busy(found)
    assert found.verdict.rps == pytest.approx(theory_rps(), rel=0.1)
    assert stub.tell()["most_calls_for_one_member"] == 1
    assert found.overload is not None
    assert found.overload.rps == 3 * found.verdict.rps
    assert found.overload.usable_share < 0.9
    assert found.overload.recovery_s is not None


@pytest.mark.slow
def test_five_searches_agree_within_ten_per_cent_with_each_other_and_with_theory(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    found = [
        searched(
            *(start, stub, sender_files, tmp_path),
            *("--seed", str(seed), "--start-rps", "150", "--soak-s", "10", "--longest-soak-s", "10"),
            *("--overload-s", "0"),
        )
        for seed in range(1, 6)
    ]
    ceilings = [each.verdict.rps for each in found]
    print("ceilings", ceilings, "theory", round(theory_rps()))  # noqa: T201 - the figures are the point of this run
    skip_if_too_busy(*found)
    assert ceilings == pytest.approx([theory_rps()] * 5, rel=0.1)
    assert max(ceilings) < 1.1 * min(ceilings)
