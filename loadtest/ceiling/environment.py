"""Under which circumstances a test ran: commit, machine, and what the service tells of itself."""

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.capacity.evidence.hosts import is_loopback
from loadtest.ceiling.evidence import EnvironmentRecord, Machine
from loadtest.errors import LoadtestError
from loadtest.generator.target import Origin

WANTED_OF_THE_SERVICE = (
    "fingerprint",
    "settings",
    "instances",
    "workers",
    "limiter",
    "postgres_version",
    "tables",
    "dataset",
)


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name."""
    try:
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def git(*arguments: str) -> str | None:
    """What git says of the folder this runs in; None without git or outside a repository."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def machine(origin: Origin, *, processes: int) -> Machine:
    """This machine as a generator of load."""
    return Machine(
        host_name=platform.node(),
        cpu_model=cpu_model(),
        cpu_count=os.cpu_count() or 1,
        cpus_used=tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else (),
        python=platform.python_version(),
        locust=version("locust"),
        processes=processes,
        same_machine_as_service=is_loopback(origin.host),
    )


def read_service_facts(path: Path | None) -> dict[str, Any]:
    """Facts about the service from a JSON object in a file, if there is one.

    Raises:
        LoadtestError: the file is missing or holds no JSON object.
    """
    if path is None:
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LoadtestError(f"The service facts {path} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise LoadtestError(f"The service facts {path} are not JSON: {error}.") from None
    if not isinstance(facts, dict):
        raise LoadtestError(f"The service facts {path} are not a JSON object: write {{…}} with named facts.")
    return facts


def environment(
    origin: Origin, *, processes: int, service: dict[str, Any], limited: int
) -> EnvironmentRecord:
    """All circumstances; `limited` counts answers that the service's limiter shaped."""
    said = service.get("limiter")
    seen = f"it shaped {limited} answers" if limited else "no answer was shaped by it"
    status = git("status", "--porcelain")
    return EnvironmentRecord(
        git_commit=git("rev-parse", "HEAD"),
        git_dirty=None if status is None else bool(status),
        generator=machine(origin, processes=processes),
        service=service,
        untold=tuple(name for name in WANTED_OF_THE_SERVICE if name not in service),
        limiter=f"{said if said is not None else 'not told'}; {seen}",
    )
