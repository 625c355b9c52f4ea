"""PgBouncer for tests: the installed one, and one of 1.21 or newer, which keeps prepared statements (`.ci/pgbouncer` makes it)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_MADE = Path(__file__).parents[1] / ".data" / "pgbouncer" / "pgbouncer"


def _version(program: str | Path | None) -> tuple[int, ...]:
    if program is None or not Path(program).exists():
        return (0,)
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", said.splitlines()[0])))


# None where there is none.
KEEPING = next((str(one) for one in (_MADE, PGBOUNCER) if _version(one) >= (1, 21)), None)
NO_KEEPING = "no PgBouncer of 1.21 or newer (.ci/pgbouncer makes one)"


@dataclass(frozen=True)
class PgBouncer:
    """One that runs.

    Attributes:
        process: Its process.
        folder: Where its settings and its log lie.
    """

    process: subprocess.Popen[bytes]
    folder: Path

    def change(self, name: str, value: object) -> None:
        """Give a setting another value and let it read its settings again."""
        settings = self.folder / "pgbouncer.ini"
        lines = [line for line in settings.read_text().splitlines() if not line.startswith(f"{name} ")]
        settings.write_text("\n".join([*lines, f"{name} = {value}", ""]))
        log = self.folder / "pgbouncer.log"
        before = len(log.read_text())
        self.process.send_signal(signal.SIGHUP)
        _wait_until(lambda: "got SIGHUP" in log.read_text()[before:], self.process)


@contextmanager
def pgbouncer(
    socket_dir: Path,
    port: int,
    *,
    user: str = "postgres",
    program: str | None = PGBOUNCER,
    **settings: object,
) -> Iterator[PgBouncer]:
    """PgBouncer before the server, lending a connection for a transaction at a time."""
    assert program is not None
    # No folder of pytest's: each of its sessions takes from others the way into all of them, and ours runs as somebody else.
    with TemporaryDirectory(prefix="connected-jobs-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        configuration, log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
        lines = [f"{key} = {value}\n" for key, value in ({"default_pool_size": 8} | settings).items()]
        configuration.write_text(
            f"[databases]\n* = host={socket_dir} user={user}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = transaction\nlogfile = {log}\n" + "".join(lines),
            encoding="utf-8",
        )
        log.touch()
        log.chmod(0o666)
        as_root = os.geteuid() == 0  # it refuses to run as root
        process = subprocess.Popen(
            [program, "-q", configuration],
            user="nobody" if as_root else None,
            preexec_fn=end_with_parent(15),  # noqa: PLW1509 - only a prctl call
        )
        try:
            _wait_until(lambda: _listens(port), process)
            yield PgBouncer(process, folder)
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + 10
    while not true():
        assert process.poll() is None, "pgbouncer ended"
        assert time.monotonic() < give_up_s, "pgbouncer does not do it"
        time.sleep(0.02)
