"""`connected-jobs sync run` as a process of its own, killed where a trial says, and watched for its memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMMAND = [sys.executable, "-c", "from app.cli.main import main; main()"]


class SyncCommand:
    """The command on one database.

    Args:
        url: Of the database.
        environment: The destination's key and what else it wants.
        requests: How many the destination has had.
    """

    def __init__(self, url: str, environment: Mapping[str, str], requests: Callable[[], int]) -> None:
        self._environment = {**os.environ, "DATABASE_URL": url, **environment}
        self._requests = requests
        self.most_kb = 0
        self.first_s: float | None = (
            None  # from the start to the first request, of the last run that made one
        )

    def run(self, file: Path, kill_after_s: float | None = None, *, after_requests: int = 1) -> int | None:
        """Run it; None where it was killed, so many seconds after so many requests of its own."""
        words = [*COMMAND, "sync", "run", str(file)]
        with subprocess.Popen(words, env=self._environment, stdout=subprocess.DEVNULL) as process:
            before, end, begun = self._requests(), float("inf"), time.monotonic()
            first_s = None
            while process.poll() is None:
                self._watch_memory(process.pid)
                made = self._requests() - before
                if made and first_s is None:
                    first_s = self.first_s = time.monotonic() - begun
                if kill_after_s is not None and end == float("inf") and made >= after_requests:
                    end = time.monotonic() + kill_after_s  # it is sending
                if time.monotonic() > end:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    return None
                time.sleep(0.02)
        return process.returncode

    def _watch_memory(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        except OSError:
            return
        found = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        self.most_kb = max([self.most_kb, *found])
