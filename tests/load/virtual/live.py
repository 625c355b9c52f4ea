"""The load test's own command on every service of known capacity, live: once each, some at a time.

`python -m tests.load.virtual.live` prints the live table of docs/measurements/ceiling.md; names, such as `mm20 leak`, print
their rows. The command searches as it does by itself; two cores carry three at a time.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from loadtest.ceiling.evidence import read_evidence
from tests.load.virtual.services import KNOWN
from tests.load.virtual.table import is_true

AT_ONCE = 3
MEMBERS = 400_000  # more than a search asks


def searched(name: str) -> str:
    """A line of the table, from a server and a search that are processes of their own."""
    known = KNOWN[name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "members").write_text("\n".join(f"m-{n:07d}" for n in range(MEMBERS)), encoding="utf-8")
        (folder / "credential").write_text("braze:secret\n", encoding="utf-8")
        (folder / "credential").chmod(0o600)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.load.stub_server", "--known", name],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                port = server.stdout.readline().split()[1] if server.stdout else ""
                command = ["ceiling", "--host", f"http://127.0.0.1:{port}", "--any-source"]
                files = {
                    "--member-file": "members",
                    "--credential-file": "credential",
                    "--out": "evidence.json",
                }
                options = [word for name, file in files.items() for word in (name, str(folder / file))]
                subprocess.run(
                    [sys.executable, "-m", "loadtest", *command, *options],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
            finally:
                server.kill()
        found = read_evidence(folder / "evidence.json")
    verdict = found.verdict
    truth = "none" if known.ceiling_rps is None else f"{known.ceiling_rps:g}"
    began, ended = (datetime.fromisoformat(at) for at in (found.began_at, found.ended_at))
    minutes = (ended - began).total_seconds() / 60
    said = "true" if is_true(name, verdict) else "not true"
    bound = f" ({', '.join(verdict.bound_by)})" if verdict.bound_by else ""
    return f"| {known.described} | {truth} | {verdict.kind}{bound} | {verdict.rps:.1f} | {said} | {minutes:.0f} |"


def main() -> None:
    """Print the table."""
    print("| Service | Truth | Found | calls/s | | Minutes |\n|---|---|---|---|---|---|")  # noqa: T201 - a table
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for row in pool.map(searched, sys.argv[1:] or KNOWN):
            print(row, flush=True)  # noqa: T201 - a table


if __name__ == "__main__":
    main()
