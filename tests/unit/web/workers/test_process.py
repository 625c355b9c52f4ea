"""What a process that answers has beside the application."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from app.web.workers import process


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(process.METRICS_DIR, "")  # so that what a test sets is taken back
    monkeypatch.delenv(process.METRICS_DIR)


def test_calls_are_counted_in_memory_where_there_is_a_directory_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_SHARED_MEMORY", tmp_path)
    process.name_metrics_dir()
    assert os.environ[process.METRICS_DIR].startswith(f"{tmp_path}/")
    process.remove_metrics_dir()
    assert list(tmp_path.iterdir()) == []


def test_without_such_a_directory_they_are_counted_where_other_temporary_files_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_SHARED_MEMORY", tmp_path / "absent")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert process.memory_dir() is None
    process.name_metrics_dir()
    assert os.environ[process.METRICS_DIR].startswith(f"{tmp_path}/")


def test_a_directory_that_was_named_is_used_and_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(process.METRICS_DIR, str(tmp_path))
    process.name_metrics_dir()
    process.remove_metrics_dir()
    assert os.environ[process.METRICS_DIR] == str(tmp_path)
    assert tmp_path.is_dir()


KILLED = """
import os, signal, sys
from pathlib import Path
from app.web.workers import process
process._SHARED_MEMORY = Path(sys.argv[1])
process.name_metrics_dir()
print(os.environ[process.METRICS_DIR], flush=True)
sys.stdin.read()
"""


def test_what_a_killed_service_left_is_removed_by_the_next_and_nothing_of_one_that_lives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_SHARED_MEMORY", tmp_path)
    others = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != process.METRICS_DIR},
        )
        for _ in range(2)
    ]
    try:
        killed, living = (Path(other.stdout.readline().strip()) for other in others if other.stdout)
        others[0].kill()
        others[0].wait()
        process.name_metrics_dir()
        assert not killed.exists()
        assert living.is_dir()
    finally:
        for other in others:
            other.kill()
            other.communicate()


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "then_soft"),
    [
        (1024, 4096, 256, 1024),  # enough as it is
        (128, 4096, 256, 344),  # raised as far as is needed
        (128, 200, 112, 200),  # raised as far as may be
        (64, 64, 1, 64),  # few are better than none
    ],
)
def test_a_worker_takes_no_more_connections_than_it_may_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, connections: int, then_soft: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert process.most_connections(256, beside=24) == connections
    assert limits[-1] == (then_soft, hard)
