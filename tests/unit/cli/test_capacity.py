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


def open_speed(folder: Path, *more: str) -> Path:
    """The plan of 1,200,000 whose speed is asked for."""
    lines = (PLANS / "go_if.toml").read_text(encoding="utf-8").splitlines()
    file = folder / "open.toml"
    file.write_text(
        "\n".join([*(one for one in lines if not one.startswith("limit")), *more]), encoding="utf-8"
    )
    return file


def test_a_speed_left_out_is_what_is_asked_for(evidence: Path, tmp_path: Path) -> None:
    told = check(open_speed(tmp_path), "--evidence", evidence)
    assert told.exit_code == 10
    assert told.output.startswith("Yes, send it. Set the delivery speed at 50,000 messages a minute.")
    assert "33,334/s without a limit" in told.output
    assert "s planned" not in told.output


def test_where_no_speed_is_in_time_the_servers_are_told_that_the_needed_one_takes(
    evidence: Path, tmp_path: Path
) -> None:
    """1,200,000 in 8 minutes: 250,000 a minute, 8,334 calls/s with a burst of 2; 4,300 / 0.7 each at most."""
    told = check(open_speed(tmp_path, "finish_by = 2026-11-23T09:08:00"), "--evidence", evidence)
    assert told.exit_code == 20
    assert "To end in time it needs at the very least 3 servers" in told.output


def test_what_is_to_be_played_says_how_fast(tmp_path: Path) -> None:
    refused = CliRunner().invoke(commands, ["capacity", "play", str(open_speed(tmp_path))])
    assert str(refused.exception) == (
        'campaigns[1] "weekly digest": limit_per_min is missing; write a whole number from 10 to 500,000.'
    )


def test_an_open_speed_is_judged_as_a_send_without_a_limit_and_leaves_the_others_as_they_are(
    evidence: Path, tmp_path: Path
) -> None:
    """The pages ask so: the speed is advised that a send without a limit would be."""
    other = (PLANS / "go.toml").read_text(encoding="utf-8").partition("[[campaigns]]")[2]
    other = '[[campaigns]]\nname = "other"\n' + "".join(
        f"{line}\n" for line in other.splitlines() if not line.startswith("name")
    )
    file = open_speed(tmp_path, other)
    asked = json.loads(check(file, "--evidence", evidence, "--json").output)
    file.write_text(
        file.read_text(encoding="utf-8").replace('"rate_limited"', '"at_once"', 1), encoding="utf-8"
    )
    without = json.loads(check(file, "--evidence", evidence, "--json").output)
    same = ("name", "verdict", "advised_limit_per_min", "safe_limits", "finishes_at", "planned_peak_rps")
    assert [[one[name] for name in same] for one in asked["campaigns"]] == [
        [one[name] for name in same] for one in without["campaigns"]
    ]
    assert len(asked["campaigns"]) == 2
    assert asked["instances"]["wanted_rps"] < without["instances"]["wanted_rps"]
