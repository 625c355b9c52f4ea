"""A worker takes no more connections than it may open files."""

from __future__ import annotations

import resource

import pytest

from app.web.workers import process


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
