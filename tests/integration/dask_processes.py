"""A Dask scheduler and workers as somebody starts them, each a process of its own on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DASK = Path(sys.executable).with_name("dask")
CONFIG = Path(__file__).parents[2] / "docs" / "deploy" / "chart" / "dask.yaml"
# Dask's own web server cannot be left out: it gets no routes (dask.yaml) and an address of this machine alone.
CLOSED = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
START_S = 60.0


@dataclass
class Started:
    """One of the cluster's programs, in a session of its own: a machine, as far as one machine has several."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until its log has a line like this.

        Raises:
            AssertionError: it ended, or never wrote one.
        """
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(pattern, self.said()):
                return found
            time.sleep(0.05)
        raise AssertionError(self.said())

    def rankers(self) -> list[psutil.Process]:
        """The processes that a worker's nanny keeps."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]

    def listening(self) -> list[tuple[str, int]]:
        """The addresses and ports at which it and its children wait for anybody."""
        found: list[tuple[str, int]] = []
        for one in [psutil.Process(self.process.pid), *self.rankers()]:
            with suppress(psutil.NoSuchProcess):
                found += [
                    (c.laddr.ip, c.laddr.port)
                    for c in one.net_connections("tcp")
                    if c.status == psutil.CONN_LISTEN
                ]
        return found

    def kill(self) -> None:
        """The whole of it at once, as a machine goes."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """A scheduler, its address, and workers."""

    scheduler: Started
    address: str
    workers: list[Started] = field(default_factory=list)


@contextmanager
def started(folder: Path, name: str, *words: str, env: Mapping[str, str]) -> Iterator[Started]:
    """One of Dask's programs, gone afterwards."""
    log = folder / f"{name}.log"
    plain = {
        key: value for key, value in os.environ.items() if not key.startswith(("DATABASE_URL", "CJ_", "DASK"))
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [DASK, *words],
            env=plain | dict(env),
            stdout=file,
            stderr=file,
            start_new_session=True,
            cwd=folder,
        )
    one = Started(process, log)
    try:
        yield one
    finally:
        one.kill()


def plain_config(folder: Path) -> Path:
    """The published dask.yaml without its certificates, for a network of one's own."""
    config = yaml.safe_load(CONFIG.read_text())
    del config["distributed"]["comm"]
    kept = folder / "plain.yaml"
    kept.write_text(yaml.safe_dump(config))
    return kept


@contextmanager
def cluster(
    folder: Path, *urls: str, processes: int = 1, protocol: str = "tcp", env: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A scheduler and a worker for each database URL, as docs/production.md starts them, on loopback."""
    settings = dict(env or {"DASK_CONFIG": str(plain_config(folder))})
    common = ("--host", "127.0.0.1", *CLOSED)
    with ExitStack() as stack:
        scheduler = stack.enter_context(
            started(
                folder, "scheduler", "scheduler", *common, "--protocol", protocol, "--port", "0", env=settings
            )
        )
        address = scheduler.wait_for(rf"({protocol}://127\.0\.0\.1:\d+)").group(1)
        made = Cluster(scheduler, address)
        for number, url in enumerate(urls):
            words = (
                "worker", address, *common, "--protocol", protocol, "--nworkers", str(processes), "--nthreads", "1",
                "--memory-limit", "0", "--local-directory", str(folder),
            )  # fmt: skip
            mine = settings | ({"DATABASE_URL": url} if url else {})
            made.workers.append(stack.enter_context(started(folder, f"worker-{number}", *words, env=mine)))
        for worker in made.workers:
            worker.wait_for(r"Registered to")
        yield made
