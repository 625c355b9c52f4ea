"""A stub to load, files that a sender needs, and the commands as other processes, so that nothing patches pytest's."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STUB = Path(__file__).with_name("stub_server.py")
PASS_LINE = Path(__file__).with_name("pass_line.toml")
MEMBERS = 100_000  # more than any of the searches asks
SERVERS, SERVICE_S = 4, 0.008


@dataclass
class Stub:
    """A stub server as a process of its own, on a port that it keeps when it is started again."""

    port: int = 0
    servers: int = SERVERS
    service_s: float = SERVICE_S
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> "Stub":
        """Start it and wait until it listens."""
        options = ["--port", self.port, "--servers", self.servers, "--service-ms", self.service_s * 1000]
        command = [sys.executable, str(STUB), *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])
        return self

    def kill(self) -> None:
        """Kill it as a crash would."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def tell(self, query: str = "") -> dict[str, Any]:
        """Change its behaviour, or ask what it saw."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", f"/stub?{query}")
            told: dict[str, Any] = json.loads(connection.getresponse().read())
            return told
        finally:
            connection.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A running stub with four servers of 8 ms: 500 calls/s."""
    running = Stub().start()
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture
def sender_files(tmp_path: Path) -> list[str]:
    """Options that name a member file and a credential file."""
    members, credential = tmp_path / "members.txt", tmp_path / "credential"
    members.write_text("\n".join(f"m{number}" for number in range(MEMBERS)))
    credential.write_text("braze:secret\n")
    return ["--member-file", str(members), "--credential-file", str(credential)]


@dataclass
class Run:
    """A command under way; its output is one text."""

    process: subprocess.Popen[str]

    def ended(self, *, within_s: float = 120) -> tuple[int, str]:
        """Wait for its exit code and output."""
        output, _ = self.process.communicate(timeout=within_s)
        return self.process.returncode, output


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `python -m MODULE …` in a folder of its own with the project importable."""
    runs: list[Run] = []

    def begin(module: str, *arguments: str) -> Run:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path, "COLUMNS": "300"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        runs.append(Run(process))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        if run.process.stdout is not None:
            run.process.stdout.close()


def wait_until(true: Callable[[], bool], *, within_s: float = 20) -> None:
    """Wait for something to become true."""
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
