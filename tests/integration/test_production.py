"""What docs/production.md gives to other programs, those programs take: systemd's units, a dump and its restore."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.cli.main import commands
from app.settings import Settings
from tests.integration.test_pasted_lines import BLOCK, ON_A_SERVER
from tests.postgres_fixtures import EMBEDDED_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "docs" / "systemd"
PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (Debian: systemd)"
)


def blocks(language: str) -> list[str]:
    """The page's code in a language."""
    return [body for _, found, body in BLOCK.findall(PAGE) if found == language]


@needs_systemd
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/srv/connected-jobs", str(ROOT))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in (verified.stdout + verified.stderr).splitlines() if "connected-jobs" in line]
    assert said == []


@needs_systemd
def test_the_timer_says_a_time_there_is() -> None:
    (when,) = re.findall(
        r"^OnCalendar=(.*)$", (UNITS / "connected-jobs-refresh.timer").read_text(), re.MULTILINE
    )
    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


def test_the_units_run_commands_there_are_and_the_page_enables_them_all() -> None:
    for unit in UNITS.glob("*.service"):
        (command,) = re.findall(r"^ExecStart=\S+/connected-jobs (\w+)$", unit.read_text(), re.MULTILINE)
        assert command in commands.commands or commands.get_command(None, command) is not None  # type: ignore[arg-type]
        assert f"/etc/systemd/system/{unit.name}" in unit.read_text()
    (enabled,) = re.findall(r"systemctl enable --now (.*)$", PAGE, re.MULTILINE)
    assert set(enabled.split()) == {
        "connected-jobs",
        "connected-jobs-planner",
        "connected-jobs-refresh.timer",
    }


def test_the_settings_of_the_page_are_read_as_they_stand(tmp_path: Path) -> None:
    (block,) = blocks("ini")
    environment = dict(line.split("=", 1) for line in block.splitlines())
    secrets = {
        "url": "postgresql://u:p@db.example/board",
        "session-key": "k" * 44,
        "preview-credential": "a:b",
    }
    for name, text in secrets.items():
        (tmp_path / name).write_text(text + "\n")
    settings = Settings.from_env(
        {name: value.replace("/etc/connected-jobs", str(tmp_path)) for name, value in environment.items()}
    )
    assert (settings.database_url, settings.session_key) == (secrets["url"], secrets["session-key"])


@pytest.fixture
def tools() -> str:
    """A PATH with pg_dump and pg_restore of the embedded server's version, if that is what tests run on."""
    path = os.environ["PATH"]
    if "DATABASE_URL" not in os.environ:
        path = f"{EMBEDDED_PROGRAMS}:{path}"
    if not shutil.which("pg_dump", path=path):
        pytest.skip("pg_dump is not installed (Debian: postgresql-client)")
    return path


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    name = sql.Identifier(f"restored_{os.getpid()}")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
    yield make_conninfo(database_url, dbname=f"restored_{os.getpid()}")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_a_dump_brings_back_all_that_cannot_be_made_again(
    database_url: str, empty_database: str, tools: str, tmp_path: Path
) -> None:
    """By the lines of the page, as they stand."""
    (dump,) = [block for block in blocks("sh") if "pg_dump" in block]
    (restore,) = [
        line for block in blocks("sh") for line in block.splitlines() if line.startswith("pg_restore")
    ]
    assert next(block for block in blocks("sh") if "pg_restore" in block).startswith(ON_A_SERVER)

    def ours(*command: str, url: str = database_url) -> str:
        ran = CliRunner().invoke(commands, command, env={"DATABASE_URL": url}, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        return ran.output

    def shell(script: str, url: str) -> None:
        (tmp_path / "url").write_text(url)
        environment = {**os.environ, "PATH": tools, "DATABASE_URL_FILE": str(tmp_path / "url")}
        ran = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr

    ours("credential", "create", "braze")
    ours("credential", "create", "kim", "--scope", "operator")
    ours("campaigns", "examples")
    before = [ours("credential", "list"), ours("campaigns", "list"), ours("campaigns", "changes", "1")]
    shell(dump, database_url)
    shell(restore, empty_database)
    ours("migrate", url=empty_database)
    again = [
        ours(*command, url=empty_database)
        for command in (("credential", "list"), ("campaigns", "list"), ("campaigns", "changes", "1"))
    ]
    assert again == before
