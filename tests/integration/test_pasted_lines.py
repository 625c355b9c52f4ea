"""Every line that the demo, the documents and the pages give to a shell does there what they say it does.

The rule that documents keep, and this test reads them by:

- A block of `sh` is run as it stands, line after line; so is a command of ours in running text that has all it needs. (One
  that lacks an argument is a command's name: tests/unit/test_documents.py looks for it.)
- Commands are found as the README says, with `.venv/bin` on PATH; ours are forked, see `warm_commands`. Words in
  capitals stand for what `Stand` tells.
- `make` is asked what it would do (`make -n`): what it starts, other tests run. A server is started, asked, and stopped.
- A load test is a short one. The journal is the demo's own log.
- A block that begins with `# on a server` needs root, systemd or what a site has: its grammar alone is checked here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from app.cli.main import commands
from tests.integration.running_demo import (
    ROOT,
    SMALL,
    Terminal,
    free_port,
    in_a_terminal,
    quick_place,
)
from tests.integration.test_evidence import EVIDENCE
from tests.integration.warm_commands import warm_commands
from tests.postgres_fixtures import EMBEDDED_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        ROOT / "docs/templates/README.md",
        ROOT / "docs/deploy/README.md",
        ROOT / "docs/warehouse/README.md",
    ]
)
PAGES = ROOT / "app/web/pages/templates/pages"
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
OURS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:connected-jobs|make|curl|locust|python -m loadtest) ")
ON_A_SERVER = "# on a server"
SERVERS = {"connected-jobs serve": "CJ_BIND", "connected-jobs planner": "CJ_PLANNER_BIND"}
SHORT = "--start-rps 10 --highest-rps 10 --step-s 1 --soak-s 1 --longest-soak-s 1 --overload-s 0"
JOURNAL = """#!/bin/sh
case "$*" in *-k*) echo "Out of memory: Killed process 4242 (gunicorn)";; *) cat "{log}";; esac
"""
LONGEST_S = 60.0
# How a script may end that does what it is for.
FINE = {
    "capacity check": {0, 10, 20, 30},  # GO, GO IF, NO-GO, RETEST
    r"\| grep [^|\n]*$": {0, 1},  # a log without such a line
    "currents gaps": {0, 3},  # nothing was ever read
    "results weekly-digest": {0, 1},  # nothing was mailed yet
}
# What there must be for a line to be given at all.
BEFORE = {"PID": "sleep 100 >&- 2>&- &", "--rollback": "connected-jobs refresh --at-once"}
PLAN = """
time_zone = "Asia/Seoul"

[[campaigns]]
name = "A digest"
kind = "rate_limited"
audience = 12_000
at = 2031-12-01T09:00:00
limit_per_min = 1000
"""


@dataclass
class Demo:
    """A running demo, what it showed, and how a person's shell stands to it."""

    terminal: Terminal
    shown: str
    port: int
    folder: Path  # its own
    desk: Path  # where the person is: a folder that looks like a checkout

    @property
    def planner_port(self) -> int:
        (port,) = re.findall(r"^The planner says .*: +http://127\.0\.0\.1:(\d+)/$", self.shown, re.MULTILINE)
        return int(port)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        path = f"{self.desk / 'bin'}:{ROOT / '.venv/bin'}:{EMBEDDED_PROGRAMS}:{os.environ['PATH']}"
        return {
            **inherited,
            "PATH": path,
            "CJ_DATA_DIR": str(self.folder.parent),
            "CJ_BIND": f"127.0.0.1:{self.port}",
            "DATABASE_URL_FILE": str(self.folder / "database-url"),
        }

    def run(self, script: str, *, told: bool = True) -> str:
        """What a script prints; `told` is a shell that has the demo's Postgres from the line for that.

        Raises:
            AssertionError: it failed, or ran for too long.
        """
        environment = self.environment
        if not told:
            del environment["DATABASE_URL_FILE"]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.desk,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        fine = next((codes for pattern, codes in FINE.items() if re.search(pattern, script)), {0})
        assert done.returncode in fine, f"{script}\n{done.stdout[-1500:]}"
        return done.stdout


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with ExitStack() as stack:
        place = stack.enter_context(quick_place())
        port = free_port()
        desk = place / "desk"
        desk.mkdir()
        for name in (
            "app",
            "docs",
            "loadtest",
            "tests",
            "migrations",
            ".venv",
            "Makefile",
            "pyproject.toml",
            "uv.lock",
        ):
            (desk / name).symlink_to(ROOT / name)
        (desk / "bin").mkdir()
        stack.enter_context(warm_commands(desk / "bin"))
        start: list[str | Path] = [ROOT / ".venv/bin/connected-jobs", "demo", "--port", str(port), *SMALL]
        terminal = stack.enter_context(in_a_terminal(*start, folder=place / ".data"))
        shown = terminal.read_until("Ctrl-C stops")
        yield Demo(terminal, shown, port, place / ".data" / f"demo-{port}", desk)


