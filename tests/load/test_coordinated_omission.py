"""What a stall of five seconds looks like to a closed loop and to an open one, on the same stub at 100 calls/s.

Run it with `pytest tests/load/test_coordinated_omission.py -m slow -s`: it prints both rows. The closed loop stops asking while
it waits, so ten calls meet the stall and its p99 is a few milliseconds; the open one goes on, as a send does, and
finds that calls of five seconds were late or cut off.
"""

import csv
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.load.conftest import ROOT, SERVERS, SERVICE_S, Start, Stub

pytestmark = pytest.mark.alone

RPS, SECONDS, STALL_AT_S, STALL_S, CUT_OFF_S = 100, 24, 8, 5, 2


@dataclass(frozen=True)
class Seen:
    """What Locust's own table says of a run."""

    calls: int
    failures: int
    p50_ms: float
    p99_ms: float


def seen_by(start: Start, stub: Stub, folder: Path, *options: str) -> Seen:
    """Run Locust for a while; the stub stalls midway."""
    threading.Timer(STALL_AT_S, stub.tell, [f"stall_s={STALL_S}"]).start()
    run = start("locust", "--host", stub.url, "--headless", "-t", f"{SECONDS}s", "--csv", "run", *options)
    run.ended()
    row = next(csv.DictReader((folder / "run_stats.csv").read_text().splitlines()))
    return Seen(int(row["Request Count"]), int(row["Failure Count"]), float(row["50%"]), float(row["99%"]))


@pytest.mark.slow
def test_a_closed_loop_hides_a_stall_that_the_sender_shows(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    closed_file = str(ROOT / "tests" / "load" / "closed_loop_locustfile.py")
    closed = seen_by(start, stub, tmp_path, "-f", closed_file, "-u", "10", "-r", "10")
    sender = [
        "-f",
        str(ROOT / "loadtest" / "locustfile.py"),
        "-u",
        str(RPS),
        "-r",
        str(RPS),
        "--arrivals",
        "constant",
    ]
    opened = seen_by(start, stub, tmp_path, *sender, *sender_files)
    print(f"\nclosed loop {closed}\nopen sender {opened}")  # noqa: T201 - the figures are the point of this run
    assert (closed.failures, closed.p99_ms < 200) == (0, True)
    assert opened.p99_ms > 1900
    # A call t seconds into the stall waits 5 - t seconds and for the 100 t calls before it, at 500 a second.
    cut_off = (STALL_S - CUT_OFF_S) / (1 - RPS * SERVICE_S / SERVERS) * RPS
    assert opened.failures == pytest.approx(cut_off, rel=0.05)
    assert opened.calls > closed.calls + (STALL_S - 1) * RPS
