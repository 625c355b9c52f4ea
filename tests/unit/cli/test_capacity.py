"""`connected-jobs capacity check`: a plan file and evidence files in, a verdict and an exit code out; no database."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli.database import CommandError
from app.cli.main import commands

PLANS = Path(__file__).parents[2] / "plans"
EVIDENCE: dict[str, Any] = {
    "schema": "connected-jobs/load-evidence",
    "version": 1,
    "id": "lt-1120",
    "began_at": "2026-11-20T00:00:00Z",
    "ended_at": "2026-11-20T00:08:00Z",
    "host": "http://127.0.0.1:8080",
    "verdict": {
        "sentence": "4,060 calls/s hold.",
        "kind": "ceiling",
        "rps": 4_060.0,
        "low_rps": 4_000.0,
        "high_rps": 4_300.0,
        "bound_by": ["latency"],
        "soak_calls": 72_000,
    },
    "environment": {"service": {"fingerprint": "abc", "instances": 1}, "untold": []},
}


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(EVIDENCE), encoding="utf-8")
    return file


def check(*arguments: object, now: str = "2026-11-21T09:00") -> Result:
    words = ["capacity", "check", *map(str, arguments), "--now", now]
    return CliRunner().invoke(commands, words)


@pytest.mark.parametrize(("plan", "code"), [("go", 0), ("go_if", 10), ("no_go", 20)])
def test_the_exit_code_is_the_verdict(plan: str, code: int, evidence: Path) -> None:
    assert check(PLANS / f"{plan}.toml", "--evidence", evidence).exit_code == code


def test_without_evidence_the_exit_code_asks_for_a_test() -> None:
    assert check(PLANS / "go.toml").exit_code == 30


def test_the_text_begins_with_the_verdict_and_the_three_numbers_behind_it(evidence: Path) -> None:
    lines = check(PLANS / "go_if.toml", "--evidence", evidence, "--lang", "ko").output.splitlines()
    assert lines[:5] == [
        (
            "보내도 됩니다. 발송 속도를 분당 50,000건으로 설정하세요. 분당 500건에서 50,000건 사이가 안전합니다. "
            "09:24에 끝납니다."
        ),
        "",
        "초당 최대 호출(피크)  권장 속도로는 초당 1,667건, 계획대로면 3,334건 (최대로 잡았을 때)",
        "쓸 수 있는 한도       초당 2,800건 = 보장 처리량 4,000건의 70%",
        "발송 속도             분당 500건에서 50,000건까지",
    ]


def test_json_is_for_programs(evidence: Path) -> None:
    told = json.loads(check(PLANS / "go_if.toml", "--evidence", evidence, "--json").output)
    assert (told["verdict"], told["campaigns"][0]["advised_limit_per_min"]) == ("GO_IF", 50_000)
    assert told["judged_at"] == "2026-11-21T09:00+09:00"


def test_an_instant_with_an_offset_is_that_instant(evidence: Path) -> None:
    told = json.loads(
        check(PLANS / "go.toml", "--evidence", evidence, "--json", now="2026-11-21T00:00Z").output
    )
    assert told["judged_at"] == "2026-11-21T09:00+09:00"


def test_bad_input_is_one_sentence(evidence: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    wrong: list[tuple[Result, str]] = [
        (check(tmp_path / "none.toml"), "cannot be read"),
        (check(PLANS / "go.toml", "--evidence", tmp_path / "none.json"), "cannot be read"),
        (
            check(PLANS / "go.toml", "--evidence", tmp_path / "broken.json"),
            "This is not load evidence of version 1",
        ),
        (
            check(PLANS / "go.toml", "--evidence", evidence, now="tomorrow"),
            "--now is 'tomorrow'; write an instant such as",
        ),
    ]
    for result, sentence in wrong:
        assert isinstance(result.exception, CommandError)
        assert sentence in str(result.exception)
