"""The command's root: its subcommands, and how their errors reach a person."""

from __future__ import annotations

import sys

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.braze.errors import TemplateError
from app.capacity.plan_table import PlanError
from app.capacity.plan_values import DefinitionError
from app.capacity.register import RegisterError
from app.cli import board, campaigns, capacity, demo, evaluating, evidence, planner, refreshing, serving
from app.cli.parts import CommandError
from app.postgres.embedded import EmbeddedPostgresError
from app.postgres.migrate import MigrationError
from app.postgres.refresh import RefreshError
from app.settings import SettingsError

# What a person can mend: each of these carries one sentence for them.
_SAYS_WHAT_TO_DO = (
    CommandError,
    DefinitionError,
    EmbeddedPostgresError,
    MigrationError,
    PlanError,
    RefreshError,
    RegisterError,
    SettingsError,
    TemplateError,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="connected-jobs", message="%(prog)s %(version)s")
def commands() -> None:
    """Personalised job postings for Braze Connected Content, and how fast a send may go.

    Every command uses the Postgres at DATABASE_URL, or an embedded one in CJ_DATA_DIR where that is not set.
    """


for command in (
    *board.COMMANDS,
    *refreshing.COMMANDS,
    *evaluating.COMMANDS,
    *serving.COMMANDS,
    *capacity.COMMANDS,
    *campaigns.COMMANDS,
    *evidence.COMMANDS,
    *planner.COMMANDS,
    *demo.COMMANDS,
):
    commands.add_command(command)


def main() -> None:
    """Run the command; a failure somebody can mend is one sentence on standard error."""
    try:
        commands(prog_name="connected-jobs")
    except _SAYS_WHAT_TO_DO as error:
        _fail(str(error))
    except OperationalError as error:
        _fail(f"Postgres cannot be used: {str(error.orig).strip().splitlines()[0]}")
    except ProgrammingError as error:
        _fail(
            f"The database does not have the tables this needs ({str(error.orig).strip().splitlines()[0]}): "
            "run `connected-jobs migrate` (with --board for a board of its own) first."
        )


def _fail(sentence: str) -> None:
    click.echo(f"connected-jobs: {sentence}", err=True)
    sys.exit(1)