def test_the_screen_holds_the_summary_and_ends_with_lines_that_work(demo: Demo) -> None:
    """Bars draw over nothing, no log line is between, and each line is pasted."""
    lines = [line for line in demo.shown.splitlines() if line]
    assert lines[0].startswith("Generated, not real: ")
    assert [line.split()[0] for line in lines[1:6]] == [
        "read",
        "companies",
        "postings",
        "members",
        "activity",
    ]
    assert lines[6].startswith("Run 1: lists for ")
    assert lines[7].startswith("Sends begin with it from ")
    assert lines[8].startswith("The service answers on port ")
    assert not [line for line in lines if line.startswith("{")]

    (call,) = re.findall(r"^ +(curl -su 'braze:.*)$", demo.shown, re.MULTILINE)
    answered = demo.run(call, told=False)
    answer = json.loads(answered)
    assert (answer["source"], answer["degraded"], len(answer["postings"])) == ("personalized", None, 10)
    assert len({posting["id"] for posting in answer["postings"]}) == 10
    assert answered.startswith('{\n    "recommendation_id"')
    assert answered.endswith("}\n")

    (ready,) = re.findall(r"^Health: +(curl .*)$", demo.shown, re.MULTILINE)
    assert json.loads(demo.run(ready, told=False))["ready"] is True
    assert demo.run(ready, told=False).endswith("\n")
    (metrics,) = re.findall(r"^Metrics: +(curl .*)$", demo.shown, re.MULTILINE)
    assert "cj_answers_total" in demo.run(metrics, told=False)

    (mail,) = re.findall(r"^A mail: +((?:.*\\\n){2}.*)$", demo.shown, re.MULTILINE)
    assert mail.partition(" > ")[2]
    demo.run(mail, told=False)
    assert "</html>" in Path(mail.partition(" > ")[2]).read_text(encoding="utf-8")

    (board,) = re.findall(r"^  (export DATABASE_URL_FILE=.*\n  .*campaigns list)$", demo.shown, re.MULTILINE)
    assert len(demo.run(board, told=False).splitlines()) >= 6
    (export,) = re.findall(r"^  (\S+ warehouse export .*)$", demo.shown, re.MULTILINE)
    assert "v1/manifest.json says what is there." in demo.run(f"{board}\n{export}", told=False)
    assert "python -m loadtest.local" in demo.run("make -n loadtest DEMO=" + str(demo.port), told=False)

    (name,) = re.findall(r"^ +name: +(.*)$", demo.shown, re.MULTILINE)
    (secret,) = re.findall(r"^ +secret: +(.*)$", demo.shown, re.MULTILINE)
    kept = demo.folder / "operator-credential"
    assert (kept.read_text(), kept.stat().st_mode & 0o077) == (f"{name}:{secret}\n", 0)
    planned = f"curl -sf --user '{name}:{secret}' http://127.0.0.1:{demo.planner_port}/v1/capacity"
    assert json.loads(demo.run(f"{planned}/workspace"))["definition"] == {"time_zone": "Asia/Seoul"}
    found = json.loads(demo.run(f"{planned}/campaigns"))["campaigns"]
    assert [one["owner"] for one in found] == ["demo"] * 6


def test_what_documents_and_pages_give_to_a_shell_runs_there(demo: Demo) -> None:
    stand = Stand(demo)
    failed = []
    for where, script in scripts():
        try:
            stand.run(script)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed.append(f"{where}: {error}")
    assert not failed, "\n\n".join(failed)


