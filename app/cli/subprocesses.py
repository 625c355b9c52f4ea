"""Child programs that run beside a command and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONNECTED_JOBS = [
    sys.executable,
    "-c",
    "from app.cli.main import main; main()",
]  # our own commands, on this Python
STOP_S = 15.0
_AGAIN_S = 1.0  # between two interrupts, until the program stops


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], *, log: BinaryIO | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a program in a process group of its own, so that Ctrl-C reaches it only through us; stopped at the end.

    What it says goes to `log`, or where ours goes.
    """
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=log,
        stderr=log,
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
def stop_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, without an error message.

    SIGINT is taken too: a shell's background jobs begin with it ignored. An interrupt that Python drops, as it drops
    whatever is raised in a destructor or a weak reference's callback, is followed by another.
    """

    def stop(number: int, _frame: object) -> None:
        if number == signal.SIGALRM and sys.exc_info()[0] is KeyboardInterrupt:
            return  # the block is already ending
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in before.items():
            signal.signal(number, handler)
