"""PgBouncer for tests, where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def pgbouncer(
    socket_dir: Path, port: int, folder: Path, *, user: str = "postgres"
) -> Iterator[subprocess.Popen[bytes]]:
    """PgBouncer before the server, lending a connection for a transaction at a time."""
    assert PGBOUNCER is not None
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={socket_dir} user={user}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 8\n"
        f"logfile = {folder / 'pgbouncer.log'}\n",
        encoding="utf-8",
    )
    as_root = os.geteuid() == 0
    if as_root:  # it refuses to run as root
        for path in (folder, *folder.parents):
            if path != Path("/"):
                path.chmod(path.stat().st_mode | 0o011)
        configuration.chmod(0o644)
        (folder / "pgbouncer.log").touch()
        (folder / "pgbouncer.log").chmod(0o666)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", configuration],
        user="nobody" if as_root else None,
        preexec_fn=end_with_parent(15),  # noqa: PLW1509 - only a prctl call
    )
    try:
        _wait_until_listening(process, port)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    give_up_s = time.monotonic() + 10
    while time.monotonic() < give_up_s:
        assert process.poll() is None, "pgbouncer ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("pgbouncer does not listen")