def test_the_readmes_cron_line_is_one(demo: Demo) -> None:
    (line,) = (
        body.strip()
        for _, language, body in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
        if language == "crontab"
    )
    *times, command = line.split(None, 5)
    assert all(re.fullmatch(r"\*|\d+", time) for time in times)
    command = command.replace("/etc/connected-jobs/url", str(demo.folder / "database-url"))
    assert "lists for" in demo.run(command.replace("/srv/connected-jobs", str(ROOT)), told=False)


def scripts() -> Iterator[tuple[str, str]]:
    """What is given to a shell, each once: blocks whole, commands in running text by themselves."""
    seen: set[str] = set()
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        found = [body for _, language, body in BLOCK.findall(text) if language == "sh"]
        running_text = BLOCK.sub("", text)
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", running_text)]
        for script in (*(body.strip() for body in found), *(span for span in spans if OURS.match(span))):
            if script.partition("  #")[0].rstrip() not in seen:
                seen.add(script.partition("  #")[0].rstrip())
                yield str(document.relative_to(ROOT)), script
    for page in sorted(PAGES.glob("*.html")):
        for script in re.findall(r"<(?:pre|code)[^>]*>([^<]+)</", page.read_text(encoding="utf-8")):
            plain = re.sub(r"{{ _\('(\w+)'\) }}", r"\1", script)
            if OURS.match(plain):
                yield page.name, plain


