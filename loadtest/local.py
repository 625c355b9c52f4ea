"""A ceiling search on one machine: a demo of the service on the first core, the generator on the second.

`make loadtest` runs this where no HOST is given. The service's limiter is off meanwhile, and the evidence says so.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click

from loadtest.demo_service import GENERATOR_CORE, Demo, can_pin, pin, pinning, running
from loadtest.outputs import dated


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--demo", "demo_port", type=int, help="Load the demo that already runs on this port.")
@click.option("--port", default=8099, show_default=True, help="Port of a demo of its own, otherwise.")
@click.option("--members", default=40_000, show_default=True, help="Members of its generated board.")
@click.option("--postings", default=3_000, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The evidence (default: a new file in .data/loadtest)."
)
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def local(
    *, demo_port: int | None, port: int, members: int, postings: int, out: Path | None, more: tuple[str, ...]
) -> None:
    """Search the ceiling of a demo on this machine; MORE goes to `python -m loadtest ceiling`.

    Without `--demo` it starts one, on the first core, with the limiter off. A demo that runs already is loaded
    as it is, and keeps the evidence.
    """
    out = out or dated("evidence")
    if demo_port is not None:
        demo = Demo(demo_port)
        ended = _search(demo, "generator on core 1" if can_pin() else "nothing pinned", out, more)
        if out.exists():  # what found no ceiling is kept too, as what it is
            click.echo(demo.run("evidence", "add", str(out)), nl=False)
        if ended == 0:
            click.echo(demo.run("campaigns", "examples"), nl=False)
        sys.exit(ended)
    demo = Demo(port, {**os.environ, "CJ_HARD_RPS": "0", "CJ_SOFT_RPS": "0"})
    with running(demo, members=members, postings=postings):
        sys.exit(_search(demo, pinning(), out, more))


def _search(demo: Demo, pinned_as: str, out: Path, more: tuple[str, ...]) -> int:
    """Search the ceiling of a demo; returns the search's exit code."""
    facts_file = demo.folder / "facts.json"
    facts = json.loads(demo.run("facts", "--dataset", f"the demo on port {demo.port}"))
    facts["settings"]["pinned"] = pinned_as
    facts_file.write_text(json.dumps(facts, ensure_ascii=False, indent=2), encoding="utf-8")
    search = [sys.executable, "-m", "loadtest", "ceiling", "--host", demo.url]
    search += ["--member-file", str(demo.export_members()), "--credential-file", str(demo.credential_file)]
    search += ["--service-facts", str(facts_file), "--out", str(out), *more]
    return subprocess.run(pin(search, GENERATOR_CORE), check=False).returncode


if __name__ == "__main__":
    local()
