"""The command's root: its subcommands, and how their errors reach a person."""

from __future__ import annotations

import sys
from importlib import import_module

import click

_MODULES = {
    "alive": ("alive",),
    "board": ("import", "migrate"),
    "campaigns": ("campaigns",),
    "capacity": ("capacity",),
    "demo.command": ("demo",),
    "demo.generating": ("generate",),
    "demo.mail": ("demo-mail",),
    "evaluating": ("evaluate",),
    "loop.experiments": ("experiment",),
    "evidence": ("audit", "evidence", "facts"),
    "loop.airbridge": ("airbridge",),
    "loop.calendar": ("calendar",),
    "loop.currents": ("currents",),
    "loop.outcomes": ("outcomes",),
    "loop.results": ("power", "results"),
    "loop.syncs": ("sync",),
    "loop.warehouse": ("warehouse",),
    "members": ("members",),
    "planner": ("planner",),
    "previewing": ("preview",),
    "refreshing": ("refresh",),
    "serving": ("credential", "serve"),
}
_MODULE_OF = {command: module for module, commands in _MODULES.items() for command in commands}


class _Commands(click.Group):
    """Imports a command's module only when that command runs, since each import takes time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_MODULE_OF)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - same
        if cmd_name not in _MODULE_OF:
            return None
        found: tuple[click.Command, ...] = import_module(f"app.cli.{_MODULE_OF[cmd_name]}").COMMANDS
        return next(command for command in found if command.name == cmd_name)


_EXIT_CODES = """
Exit codes: 0 it is done; 1 it could not be done, and one sentence says why; 2 a wrong option, or an import that was
refused and has changed nothing; 3 an import, a sync or a reader that left something out, or gaps or faults that were found; 4 a sync
that is paused. `capacity check` has its own.
"""


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES.strip()
)
@click.version_option(package_name="connected-jobs", message="%(prog)s %(version)s")
def commands() -> None:
    """Personalised job postings for Braze Connected Content, and how fast a send may go.

    Every command uses the Postgres at DATABASE_URL. Where that is not set it says what stands in for it: the embedded one
    that `migrate` makes in CJ_DATA_DIR, or that of a demo which runs there.
    """


def main() -> None:
    """Run the command; a failure somebody can mend is one sentence on standard error."""
    try:
        commands(prog_name="connected-jobs")
    except Exception as error:
        from app.cli.errors import sentence_of  # noqa: PLC0415 - it knows what every command may raise

        if (sentence := sentence_of(error)) is None:
            raise
        click.echo(f"connected-jobs: {sentence}", err=True)
        sys.exit(getattr(error, "exit_code", 1))
