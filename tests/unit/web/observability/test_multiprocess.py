"""Counts of several processes: added up, kept when one ends, in no more files than there are processes."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.web.observability.multiprocess import exposition, merge_dead_workers

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """
import os, sys
from app.telemetry import Metric
from app.web.observability.metrics import Instruments
instruments = Instruments()
for _ in range(int(sys.argv[1])):
    instruments.count_error(429)
    instruments.count_refused_call("hard")
    instruments._seconds.observe(0.005)
instruments.set_gauges({Metric.CARDS_KEPT: 7, Metric.RUN_AGE_SECONDS: 60})
print(os.getpid())
"""
COUNTS = {
    'cj_errors_total{status="429"}': 5.0,
    'cj_limited_total{line="hard"}': 5.0,
    "cj_answer_seconds_count": 5.0,
    'cj_answer_seconds_bucket{le="0.004"}': 0.0,
    'cj_answer_seconds_bucket{le="0.008"}': 5.0,
    'cj_answer_seconds_bucket{le="+Inf"}': 5.0,
}


def ended_worker(directory: Path, count: int) -> int:
    """A process that counted and ended; its number."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(count)],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return int(done.stdout)


def samples(directory: Path, living: list[int]) -> dict[str, float]:
    """What a scrape gives while these processes live."""
    text = exposition(directory, alive=living.__contains__).decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in lines}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """What two processes left behind, and their numbers."""
    folder = tmp_path_factory.mktemp("counted")
    return folder, [ended_worker(folder, count) for count in (2, 3)]


@pytest.fixture
def workers(tmp_path: Path, counted: tuple[Path, list[int]]) -> list[int]:
    """Two processes that counted in the test's folder and ended."""
    folder, numbers = counted
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return list(numbers)


def test_counts_of_the_dead_stay_and_their_gauges_go(tmp_path: Path, workers: list[int]) -> None:
    both = samples(tmp_path, workers)
    assert COUNTS.items() <= both.items()
    assert both["cj_cards_kept"] == 14.0
    one = samples(tmp_path, workers[1:])
    assert COUNTS.items() <= one.items()
    assert (one["cj_cards_kept"], one["cj_run_age_seconds"]) == (7.0, 60.0)
    none = samples(tmp_path, [])
    assert none == {name: value for name, value in both.items() if name in none}
    gone = {name.partition("{")[0] for name in both if name not in none}
    assert {"cj_cards_kept", "cj_run_age_seconds", "cj_breaker_open", "cj_worker_cpu_seconds"} <= gone
    assert not [name for name in gone if name.endswith(("_total", "_count", "_bucket", "_sum"))]


def test_a_process_that_ended_is_found_to_be_gone(tmp_path: Path, workers: list[int]) -> None:
    assert workers
    assert "cj_worker" not in exposition(tmp_path).decode()


def test_the_gone_have_one_file_for_each_kind_however_many_they_are(
    tmp_path: Path, workers: list[int]
) -> None:
    assert len(list(tmp_path.glob("*.db"))) > len(workers) * 2
    samples(tmp_path, [])
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["counter_0.db", "histogram_0.db"]


def test_each_living_worker_is_measured_by_its_number(tmp_path: Path, workers: list[int]) -> None:
    measured = [name for name in samples(tmp_path, workers) if name.startswith("cj_worker_")]
    assert sorted({int(re.findall(r'pid="(\d+)"', name)[0]) for name in measured}) == sorted(workers)
    assert len(measured) == 8


def test_a_scrape_does_not_wait_for_another_and_no_count_is_lost(tmp_path: Path, workers: list[int]) -> None:
    with (tmp_path / "lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not merge_dead_workers(tmp_path, alive=lambda _: False)
        assert COUNTS.items() <= samples(tmp_path, workers[:1]).items()
    assert COUNTS.items() <= samples(tmp_path, []).items()


@pytest.mark.parametrize(
    "torn_bytes", [b"", b"\xff", b"\xff" + b"\0" * 999, b"\x08\0\0\0", b"\xff\xff\xff\x7f" * 100]
)
@pytest.mark.parametrize("kind", ["counter", "histogram", "gauge_livesum"])
def test_a_file_that_is_not_whole_costs_only_what_was_in_it(
    tmp_path: Path, workers: list[int], kind: str, torn_bytes: bytes
) -> None:
    for living in ([*workers], workers[1:], []):
        (tmp_path / f"{kind}_{workers[0]}.db").write_bytes(torn_bytes)
        seen = samples(tmp_path, living)
        for name, value in COUNTS.items():
            lost = kind.startswith("counter") if "_total" in name else kind == "histogram"
            assert seen[name] == (value * 3 / 5 if lost else value), name
        if living:
            assert seen["cj_cards_kept"] == (14.0 if kind != "gauge_livesum" and len(living) > 1 else 7.0)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["counter_0.db", "histogram_0.db"]


def test_the_counts_of_the_gone_begin_anew_where_they_are_spoilt(
    tmp_path: Path, workers: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    assert len(workers) == 2
    (tmp_path / "counter_0.db").write_bytes(b"\xff\xff\xff\x7f" * 100)
    assert samples(tmp_path, [])['cj_errors_total{status="429"}'] == 5.0
    assert "counter_0.spoilt" in caplog.text
