"""The locustfile, run as a Locust user runs it."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.load.conftest import ROOT, Start, Stub, wait_until

LOCUSTFILE = str(ROOT / "loadtest" / "locustfile.py")


def locust(stub: Stub, files: list[str], *options: str) -> list[str]:
    """Arguments of a headless run of 120 calls/s."""
    return ["-f", LOCUSTFILE, "--host", stub.url, *files, "--headless", "-u", "120", "-r", "120", *options]


def read_csv(path: Path) -> list[dict[str, str]]:
    """A CSV file that Locust wrote."""
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.alone
def test_two_processes_share_one_arrival_process(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    options = ["--processes", "2", "-t", "4s", "--arrivals", "constant", "--csv", "run"]
    run = start("locust", *locust(stub, sender_files, *options))
    code, output = run.ended()
    assert code == 0, output
    seen = stub.tell()
    # Constant arrivals shared between two: one each 1/120 s, none twice and none left out.
    assert seen["most_calls_for_one_member"] == 1
    assert seen["median_gap_ms"] == pytest.approx(1000 / 120, rel=0.1)
    rows = read_csv(tmp_path / "run_stats.csv")
    assert [row["Name"] for row in rows] == ["recommendations", "Aggregated"]


@pytest.mark.slow
def test_a_failure_is_a_failure_in_locusts_own_tables(
    stub: Stub, start: Start, sender_files: list[str], tmp_path: Path
) -> None:
    stub.tell("mode=vetoed")
    code, _ = start("locust", *locust(stub, sender_files, "-t", "4s", "--csv", "run")).ended()
    assert code == 1
    failures = read_csv(tmp_path / "run_failures.csv")
    assert [row["Error"] for row in failures] == ["CallFailedError('vetoed_posting')"]
    assert read_csv(tmp_path / "run_stats.csv")[0]["Failure Count"] == failures[0]["Occurrences"]


def test_the_web_page_offers_the_load_and_neither_whom_to_load_nor_files() -> None:
    """In a process of its own: importing Locust patches the standard library."""
    asked = "import json, sys; from locust.argument_parser import ui_extra_args_dict as asked; from loadtest import locustfile"
    program = f"{asked}; print(json.dumps(sorted(asked(['--host', 'http://127.0.0.1:1']))))"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(shown) == [
        "arrival_seed",
        "arrivals",
        "burst",
        "calls_per_user",
        "passes",
        "preview_share",
        "unknown_share",
    ]


def test_a_host_that_is_not_allowed_is_refused(start: Start, sender_files: list[str]) -> None:
    code, output = start(
        *("locust", "-f", LOCUSTFILE, "--host", "http://jobs.example.com", *sender_files),
        *("--headless", "-u", "10", "-t", "5s"),
    ).ended()
    assert code == 2
    assert "The host jobs.example.com is neither this machine nor allowed" in output


@pytest.mark.slow
def test_the_web_page_serves_and_starts_a_run(stub: Stub, start: Start, sender_files: list[str]) -> None:
    start(
        "locust",
        "-f",
        LOCUSTFILE,
        "--host",
        stub.url,
        *sender_files,
        "--web-port",
        "8189",
        "--web-host",
        "127.0.0.1",
    )

    def is_up() -> bool:
        try:
            with urlopen("http://127.0.0.1:8189/", timeout=1) as page:
                return bool(page.status == 200)
        except OSError:
            return False

    wait_until(is_up)
    with urlopen("http://127.0.0.1:8189/swarm", data=b"user_count=50&spawn_rate=50", timeout=5) as reply:
        assert b'"success":true' in reply.read().replace(b" ", b"")
    wait_until(lambda: stub.tell()["seen"].get("calls", 0) > 100)
    with urlopen("http://127.0.0.1:8189/stop", data=b"", timeout=15) as reply:
        assert reply.status == 200
