"""Programs that run beside a command and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.postgres.offspring import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STOP_S = 15.0


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own, so that Ctrl-C reaches it only through us; stopped at the end."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        process_group=0,
        preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - only a prctl call
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, and an end asked for be a quiet one.

    SIGINT is taken too: a shell's background jobs begin with it ignored.
    """

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
