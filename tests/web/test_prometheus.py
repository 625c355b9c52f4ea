"""A real Prometheus scrapes the real gunicorn, and every question that dashboard, alerts and runbook ask is answered."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
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
from tests.web.gunicorn_server import Server, gunicorn
from tests.web.test_nginx import free_port
from tests.web.wire import basic, bearer, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path(__file__).parents[2] / "docs"
OBSERVABILITY = DOCS / "observability"
PATIENCE_S = 15.0
CALLS = 60
# What has something to show only when something is wrong.
EMPTY_ON_A_GOOD_DAY = {"Background reads that failed /s", "New lists"}

pytestmark = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="prometheus is not installed (Debian: prometheus)"
)


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


@dataclass(frozen=True, slots=True)
class Scraped:
    """A service under a little load, and the Prometheus that watches it."""

    server: Server
    prometheus: Prometheus


@pytest.fixture(scope="module")
def scraped(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """The published configuration with the service's port, the test's secret and shorter intervals."""
    folder = tmp_path_factory.mktemp("prometheus")
    with gunicorn(shared_url, folder / "gunicorn", CJ_SOFT_RPS="4") as server:
        _configure(folder, server.port)
        with _running(folder) as prometheus:
            _load(server.port)
            wait_until(lambda: prometheus.ask("sum(cj_answers_total)") != [])
            _load(server.port)
            made = 2 * CALLS
            wait_until(lambda: prometheus.number("sum(cj_answers_total)") == made)
            yield Scraped(server, prometheus)


def _configure(folder: Path, port: int) -> None:
    (folder / "secret").write_text(SECRETS["prometheus"])
    rules = (OBSERVABILITY / "alerts.yml").read_text()
    (folder / "alerts.yml").write_text(rules.replace("interval: 15s", "interval: 1s"))
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
def _running(folder: Path) -> Iterator[Prometheus]:
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


def _load(port: int) -> None:
    """Calls of two campaigns by members known and unknown, some mistakes, and more than the soft line lets pass."""
    for number in range(CALLS):
        member = "m-list" if number % 2 else f"nobody-{number}"
        target = f"/v1/members/{member}/recommendations?campaign=weekly-{number % 2}"
        assert call(port, target, authorization=basic("braze")).status == 200
    assert call(port, "/v1/members/m-list/recommendations", authorization=basic("braze")).status == 400
    assert call(port, "/metrics", authorization=bearer("braze")).status == 403


def wait_until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        try:
            if true():
                return
        except (OSError, ValueError):  # it has only just been started, or has nothing yet
            pass
        time.sleep(0.1)
    pytest.fail(f"not within {PATIENCE_S:.0f} s")


def questions() -> list[tuple[str, str]]:
    """Every panel's queries, with what Grafana puts in for its variables."""
    read = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())
    found = [
        (panel["title"], target["expr"]) for panel in read["panels"] for target in panel.get("targets", [])
    ]
    found += [(note["name"], note["expr"]) for note in read["annotations"]["list"] if "expr" in note]
    filled = {"$instance": ".*", "$campaign": ".*", "$__rate_interval": "30s"}
    return [(title, re.sub(r"\$\w+", lambda name: filled[name[0]], asked)) for title, asked in found]


def test_every_panel_of_the_dashboard_has_something_to_show(scraped: Scraped) -> None:
    empty = {title for title, expression in questions() if not scraped.prometheus.ask(expression)}
    assert empty <= EMPTY_ON_A_GOOD_DAY
    nothing = {
        title
        for title, expression in questions()
        for sample in scraped.prometheus.ask(expression)
        if sample["value"][1] == "NaN"
    }
    assert nothing == set()


def test_what_the_variables_offer_is_there(scraped: Scraped) -> None:
    read = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())
    offered = {}
    for variable in read["templating"]["list"]:
        for metric, label in re.findall(r"label_values\((\w+), (\w+)\)", str(variable["query"])):
            offered[label] = scraped.prometheus.get(f"label/{label}/values", **{"match[]": metric})
    assert offered == {
        "campaign": ["weekly-0", "weekly-1"],
        "instance": [f"127.0.0.1:{scraped.server.port}"],
    }


def test_the_calls_made_are_the_calls_seen(scraped: Scraped) -> None:
    ask = scraped.prometheus.number
    by_campaign = {
        sample["metric"]["campaign"]: float(sample["value"][1])
        for sample in scraped.prometheus.ask("sum by (campaign) (cj_answers_total)")
    }
    assert by_campaign == {"weekly-0": CALLS, "weekly-1": CALLS}
    assert ask("sum(cj_answer_seconds_count)") == 2 * CALLS
    assert ask('sum(cj_errors_total{status="400"})') == 2
    assert ask('sum(cj_errors_total{status="403"})') == 2
    assert 0 < ask('sum(cj_answers_total{degraded="over_limit"})') < 2 * CALLS
    assert ask("count(cj_worker_measured_at_seconds)") == 2
    assert ask("min(cj_worker_cpu_seconds)") > 0
    assert ask("min(cj_worker_resident_bytes)") > 2**20
    assert ask("min(cj_worker_open_files)") > 3


def test_the_queries_of_the_runbook_are_answered(scraped: Scraped) -> None:
    asked = re.findall(r"^```promql\n(.*?)^```", (DOCS / "runbook.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(asked) > 5
    for expression in asked:
        scraped.prometheus.ask(expression)


def test_the_alerts_are_evaluated_and_say_what_is_wrong_here(scraped: Scraped) -> None:
    """The board's lists are of years ago, and the load is above the soft line."""

    def rules() -> list[dict[str, Any]]:
        groups = scraped.prometheus.get("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def waiting() -> set[str]:
        return {rule["name"] for rule in rules() if rule["state"] != "inactive"}

    wait_until(lambda: {rule["health"] for rule in rules()} == {"ok"})
    wait_until(lambda: waiting() >= {"AnswersOverSoftLine", "ListsOld"})
    # A worker is stuck until it has been measured twice; that alert waits for longer than this before it fires.
    assert waiting() <= {"AnswersOverSoftLine", "ListsOld", "WatchStuck"}
    assert {rule["state"] for rule in rules()} == {"inactive", "pending"}


def test_a_killed_worker_leaves_its_counts_and_takes_its_gauges_along(scraped: Scraped) -> None:
    def pids() -> set[int]:
        return {
            int(sample["metric"]["pid"]) for sample in scraped.prometheus.ask("cj_worker_measured_at_seconds")
        }

    before, killed = pids(), min(pids())
    answered = scraped.prometheus.number("sum(cj_answers_total)")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in pids() and len(pids()) == 2)
    assert len(pids() & before) == 1
    assert scraped.prometheus.number("sum(cj_answers_total)") == answered
    assert scraped.prometheus.number("sum(resets(cj_answers_total[1m]))") == 0
    assert scraped.prometheus.number("sum(resets(cj_answer_seconds_count[1m]))") == 0
