"""A short rehearsal on a stub that fails for a while."""

from pathlib import Path

import msgspec

from loadtest.rehearsal.record import Rehearsal
from tests.load.conftest import Start, Stub, wait_until

PLAN = """
time_zone = "Asia/Seoul"
[[campaigns]]
name = "weekly"
kind = "rate_limited"
at = 2026-11-23T09:00:00
audience = 6000
limit_per_min = 3000
calls_per_recipient = 2
retry = true
"""


def test_a_rehearsal_follows_the_services_real_replies(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    run = start(
        "loadtest",
        "rehearse",
        "plan.toml",
        "--host",
        stub.url,
        *sender_files,
        "--speed",
        "60",
        "--out",
        "rehearsal.json",
    )
    wait_until(lambda: stub.tell()["seen"].get("calls", 0) > 30)
    stub.tell("mode=status-503")
    wait_until(lambda: stub.tell()["seen"].get("calls", 0) > 60)
    stub.tell("mode=ok")
    code, output = run.ended()
    assert code == 0, output
    found = msgspec.json.decode((tmp_path / "rehearsal.json").read_bytes(), type=Rehearsal)
    assert found.sentence in output
    assert (found.ended, found.plan, found.speed) == ("finished", "plan.toml", 60)
    assert (found.forecast.attempts, found.forecast.calls, found.forecast.retries) == (6000, 12_000, 0)
    assert found.measured.retries > 0
    assert found.measured.sent + found.measured.aborted == 6000
    assert found.measured.attempts == 6000 + found.measured.retries
    assert found.failures["status_503"] > 0
    assert found.calls_made + 1 == stub.tell()["seen"]["calls"]  # the first asks whether it can be loaded
    assert sum(second.calls for second in found.seconds) == found.measured.calls
    assert sum(second.forecast_calls for second in found.seconds) == 12_000
