"""A soak of twenty seconds on a demo of its own: what it says is asserted, not how fast anything was."""

from pathlib import Path

import msgspec
import pytest

from loadtest.soak.report import Soak
from tests.load.conftest import Start

pytestmark = pytest.mark.alone


@pytest.mark.slow
def test_a_short_soak_recycles_workers_and_refreshes_without_losing_a_call(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CJ_DATA_DIR", str(tmp_path / "data"))
    code, output = start(
        "loadtest.soak",
        *("--rps", "60", "--minutes", "0.33", "--recycle-s", "5"),
        *("--members", "1000", "--postings", "200", "--port", "8493", "--out", "soak.json"),
    ).ended(within_s=300)
    found = msgspec.json.decode((tmp_path / "soak.json").read_bytes(), type=Soak)
    assert found.sentence in output
    assert found.step.calls == found.step.messages
    assert found.step.calls == pytest.approx(60 * 20, rel=0.2)
    assert found.broken == 0, found.step.failures
    assert (code == 0) == (not found.step.failures)
    assert found.recycled >= 2
    assert found.recycle_calls == 150
    assert found.refresh is not None
    assert found.refresh.exit_code == 0
    assert found.refresh.began_s == pytest.approx(10, abs=2)
    assert found.read_share is None or found.read_share > 0.9
    assert sum(minute.calls for minute in found.minutes) == found.step.calls
    assert sum(second.failed for second in found.bad_seconds) == sum(found.step.failures.values())
    assert sum(second.degraded for second in found.bad_seconds) == sum(found.step.degraded.values())
    assert len({worker.pid for worker in found.generations}) == found.recycled + found.workers
    assert min(worker.first_mb for worker in found.generations) > 10
