"""The dashboard, the alerts and the runbook agree with each other, with the metrics, and with the tools that read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml
from sqlalchemy import text

from app.cli.main import commands
from app.settings import Settings
from app.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Engine

DOCS = Path(__file__).parents[2] / "docs"
OBSERVABILITY = DOCS / "observability"
RUNBOOK = DOCS / "runbook.md"
_FROM_PROMETHEUS = re.compile(r"_(bucket|count|sum)$")  # what it makes of a histogram's name

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)"
)


@cache
def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    return {rule["alert"]: rule for rule in rules}


@cache
def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())
    return read


def blocks(language: str) -> list[str]:
    """The runbook's code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)


def entries() -> dict[str, str]:
    """The runbook's entries by their heading."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)


@needs_promtool
def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", OBSERVABILITY / "alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_each_alert_fires_when_it_should_and_none_on_a_good_day() -> None:
    done = promtool("test", "rules", OBSERVABILITY / "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_test_can_fail(tmp_path: Path) -> None:
    shutil.copytree(OBSERVABILITY, tmp_path, dirs_exist_ok=True)
    rules = tmp_path / "alerts.yml"
    rules.write_text(rules.read_text().replace("> 0.001", "> 0.1"))
    tests = yaml.safe_load((tmp_path / "alerts_test.yml").read_text())
    tests["tests"] = [test for test in tests["tests"] if test["name"] == "AnswersNearCutOff"]
    (tmp_path / "alerts_test.yml").write_text(yaml.safe_dump(tests))
    done = promtool("test", "rules", tmp_path / "alerts_test.yml")
    assert done.returncode == 1
    assert "alertname: AnswersNearCutOff" in done.stdout + done.stderr


@needs_promtool
def test_the_example_configuration_is_one(tmp_path: Path) -> None:
    shutil.copytree(OBSERVABILITY, tmp_path, dirs_exist_ok=True)
    secret = tmp_path / "secret"
    secret.write_text("s")
    example = tmp_path / "prometheus.yml"
    example.write_text(example.read_text().replace("/etc/prometheus/connected-jobs.secret", str(secret)))
    done = promtool("check", "config", example)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_rule_test_that_makes_it_fire() -> None:
    tests = yaml.safe_load((OBSERVABILITY / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(alerts())
    assert {case["alertname"] for case in tests[0]["alert_rule_test"]} == set(alerts())


@pytest.mark.parametrize("name", alerts())
def test_each_alert_says_how_grave_it_is_in_a_sentence_and_where_to_look(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == "{{ $externalLabels.runbook }}#" + name.lower()
    assert re.fullmatch(r".{20,}\.|.{20,}\?", rule["annotations"]["summary"])


def test_the_runbook_has_an_entry_for_each_alert_and_for_nothing_else() -> None:
    assert [name for name in entries() if name != "First"] == sorted(
        alerts(), key=lambda name: list(entries()).index(name)
    )


@pytest.mark.parametrize("name", alerts())
def test_each_entry_says_what_it_means_how_to_see_it_and_what_to_do(name: str) -> None:
    parts = re.findall(r"^\*\*(\w+|Don't)\*\*", entries()[name], re.MULTILINE)
    assert parts in (["Means", "See", "Do"], ["Means", "See", "Do", "Don't"])


def test_links_within_the_documents_lead_somewhere() -> None:
    content = RUNBOOK.read_text()
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", content, re.MULTILINE)
    }
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", content):
        path, _, anchor = target.partition("#")
        assert not path or (DOCS / path).exists(), target
        assert not anchor or anchor in headings, target


def expressions() -> Iterator[str]:
    """Everything that Prometheus is asked in the documents."""
    panels = dashboard()["panels"]
    yield from (target["expr"] for panel in panels for target in panel.get("targets", []))
    yield from (note["expr"] for note in dashboard()["annotations"]["list"] if "expr" in note)
    yield from (str(variable["query"]) for variable in dashboard()["templating"]["list"])
    yield from (rule["expr"] for rule in alerts().values())
    yield from (OBSERVABILITY / "alerts_test.yml").read_text().splitlines()
    yield RUNBOOK.read_text()


def named_metrics(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in re.findall(r"\bcj_[a-z_]+", text)}


def test_every_metric_that_is_asked_for_exists_and_every_one_that_exists_is_asked_for() -> None:
    asked = {_FROM_PROMETHEUS.sub("", name) for name in named_metrics(expressions())}
    assert asked == {metric.value for metric in Metric}


def test_the_alert_on_open_files_and_the_runbook_know_how_many_connections_gunicorn_takes() -> None:
    conf = (DOCS.parent / "app" / "gunicorn_conf.py").read_text()
    (most,) = re.findall(r"^worker_connections = \D*(\d+)", conf, re.MULTILINE)
    (bound,) = re.findall(r"> (\d+)$", alerts()["WorkerLeaksFiles"]["expr"])
    assert int(bound) > 2 * int(most) + 100
    assert f"over {bound} files" in entries()["WorkerLeaksFiles"]
    assert f"It takes {most} connections" in entries()["WorkerLeaksFiles"]
    assert f"({most} a worker)" in entries()["ServiceUnreachable"]


def test_panels_do_not_overlap_and_stand_in_rows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"] == [
        "Send at a glance",
        "Latency",
        "Sources and degradation",
        "Postgres",
        "Caches",
        "Limits",
        "Workers",
        "Planning",
        "Syncs",
    ]
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_the_commands_in_the_runbook_exist() -> None:
    shown = re.findall(r"connected-jobs ([a-z][^`\n#]*)", "\n".join(blocks("sh")) + "\n" + _inline_code())
    shown = [line for line in shown if not line.startswith("-o")]  # journalctl -u connected-jobs -o cat
    assert len(shown) > 5
    for line in shown:
        command: click.Command = commands
        words = line.split()
        while isinstance(command, click.Group):
            name = words.pop(0)
            found = command.get_command(click.Context(command), name)
            assert found is not None, line
            command = found
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_settings_in_the_runbook_exist() -> None:
    named = set(re.findall(r"\bCJ_[A-Z_]+", RUNBOOK.read_text()))
    assert named <= {name for name, _, _ in Settings.documented()}


def test_the_sql_in_the_runbook_runs(engine: Engine) -> None:
    found = blocks("sql")
    assert found
    with engine.connect() as connection:
        for statement in found:
            connection.execute(text(statement)).all()


def test_nobody_is_told_to_edit_a_running_campaign_or_to_lower_its_limit() -> None:
    """Braze pre-schedules a rate-limited campaign, and an edited one may be delivered twice."""
    content = RUNBOOK.read_text()
    told = re.findall(r"(\S+) edit (\w+ running campaign)", content)
    assert told
    assert {word for word, _ in told} <= {"Never", "**Don't**"}
    lowered = re.findall(r"\| ([^|]+) \| [^|]*lower its delivery speed limit", content)
    assert lowered == ["a Canvas"]


def _inline_code() -> str:
    without_blocks = re.sub(r"^```.*?^```", "", RUNBOOK.read_text(), flags=re.MULTILINE | re.DOTALL)
    return "\n".join(re.findall(r"`([^`]+)`", without_blocks))
