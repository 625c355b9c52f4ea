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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import click

READY_S = 600.0
_COMMAND = [sys.executable, "-c", "from app.cli import main; main()"]


@click.command()
@click.option("--demo", "demo_port", type=int, help="Load the demo that already runs on this port.")
@click.option("--port", default=8099, show_default=True, help="Port of a demo of its own, otherwise.")
@click.option("--members", default=40_000, show_default=True, help="Members of its generated board.")
@click.option("--postings", default=3_000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("evidence.json"), show_default=True)
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def local(
    *, demo_port: int | None, port: int, members: int, postings: int, out: Path, more: tuple[str, ...]
) -> None:
    """Search the ceiling of a demo on this machine; MORE goes to `python -m loadtest ceiling`.

    Without `--demo` it starts one, on the first core, with the limiter off. A demo that runs already is loaded
    as it is, and keeps the evidence.
    """
    if demo_port is not None:
        ended = _search(demo_port, os.environ, "nothing pinned", out, more)
        if ended == 0:
            _run(["evidence", "add", str(out)], _told(demo_port, os.environ))
        sys.exit(ended)
    settings = {**os.environ, "CJ_HARD_RPS": "0", "CJ_SOFT_RPS": "0"}
    demo = [*_COMMAND, "demo", "--port", str(port), "--members", str(members), "--postings", str(postings)]
    with _running(_pinned(demo, 0), settings, _folder(port) / "service.log") as service:
        _wait_until_ready(port, service)
        pinned = "service and Postgres on core 0, generator on core 1" if _pinned([], 0) else "nothing pinned"
        sys.exit(_search(port, settings, pinned, out, more))


def _search(port: int, environment: Mapping[str, str], pinned: str, out: Path, more: tuple[str, ...]) -> int:
    """Search the ceiling of the demo on a port; returns the search's exit code."""
    folder, told = _folder(port), _told(port, environment)
    members_file, facts_file = folder / "members.txt", folder / "facts.json"
    _run(["members", "export"], told, members_file)
    _run(["facts", "--dataset", f"the demo on port {port}"], told, facts_file)
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    facts["settings"]["pinned"] = pinned
    facts_file.write_text(json.dumps(facts, ensure_ascii=False, indent=2), encoding="utf-8")
    search = [sys.executable, "-m", "loadtest", "ceiling", "--host", f"http://127.0.0.1:{port}"]
    search += ["--member-file", str(members_file), "--credential-file", str(folder / "credential")]
    search += ["--service-facts", str(facts_file), "--out", str(out), *more]
    return subprocess.run(_pinned(search, 1), check=False).returncode


def _folder(port: int) -> Path:
    return Path(os.environ.get("CJ_DATA_DIR", ".data")) / f"demo-{port}"


def _told(port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command that asks the demo's Postgres."""
    path = _folder(port) / "database-url"
    if not path.exists():
        raise click.ClickException(f"No demo was started on port {port} from here: `make demo PORT={port}`.")
    return {**environment, "DATABASE_URL_FILE": str(path)}


def _run(arguments: Sequence[str], environment: Mapping[str, str], out: Path | None = None) -> None:
    """Run a command of ours, its output into a file where one is given."""
    done = subprocess.run([*_COMMAND, *arguments], env=environment, stdout=PIPE if out else None, check=True)
    if out:
        out.write_bytes(done.stdout)


def _pinned(command: Sequence[str], core: int) -> list[str]:
    """The command on one core, where there are two and a way to say so."""
    if (os.cpu_count() or 1) > 1 and shutil.which("taskset"):
        return ["taskset", "-c", str(core), *command]
    return list(command)


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo, in a process group of its own so that Ctrl-C ends the search first; it writes to `log`."""
    click.echo(f"Starting a demo of its own; what it says is in {log}.")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, env=environment, stdout=said, stderr=subprocess.STDOUT, process_group=0
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait_until_ready(port: int, service: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise click.ClickException(
                f"The service stopped while starting: {_folder(port) / 'service.log'} says why."
            )
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise click.ClickException(f"The service was not ready within {READY_S:.0f} s.")


if __name__ == "__main__":
    local()
