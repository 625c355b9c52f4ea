"""A real Prometheus on loopback, with the published configuration and rules, made quick enough for a test."""

from __future__ import annotations

import json
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.web.board import SECRETS
from tests.web.test_nginx import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OBSERVABILITY = Path(__file__).parents[2] / "docs" / "observability"
PATIENCE_S = 15.0
_MINUTES = re.compile(r"(?<=\[)(\d+)m(?=\])|(?<=for: )(\d+)m")


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    port: int

    def get(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(query)}", timeout=5) as got:
                answer = json.load(got)
        except HTTPError as error:
            answer = json.load(error)
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return answer["data"]

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression gives now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def number(self, expression: str) -> float:
        """The one number that an expression gives."""
        (sample,) = self.ask(expression)
        return float(sample["value"][1])

    def rules(self) -> list[dict[str, Any]]:
        """Every alert's rule with its state."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def alerts(self, *states: str) -> set[str]:
        """The names of the alerts in one of these states."""
        return {rule["name"] for rule in self.rules() if rule["state"] in states}


def configure(folder: Path, port: int, *, hurry: int = 1) -> None:
    """Write the published files with the service's port, the test's secret and an interval of a second.

    With `hurry` the rules' minutes last a `hurry`-th of one: what an alert looks back at, and how long it waits.
    """
    (folder / "secret").write_text(SECRETS["prometheus"])
    rules = (OBSERVABILITY / "alerts.yml").read_text().replace("interval: 15s", "interval: 1s")
    if hurry > 1:
        rules = _MINUTES.sub(lambda found: f"{int(found[1] or found[2]) * 60 // hurry}s", rules)
    (folder / "alerts.yml").write_text(rules)
    example = (OBSERVABILITY / "prometheus.yml").read_text()
    changes = {
        "/etc/prometheus/connected-jobs.secret": str(folder / "secret"),
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "_interval: 15s": "_interval: 1s",
        "scrape_timeout: 10s": "scrape_timeout: 1s",
    }
    for published, here in changes.items():
        assert published in example
        example = example.replace(published, here)
    (folder / "prometheus.yml").write_text(example)


@contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """Run it on what `configure` wrote into the folder."""
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            yield Prometheus(port)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def wait_until(true: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Wait until something is so; the test fails where it never is."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            if true():
                return
        except (OSError, ValueError):  # it has only just been started, or has nothing yet
            pass
        time.sleep(0.1)
    pytest.fail(f"not within {within_s:.0f} s")
