"""A real Prometheus scrapes the real gunicorn, and every question that dashboard, alerts and runbook ask is answered."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.telemetry import Metric
from tests.web.gunicorn_server import Server, gunicorn
from tests.web.prometheus_server import OBSERVABILITY, Prometheus, configure, prometheus, wait_until
from tests.web.wire import basic, bearer, call

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
CALLS = 60
# What has something to show only when something is wrong.
EMPTY_ON_A_GOOD_DAY = {"Background reads that failed /s", "New lists"}
# What the planner tells, and none runs here: tests/web/pages/test_syncs.py.
OF_THE_PLANNER = {
    "Late, by sync",
    "Oldest event that waits",
    "Refused, by sync",
    "Runs under way, and pauses",
}

pytestmark = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="prometheus is not installed (Debian: prometheus)"
)


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
        configure(folder, server.port)
        with prometheus(folder) as watching:
            _load(server.port)
            wait_until(lambda: watching.ask("sum(cj_answers_total)") != [])
            _load(server.port)
            made = 2 * CALLS
            wait_until(lambda: watching.number("sum(cj_answers_total)") == made)
            yield Scraped(server, watching)


def _load(port: int) -> None:
    """Calls of two campaigns by members known and unknown, some mistakes, and more than the soft line lets pass."""
    for number in range(CALLS):
        member = "m-list" if number % 2 else f"nobody-{number}"
        target = f"/v1/members/{member}/recommendations?campaign=weekly-{number % 2}"
        assert call(port, target, authorization=basic("braze")).status == 200
    assert call(port, "/v1/members/m-list/recommendations", authorization=basic("braze")).status == 400
    assert call(port, "/metrics", authorization=bearer("braze")).status == 403


def questions() -> list[tuple[str, str]]:
    """The queries of every panel of the service, with what Grafana puts in for its variables."""
    read = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())
    found = [
        (panel["title"], target["expr"]) for panel in read["panels"] for target in panel.get("targets", [])
    ]
    found += [(note["name"], note["expr"]) for note in read["annotations"]["list"] if "expr" in note]
    filled = {"$instance": ".*", "$campaign": ".*", "$__rate_interval": "30s"}
    of_the_service = [(title, asked) for title, asked in found if "cj_planner_" not in asked]
    return [(title, re.sub(r"\$\w+", lambda name: filled[name[0]], asked)) for title, asked in of_the_service]


def test_the_panels_of_the_planner_ask_for_what_it_tells() -> None:
    """It does not run here; what it tells is in `tests/web/pages/test_metrics.py`."""
    asked = set(re.findall(r"cj_planner_\w+", (OBSERVABILITY / "grafana-dashboard.json").read_text()))
    told = {name for metric in Metric for name in (metric, f"{metric}_bucket", f"{metric}_count")}
    assert asked
    assert asked <= told


def test_every_panel_of_the_dashboard_has_something_to_show(scraped: Scraped) -> None:
    empty = {title for title, expression in questions() if not scraped.prometheus.ask(expression)}
    assert empty <= EMPTY_ON_A_GOOD_DAY | OF_THE_PLANNER
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

    def waiting() -> set[str]:
        return scraped.prometheus.alerts("pending", "firing")

    wait_until(lambda: {rule["health"] for rule in scraped.prometheus.rules()} == {"ok"})
    wait_until(lambda: waiting() >= {"AnswersOverSoftLine", "ListsOld"})
    # A worker is stuck until it has been measured twice; that alert waits for longer than this before it fires.
    assert waiting() <= {"AnswersOverSoftLine", "ListsOld", "WatchStuck"}
    assert {rule["state"] for rule in scraped.prometheus.rules()} == {"inactive", "pending"}


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
