"""The Compose file: what its schema takes, settings that the service takes, files that are there, secrets that are made."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.deploy.described import DEPLOY, check_command, check_commands, read_compose, settings_of

FILE = DEPLOY / "compose.yaml"
OURS = {"migrate", "serve-a", "serve-b", "planner", "refresh"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose(FILE)


def test_it_is_what_the_schema_takes(compose: dict[str, Any]) -> None:
    PyCompose.from_yaml(yaml.safe_dump(compose)).to_spec()


@pytest.mark.parametrize(("key", "value"), [("read_only", [1]), ("read_onyl", True)])
def test_the_schema_would_find_a_typo(compose: dict[str, Any], key: str, value: object) -> None:
    wrong = {**compose, "services": {"serve-a": {**compose["services"]["serve-a"], key: value}}}
    with pytest.raises(ValueError, match=key):
        PyCompose.from_yaml(yaml.safe_dump(wrong))


def test_our_containers_may_do_nothing_but_their_work(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_the_service_takes_each_containers_settings(compose: dict[str, Any], tmp_path: Path) -> None:
    for name in OURS:
        given = compose["services"][name]["environment"]
        settings_of(
            {key: str(value).replace("${CJ_WORKERS:-2}", "2") for key, value in given.items()}, tmp_path
        )


def test_settings_of_a_persons_own_reach_each_of_our_containers(compose: dict[str, Any]) -> None:
    for name in OURS:
        assert compose["services"][name]["env_file"] == [{"path": ".env", "required": False}], name


@pytest.mark.parametrize("at", ["25:00", "4시 30분", "soon"])
def test_a_refresh_at_no_time_of_the_day_is_one_sentence(
    compose: dict[str, Any], at: str, tmp_path: Path
) -> None:
    script = compose["services"]["refresh"]["command"]
    (tmp_path / "connected-jobs").write_text("#!/bin/sh\necho refreshed\n", encoding="utf-8")
    (tmp_path / "connected-jobs").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REFRESH_AT": at, "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1] == f"REFRESH_AT={at} is no time of the day: write one such as 04:30."


def test_each_command_is_one_of_ours(compose: dict[str, Any]) -> None:
    seen = []
    for name in OURS:
        words = compose["services"][name].get("command", ["connected-jobs", "serve"])
        if words[0] == "sh":
            seen += check_commands(words[2])
        else:
            check_command(words[1:])
    assert len(seen) == 5, seen


def test_every_file_that_is_mounted_is_there(compose: dict[str, Any]) -> None:
    mounted = [
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert mounted
    assert [path for path in mounted if not (DEPLOY / path).is_file()] == []
    named = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(compose["volumes"])


def test_only_loopback_is_opened(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_each_secret_is_made_once_and_kept(compose: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "make-secrets", tmp_path)
    made = [
        subprocess.run([tmp_path / "make-secrets"], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    folder = tmp_path / "secrets"
    assert made[1] == ""
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {f"secrets/{path.name}" for path in folder.iterdir()} == {
        str(secret["file"]).removeprefix("./") for secret in compose["secrets"].values()
    }
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444, path.name
    assert len({path.read_text() for path in folder.iterdir()}) == len(list(folder.iterdir()))
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_a_secret_that_was_put_there_stays(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "make-secrets", tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "database-url").write_text("postgresql://ours@db.internal/board\n")
    subprocess.run([tmp_path / "make-secrets"], check=True, capture_output=True, env=dict(os.environ))
    assert (tmp_path / "secrets" / "database-url").read_text() == "postgresql://ours@db.internal/board\n"


def test_prometheus_reads_our_rules(compose: dict[str, Any], tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    folder = tmp_path / "etc"
    folder.mkdir()
    secret = folder / "secret"
    secret.write_text("x")
    mounts = [
        volume.split(":") for volume in compose["services"]["prometheus"]["volumes"] if volume[0] == "."
    ]
    for source, target, _ in mounts:
        text = (DEPLOY / source).read_text(encoding="utf-8")
        text = text.replace("/run/secrets/prometheus", str(secret)).replace("/etc/prometheus", str(folder))
        (folder / Path(target).name).write_text(text, encoding="utf-8")
    checked = subprocess.run(
        [promtool, "check", "config", folder / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
