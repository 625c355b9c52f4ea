"""A ceiling search on one machine: a demo of the service on the first core, the generator on the second.

`make loadtest` runs this where no HOST is given. The service's limiter is off meanwhile, and the evidence says so.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

READY_S = 600.0
_COMMAND = [sys.executable, "-c", "from app.cli import main; main()"]


@click.command()
@click.option("--port", default=8099, show_default=True)
@click.option("--members", default=20_000, show_default=True, help="Members of the generated board.")
@click.option("--postings", default=3_000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("evidence.json"), show_default=True)
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def local(*, port: int, members: int, postings: int, out: Path, more: tuple[str, ...]) -> None:
    """Search the ceiling of a demo on this machine; MORE goes to `python -m loadtest ceiling`."""
    settings = {"CJ_HARD_RPS": "0", "CJ_SOFT_RPS": "0"}
    demo = [*_COMMAND, "demo", "--port", str(port), "--members", str(members), "--postings", str(postings)]
    folder = Path(os.environ.get("CJ_DATA_DIR", ".data")) / f"demo-{port}"
    with _running(_pinned(demo, 0), settings) as service:
        _wait_until_ready(port, service)
        told = {**os.environ, **settings, "DATABASE_URL_FILE": str(folder / "database-url")}
        members_file, facts_file = folder / "members.txt", folder / "facts.json"
        _write(members_file, [*_COMMAND, "members", "export"], told)
        _write(facts_file, [*_COMMAND, "facts", "--dataset", f"generated, {members} x {postings}"], told)
        _note_pinning(facts_file)
        search = [sys.executable, "-m", "loadtest", "ceiling", "--host", f"http://127.0.0.1:{port}"]
        search += ["--member-file", str(members_file), "--credential-file", str(folder / "credential")]
        search += ["--service-facts", str(facts_file), "--out", str(out), *more]
        ended = subprocess.run(_pinned(search, 1), check=False).returncode
    sys.exit(ended)


def _pinned(command: Sequence[str], core: int) -> list[str]:
    """The command on one core, where there are two and a way to say so."""
    if (os.cpu_count() or 1) > 1 and shutil.which("taskset"):
        return ["taskset", "-c", str(core), *command]
    return list(command)


@contextmanager
def _running(command: Sequence[str], settings: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo, in a process group of its own so that Ctrl-C ends the search first."""
    process = subprocess.Popen(command, env={**os.environ, **settings}, process_group=0)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_until_ready(port: int, service: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise click.ClickException("The service stopped while starting; its messages above say why.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise click.ClickException(f"The service was not ready within {READY_S:.0f} s.")


def _write(path: Path, command: Sequence[str], environment: dict[str, str]) -> None:
    with path.open("wb") as file:
        subprocess.run(command, env=environment, stdout=file, check=True)


def _note_pinning(facts_file: Path) -> None:
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    pinned = _pinned([], 0)
    facts["settings"]["pinned"] = (
        "service and Postgres on core 0, generator on core 1" if pinned else "nothing pinned"
    )
    facts_file.write_text(json.dumps(facts, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    local()
