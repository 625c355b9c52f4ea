"""Whether memory grows: a line with its standard error, and workers found below a demo."""

import os
from pathlib import Path

import pytest

from loadtest.soak.memory import Memory, Slope, slope


def process(proc: Path, pid: int, *, parent: int, name: str = "python", pages: int = 0) -> None:
    """A process as /proc shows it."""
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")
    (folder / "statm").write_text(f"9999 {pages} 5 1 0 1 0")
    (folder / "cmdline").write_bytes(f"{name}\0-m\0x".encode())


def test_a_straight_rise_is_its_slope_without_error() -> None:
    found = slope([(second, 1_000 + 2 * second) for second in range(0, 50, 10)])
    assert found is not None
    assert [found.kb_per_min, found.standard_error] == pytest.approx([120, 0])
    assert found.grows


def test_the_standard_error_is_that_of_least_squares() -> None:
    found = slope([(0, 0), (60, 2), (120, 2), (180, 4)])
    assert found is not None
    # By hand: slope 1.2 a minute, residuals -0.2 0.6 -0.6 0.2, so sqrt(0.8 / 2 / 5) a minute.
    assert [found.kb_per_min, found.standard_error] == pytest.approx([1.2, 0.08**0.5])


def test_noise_about_a_level_does_not_grow() -> None:
    found = slope([(second, 1_000 + (-1) ** second) for second in range(40)])
    assert found is not None
    assert not found.grows


def test_few_samples_or_one_moment_make_no_line() -> None:
    assert slope([(0, 1), (1, 1), (2, 1)]) is None
    assert slope([(5, 1)] * 9) is None


def test_workers_are_followed_from_start_to_end_and_settle_first(tmp_path: Path) -> None:
    process(tmp_path, 10, parent=1)
    process(tmp_path, 11, parent=10, name="postgres")
    process(tmp_path, 12, parent=11, pages=7)
    process(tmp_path, 20, parent=10, name="gunicorn")
    memory = Memory(10, settle_s=20, proc=tmp_path)
    for at_s in range(0, 70, 10):
        process(tmp_path, 21, parent=20, pages=100 + max(20 - at_s, 0))  # filling, then level
        if at_s == 30:
            process(tmp_path, 22, parent=20, pages=100)
        memory.sample(at_s)
    first, second = memory.generations()
    assert (first.pid, first.seen_from_s, first.seen_until_s) == (21, 0, 60)
    assert first.first_mb == 120 * os.sysconf("SC_PAGE_SIZE") / 2**20
    assert first.slope == Slope(kb_per_min=0, standard_error=0, samples=5)
    assert (second.pid, second.seen_from_s, second.slope) == (22, 30, None)  # settled too shortly
    assert memory.whole() == memory.within() == Slope(kb_per_min=0, standard_error=0, samples=7)


def test_what_each_generation_leaves_to_the_next_shows_in_the_whole_only() -> None:
    memory = Memory(1, settle_s=0)
    for generation in range(5):
        memory.samples[generation] = [(generation * 100.0 + s, 1_000.0 + 10 * generation) for s in range(50)]
    whole, within = memory.whole(), memory.within()
    assert whole is not None
    assert within is not None
    assert whole.grows
    assert within.kb_per_min == 0
