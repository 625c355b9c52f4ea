"""What generates the load: this process, or a few Locust workers that it starts and leads as their master."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

from loadtest.errors import LoadtestError
from loadtest.generator.generators import DistributedGenerator, LoadGenerator, LocalGenerator
from loadtest.generator.options import SenderOptions
from loadtest.generator.sender import Sender

LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
WORKERS_WITHIN_S = 30.0


@contextmanager
def load_generator(options: SenderOptions, sender: Sender, *, processes: int) -> Iterator[LoadGenerator]:
    """A generator over this process's sender, or over so many workers of its own.

    Raises:
        LoadtestError: the workers did not come up.
    """
    if processes == 1:
        try:
            yield LocalGenerator(sender)
        finally:
            sender.abandon()
        return
    # Locust patches the standard library when it is imported, which the one-process case does without.
    from locust.env import Environment  # noqa: PLC0415 - see above

    port = _free_port()
    workers = [subprocess.Popen(_worker_command(options, port)) for _ in range(processes)]
    runner = Environment().create_master_runner("127.0.0.1", port)
    try:
        generator = DistributedGenerator(runner)
        _await_workers(generator, processes)
        yield generator
    finally:
        runner.quit()
        for worker in workers:
            worker.terminate()
            worker.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await_workers(generator: DistributedGenerator, processes: int) -> None:
    until = time.monotonic() + WORKERS_WITHIN_S
    while len(generator.workers) < processes:
        if time.monotonic() > until:
            raise LoadtestError(
                f"Only {len(generator.workers)} of {processes} workers came up within {WORKERS_WITHIN_S:.0f} s; "
                "their own messages above say why."
            )
        gevent.sleep(0.1)


def _worker_command(options: SenderOptions, port: int) -> list[str]:
    traffic = options.traffic
    arguments: dict[str, object] = {
        "-f": LOCUSTFILE,
        "--master-host": "127.0.0.1",
        "--master-port": port,
        "--host": options.host,
        "--member-file": options.member_file,
        "--credential-file": options.credential_file,
        "--allow-host": ",".join(options.allow_hosts),
        "--ca-file": options.ca_file or "",
        "--passes": traffic.passes,
        "--unknown-share": traffic.unknown_share,
        "--preview-share": traffic.preview_share,
        "--arrival-seed": options.seed,
        "--loglevel": "WARNING",
    }
    pairs = [str(word) for pair in arguments.items() for word in pair]
    return [sys.executable, "-m", "locust", "--worker", *pairs]
