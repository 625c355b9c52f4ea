"""Workers count in one directory, in memory where there is some, and what a killed service left is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.web.observability import metrics_dir


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(metrics_dir.METRICS_DIR, "")  # so that what a test sets is taken back
    monkeypatch.delenv(metrics_dir.METRICS_DIR)


def test_calls_are_counted_in_memory_where_there_is_a_directory_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(metrics_dir, "_SHARED_MEMORY", tmp_path)
    metrics_dir.name_metrics_dir()
    assert os.environ[metrics_dir.METRICS_DIR].startswith(f"{tmp_path}/")
    metrics_dir.remove_metrics_dir()
    assert list(tmp_path.iterdir()) == []


def test_without_such_a_directory_they_are_counted_where_other_temporary_files_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(metrics_dir, "_SHARED_MEMORY", tmp_path / "absent")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert metrics_dir.memory_dir() is None
    metrics_dir.name_metrics_dir()
    assert os.environ[metrics_dir.METRICS_DIR].startswith(f"{tmp_path}/")


def test_a_directory_that_was_named_is_used_and_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(metrics_dir.METRICS_DIR, str(tmp_path))
    metrics_dir.name_metrics_dir()
    metrics_dir.remove_metrics_dir()
    assert os.environ[metrics_dir.METRICS_DIR] == str(tmp_path)
    assert tmp_path.is_dir()


KILLED = """
import os, signal, sys
from pathlib import Path
from app.web.observability import metrics_dir
metrics_dir._SHARED_MEMORY = Path(sys.argv[1])
metrics_dir.name_metrics_dir()
print(os.environ[metrics_dir.METRICS_DIR], flush=True)
sys.stdin.read()
"""


def test_what_a_killed_service_left_is_removed_by_the_next_and_nothing_of_one_that_lives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(metrics_dir, "_SHARED_MEMORY", tmp_path)
    others = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != metrics_dir.METRICS_DIR},
        )
        for _ in range(2)
    ]
    try:
        killed, living = (Path(other.stdout.readline().strip()) for other in others if other.stdout)
        others[0].kill()
        others[0].wait()
        metrics_dir.name_metrics_dir()
        assert not killed.exists()
        assert living.is_dir()
    finally:
        for other in others:
            other.kill()
            other.communicate()
