"""A demo of the service on one machine: service and Postgres on the first core, the generator on the second."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import click

SERVICE_CORE, GENERATOR_CORE = 0, 1
READY_S = 600.0  # the first start makes the board
STOP_S = 60.0
CONNECTED_JOBS = [sys.executable, "-c", "from app.cli.main import main; main()"]
_PROBE_S = 2.0


@dataclass(frozen=True)
class Demo:
    """A demo on a port, running or to be run; `environment` holds its settings."""

    port: int
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def folder(self) -> Path:
        """What it keeps."""
        return Path(self.environment.get("CJ_DATA_DIR", ".data")) / f"demo-{self.port}"

    @property
    def credential_file(self) -> Path:
        """Opens its answers; it is there while the demo runs."""
        return self.folder / "credential"

    @property
    def command_environment(self) -> dict[str, str]:
        """The environment of a command that asks its Postgres.

        Raises:
            ClickException: no demo was started on the port from here.
        """
        path = self.folder / "database-url"
        if not path.exists():
            raise click.ClickException(
                f"No demo was started on port {self.port} from here: `make demo PORT={self.port}`."
            )
        return {**self.environment, "DATABASE_URL": "", "DATABASE_URL_FILE": str(path)}

    def run(self, *arguments: str) -> str:
        """What one of our commands prints, asking its Postgres.

        Raises:
            ClickException: it failed, and has said why.
        """
        command = [*CONNECTED_JOBS, *arguments]
        done = subprocess.run(command, env=self.command_environment, stdout=PIPE, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"`connected-jobs {' '.join(arguments)}` failed, as it says above.")
        return done.stdout

    def export_members(self) -> Path:
        """A file of its members' ids."""
        path = self.folder / "members.txt"
        path.write_text(self.run("members", "export"), encoding="utf-8")
        return path


def pin(command: Sequence[str], core: int) -> list[str]:
    """The command on one core, where there are two and a way to say so."""
    return ["taskset", "-c", str(core), *command] if can_pin() else list(command)


def pin_generator() -> None:
    """Keep this process, and what it starts, to the generator's core where that can be."""
    if can_pin():
        os.sched_setaffinity(0, {GENERATOR_CORE})


def can_pin() -> bool:
    """Whether service and generator can have a core each."""
    return (os.cpu_count() or 1) > 1 and shutil.which("taskset") is not None


def pinning() -> str:
    """What is pinned where, for the record."""
    return "service and Postgres on core 0, generator on core 1" if can_pin() else "nothing pinned"


@contextmanager
def running(demo: Demo, *, members: int, postings: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo on the service's core with its generated board, ready; what it says goes to a log in its folder.

    It has a process group of its own, so that Ctrl-C ends the measurement first.

    Raises:
        ClickException: it ended or was not ready in time.
    """
    sizes = ["--members", str(members), "--postings", str(postings), "--mails", "0"]
    command = pin([*CONNECTED_JOBS, "demo", "--port", str(demo.port), *sizes], SERVICE_CORE)
    log = demo.folder / "demo.log"
    click.echo(f"Starting a demo of its own; what it says is in {log}.", err=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=demo.environment, stdout=output, stderr=subprocess.STDOUT, process_group=0
        )
        try:
            _wait_until_ready(demo, process, log)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_S)


def _wait_until_ready(demo: Demo, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise click.ClickException(f"The service stopped while starting: {log} says why.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{demo.port}/health/ready", timeout=_PROBE_S):
                return
        except OSError:
            time.sleep(0.5)
    raise click.ClickException(f"The service was not ready within {READY_S:.0f} s.")
