"""Evidence of a load test is kept once, listed and shown; a service tells what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.capacity.evidence.file import EvidenceError, read_evidence
from app.cli.database import CommandError
from app.cli.main import commands
from app.fingerprint import fingerprint
from app.runtime.instance import reported_settings
from app.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

EVIDENCE: dict[str, Any] = {
    "schema": "connected-jobs/load-evidence",
    "version": 1,
    "id": "loadtest-20261122-0900",
    "began_at": "2026-11-22T00:00:00Z",
    "ended_at": "2026-11-22T00:08:00Z",
    "host": "http://127.0.0.1:8080",
    "verdict": {
        "sentence": "1,200 calls/s hold.",
        "kind": "ceiling",
        "rps": 1200.0,
        "low_rps": 1190.5,
        "high_rps": 1260.0,
        "bound_by": ["latency"],
        "soak_calls": 72000,
    },
    "environment": {"service": {"fingerprint": "abc", "instances": 1}, "untold": []},
    "steps": [{"rps": 1200.0}],
}


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(commands, arguments, catch_exceptions=False, standalone_mode=False)
        return result.stdout

    return invoke


def test_evidence_is_added_once_listed_and_shown_whole(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(EVIDENCE), encoding="utf-8")
    assert run("evidence", "add", str(file)) == "Added: loadtest-20261122-0900. 1,200 calls/s hold.\n"
    assert run("evidence", "add", str(file)) == "There already: loadtest-20261122-0900. 1,200 calls/s hold.\n"
    listed = run("evidence", "list").splitlines()
    assert [" ".join(line.split()) for line in listed] == [
        "2026-11-22 00:08 loadtest-20261122-0900 ceiling 1200 calls/s 1,200 calls/s hold."
    ]
    assert json.loads(run("evidence", "show", "loadtest-20261122-0900")) == EVIDENCE


def test_unknown_evidence_is_one_sentence(run: Any) -> None:
    with pytest.raises(CommandError, match="There is no evidence 'x': see `connected-jobs evidence list`"):
        run("evidence", "show", "x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "Invalid enum value 2"),
        ({"schema": "other"}, "Invalid enum value 'other'"),
        ({"verdict": {}}, "Object missing required field `sentence`"),
        ({"began_at": "yesterday"}, r"Invalid RFC3339 encoded datetime - at `\$.began_at`"),
    ],
)
def test_a_file_that_is_no_evidence_says_where(change: dict[str, Any], says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        read_evidence(json.dumps({**EVIDENCE, **change}))


def test_a_service_tells_what_it_is_and_keeps_its_secret(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(run("facts", "--instances", "2", "--dataset", "empty"))
    assert {name: told[name] for name in ("instances", "workers", "dataset", "tables")} == {
        "instances": 2,
        "workers": 2,
        "dataset": "empty",
        "tables": {"postings": 0, "members": 0, "activity": 0, "lists": 0},
    }
    assert "database_url" not in told["settings"]
    assert len(told["fingerprint"]) == 16
    assert told["told_by"] == "no instance: none runs, so this is of the settings here"
    monkeypatch.setenv("CJ_THREADS", "7")
    assert json.loads(run("facts"))["fingerprint"] != told["fingerprint"]


def test_what_runs_tells_whatever_this_shells_settings_are(
    run: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Settings(
        threads=5, soft_rps=40, workers=3, bind="127.0.0.1:21000", limits_uri="valkey://:hunter2@c:1"
    )
    insert = text("""
        INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at, beat_at)
        VALUES (:id, :fingerprint, 3, :settings, now(), now() - make_interval(secs => :ago))
    """)

    def beats(name: str, of: str, ago: int = 0) -> None:
        values = {
            "id": name,
            "fingerprint": of,
            "settings": json.dumps(reported_settings(running)),
            "ago": ago,
        }
        with engine.begin() as connection:
            connection.execute(insert, values)

    beats("a:8080", fingerprint(running))
    beats("b:8080", fingerprint(running))
    beats("long gone", "else", 3600)
    monkeypatch.setenv("CJ_THREADS", "7")
    told = json.loads(run("facts"))
    assert {name: told[name] for name in ("told_by", "fingerprint", "instances", "workers", "limiter")} == {
        "told_by": "a:8080, b:8080",
        "fingerprint": fingerprint(running),
        "instances": 2,
        "workers": 3,
        "limiter": "hard 5000/s, soft 40/s (0 is off)",
    }
    assert (told["settings"]["threads"], told["settings"]["bind"]) == (5, "127.0.0.1:21000")
    assert "hunter2" not in json.dumps(told)
    beats("c:8080", "else")
    with pytest.raises(CommandError, match="differ in version or settings: c:8080 from a:8080"):
        run("facts")