class Stand:
    """What the words in capitals stand for, and the addresses of the documents' own deployment."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._content = (demo.folder / "credential").read_text(encoding="utf-8").strip()
        member = demo.run("connected-jobs members export --most 1").strip()
        made = demo.run("connected-jobs credential create kim --scope operator")
        (kim,) = re.findall(r"secret: (\S+)", made)
        (spare,) = re.findall(r"Credential (\d+)", demo.run("connected-jobs credential create spare"))
        for name, text in {
            "plan.toml": PLAN,
            "holdout.csv": f"member_id,posting_id\n{member},p-000001\n",
            "evidence.json": json.dumps({**EVIDENCE, "ended_at": f"{datetime.now(UTC):%FT%TZ}"}),
            "credential": self._content,
            "members": member,
        }.items():
            (demo.desk / name).write_text(text, encoding="utf-8")
        demo.run("connected-jobs generate board --members 20 --postings 10")
        journal = demo.desk / "bin" / "journalctl"
        journal.write_text(JOURNAL.format(log=demo.folder / "service.log"), encoding="utf-8")
        journal.chmod(0o755)
        secret = self._content.partition(":")[2]
        service, planner = f"http://127.0.0.1:{demo.port}", f"http://127.0.0.1:{demo.planner_port}"
        self._secrets = (kim, secret)  # in capitals too, and others each time
        self._says: Mapping[str, str] = {
            r"https://(?:jobs\.example\.com|HOST)\b": service,
            r"--allow-host HOST\b": "--allow-host 127.0.0.1",
            r"http://127\.0\.0\.1:8080\b": service,
            r"http://127\.0\.0\.1:8081\b": planner,
            r":8080\b": f":{demo.port}",
            r"\bDEMO=\d+": f"DEMO={demo.port}",
            r"postgresql://\S+:choose-one@\S+": f"$(cat {demo.folder / 'database-url'})",
            r"\bkim:SECRET\b": f"kim:{kim}",
            r"\b(?:braze|NAME):SECRET\b": f"braze:{secret}",
            r"\bPLAN\.toml\b": "plan.toml",
            r"--evidence FILE\b": "--evidence evidence.json",
            r"--holdout FILE\b": "--holdout holdout.csv",
            r"evidence remove ID\b": f"evidence remove {EVIDENCE['id']}",
            r"evidence add FILE\b": "evidence add evidence.json",
            r"preview FILE\b": "preview docs/templates/jobs-mail.html.liquid",
            r"(preview .*--member \S+)(?! --url)$": rf"\1 --url {service} --credential-file credential",
            r"(preview .* --url \S+)$": r"\1 --credential-file credential",
            r"CREDENTIAL_FILE=FILE\b": "CREDENTIAL_FILE=credential",
            r"\bcreate NAME\b": "create somebody",
            r"\brevoke NUMBER\b": f"revoke {spare}",
            r"(--member|erase|restore) ID\b": rf"\1 {member}",
            r"\bimport (?:DIR|FOLDER)\b": "import board",
            r"\bDATA=DIR\b": "DATA=board",
            r"\bFROM=TAG\b": "FROM=v1",
            r"connected-jobs sync run (?:SYNC\.toml|FILE)\b": "CJ_BRAZE_KEY=none connected-jobs sync plan docs/syncs/members.toml",
            r"warehouse export DIR\b": "warehouse export warehouse",
            r"connected-jobs sync plan FILE\b": "CJ_BRAZE_KEY=none connected-jobs sync plan docs/syncs/members.toml",
            r"calendar pull --host \S+": "calendar pull --help",  # there is no Braze
            r"--recipe NAME\b": "--recipe own --option keep=20",
            r"results CAMPAIGN\|EXPERIMENT": "results weekly-digest",
            r"\bPID\b": "$!",
            r"--member-file FILE\b": "--member-file members",
            r"--credential-file FILE\b": "--credential-file credential",
            r"(MEMBERS|CREDENTIAL)=FILE\b": r"\1=file",
            r"(capacity watch)$": r"\1 --dry-run",  # there is no channel
            r"(locust .*)": r"\1 --headless -u 1 -t 1s",
            r"(python -m loadtest ceiling .*)": rf"\1 {SHORT}",
        }

    def run(self, script: str) -> None:
        """Run a script of a document or page."""
        if script.startswith(ON_A_SERVER):
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)
            return
        script = script.strip().replace("\\\n", " ")
        if OURS.match(script) and "\n" not in script and _lacks_something(script):
            return
        lines = [before for word, before in BEFORE.items() if word in script]
        for line in script.splitlines():
            said = re.sub(r"^( *)make (?!-n)", r"\1make -n ", line.partition("  #")[0].rstrip())
            for pattern, stands_for in self._says.items():
                said = re.sub(pattern, stands_for, said)
            assert not (left := _words_in_capitals(said, self._secrets)), f"{left}: {line}"
            server = next((name for name in SERVERS if said.endswith(name)), None)
            lines.append(_asked_and_stopped(said, SERVERS[server]) if server else said)
        self._demo.run("\n".join(lines), told="DATABASE_URL=" not in script)


def test_a_secret_that_reads_like_a_word_in_capitals_is_none() -> None:
    line = "curl -su kim:2GZ7-LJLKS-QWERT 'http://HOST/' FILE"
    assert _words_in_capitals(line, ("2GZ7-LJLKS-QWERT",)) == ["FILE"]


def _words_in_capitals(line: str, secrets: Sequence[str]) -> list[str]:
    """Words that stand for something still; what is quoted is for another program."""
    for secret in secrets:
        line = line.replace(secret, "")
    return re.findall(r"(?<![\w%{-])[A-Z]{2,}(?![\w=.])", re.sub(r"'[^']*'", "''", line))


def _asked_and_stopped(line: str, bind: str) -> str:
    """A server's line: it begins, is alive, and ends well when told to."""
    address = f"127.0.0.1:{free_port()}"
    return f"""
        export {bind}={address}
        {line} >server.log 2>&1 &
        for _ in $(seq 200); do curl -sf -o /dev/null http://{address}/health/live && break; sleep 0.1; done
        curl -sf -o /dev/null http://{address}/health/live || {{ cat server.log; exit 1; }}
        kill -TERM $!
        wait $!
    """


def _lacks_something(line: str) -> bool:
    """Whether a command line is only the name of a command that needs more."""
    words = shlex.split(line)
    if words[0] == "python":
        return len(words) <= 4  # python -m loadtest ceiling
    if words[0] != "connected-jobs":
        return False
    command: click.Command = commands
    given = 0
    for word in words[1:]:
        found = (
            command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        )
        if found is None:
            given += 1
        else:
            command = found
    required = [one for one in command.params if one.required]
    return isinstance(command, click.Group) or (bool(required) and given < len(required))
