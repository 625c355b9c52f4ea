"""What a failed command tells a person: one sentence, where there is something they can mend."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError, ProgrammingError

from app.braze.errors import TemplateError
from app.capacity.plan_table import PlanError
from app.capacity.plan_values import DefinitionError
from app.capacity.register import RegisterError
from app.cli.parts import CommandError
from app.postgres.embedded import EmbeddedPostgresError
from app.postgres.migrate import MigrationError
from app.postgres.refresh_lock import RefreshError
from app.postgres.shrinking import ShrunkError
from app.settings import SettingsError

# Each of these carries its sentence.
_SAYS_WHAT_TO_DO = (
    CommandError,
    DefinitionError,
    EmbeddedPostgresError,
    MigrationError,
    PlanError,
    RefreshError,
    RegisterError,
    SettingsError,
    ShrunkError,
    TemplateError,
)


def sentence_of(error: Exception) -> str | None:
    """What went wrong and how to mend it, None where that is a defect of the program."""
    match error:
        case OperationalError():
            return f"Postgres cannot be used: {str(error.orig).strip().splitlines()[0]}"
        case ProgrammingError():
            return (
                f"The database does not have the tables this needs ({str(error.orig).strip().splitlines()[0]}): "
                "run `connected-jobs migrate` (with --board for a board of its own) first."
            )
    return str(error) if isinstance(error, _SAYS_WHAT_TO_DO) else None
