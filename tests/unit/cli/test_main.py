"""The command's root finds what its modules hold, and reads no more of them than it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click

from app.cli.main import commands

CLI = Path(__file__).parents[3] / "app" / "cli"


def _module_of(file: Path) -> str:
    return ".".join(["app", "cli", *file.relative_to(CLI).with_suffix("").parts])


def test_every_command_of_every_module_is_found_under_its_name() -> None:
    names = [
        command.name
        for file in CLI.rglob("*.py")
        for command in getattr(import_module(_module_of(file)), "COMMANDS", ())
    ]
    context = click.Context(commands)
    assert sorted(map(str, names)) == commands.list_commands(context)
    assert [
        name
        for name in names
        if (found := commands.get_command(context, str(name))) is None or found.name != name
    ] == []


def test_no_module_is_read_to_say_the_version() -> None:
    program = (
        "import sys; sys.argv[1:] = ['--version']\n"
        "from app.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({'scipy', 'sqlalchemy', 'alembic', 'flask'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert said.startswith("connected-jobs ")
    assert said.rstrip().endswith("[]")


def test_asking_whether_it_is_alive_reads_next_to_nothing() -> None:
    """A container's engine asks every few seconds, and gives it three."""
    program = (
        "import sys; import app.cli.main, app.cli.alive\n"
        "print(sorted({'sqlalchemy', 'psycopg', 'numpy', 'flask', 'rich'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert said == "[]\n"


def test_no_command_reads_what_only_migrating_learning_and_concluding_need() -> None:
    """They take half a second each, and every command would wait for them."""
    program = (
        "import sys; from importlib import import_module; from app.cli.main import _MODULES\n"
        "for module in (*_MODULES, 'errors'): import_module(f'app.cli.{module}')\n"
        "print(sorted({'alembic', 'scipy.optimize'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert said == "[]\n"
