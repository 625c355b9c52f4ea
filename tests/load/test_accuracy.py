"""Two scenarios, much compressed, on a demo of its own: the record's content, not how good the forecast was."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loadtest.rehearsal.accuracy import Accuracy
from loadtest.rehearsal.comparison import Row, sentence
from loadtest.rehearsal.service_costs import Costs
from tests.load.conftest import Start, Stub, wait_until

pytestmark = pytest.mark.alone

TOLD = {"ceiling_rps": 150.0, "overloaded_share": 0.9, "degraded": 0.6, "refused": 0.6}


@pytest.mark.slow
def test_scenarios_are_scaled_rehearsed_and_set_beside_their_forecast(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CJ_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "told.json").write_text(json.dumps({"costs": TOLD, "more": 1}))
    code, output = start(
        "loadtest.rehearsal.accuracy",
        *(
            "--only",
            "10",
            "--only",
            "13",
            "--target-s",
            "5",
            "--costs",
            "told.json",
            "--out",
            "accuracy.json",
        ),
        *("--members", "1000", "--postings", "200", "--port", "8494"),
    ).ended(within_s=300)
    assert code == 0, output
    found = msgspec.json.decode((tmp_path / "accuracy.json").read_bytes(), type=Accuracy)
    assert found.sentence in output
    assert found.costs == Costs(**TOLD)
    parts, refused = found.rows
    assert (parts.name, parts.speed, parts.soft_rps, parts.hard_rps) == ("10-three-parts", 60, 60, 90)
    assert (parts.forecast.totals.sent, parts.measured.totals.sent) == (4_200, 4_200)
    assert parts.measured.peak_rps > 30
    assert (refused.name, refused.forecast.totals.attempts) == ("13-over-the-hard-line-blank", 38_250)
    # Lines of 60 and 90 calls/s under 135: a third refused, blank for want of a retry.
    assert refused.forecast.shares.failed == pytest.approx(0.29, abs=0.02)
    assert refused.measured.shares.failed == pytest.approx(0.29, abs=0.1)
    assert refused.measured.totals.blank > 0
    assert refused.calls_made == pytest.approx(38_250 / 60, abs=2)


@pytest.fixture
def slow_stub() -> Iterator[Stub]:
    """A running stub with four servers of 40 ms: 100 calls/s."""
    running = Stub(service_s=0.04).start()
    yield running
    running.kill()


@pytest.mark.slow  # `make accuracy` does it before it measures
@pytest.mark.parametrize(
    ("then_ms", "words"), [(80, "the ceiling fell"), (20, "the ceiling rose"), (40, None)]
)
def test_a_service_that_changes_in_the_middle_of_a_send_is_noticed_and_its_row_left_out(
    slow_stub: Stub, start: Start, sender_files: list[str], then_ms: int, words: str | None
) -> None:
    """From 100 calls/s to 50, to 200, or to as many as before."""
    _, members, _, credential = sender_files
    run = start("tests.load.one_comparison", slow_stub.url, members, credential, "100")
    wait_until(lambda: slow_stub.tell()["seen"].get("calls", 0) > 200)
    slow_stub.tell(f"service_ms={then_ms}")
    code, output = run.ended()
    assert code == 0, output
    row = msgspec.json.decode(output.split("ROW ")[-1], type=Row)
    assert row.forecast.peak_rps == pytest.approx(133, abs=5)
    assert (row.ceiling_moved is None) if words is None else words in str(row.ceiling_moved)
    if words is not None:
        assert "nothing was compared" in sentence([row])
