"""The sentence that a failed command prints if a person can mend the cause."""

from __future__ import annotations

import errno

import psycopg
from sqlalchemy.exc import DBAPIError

from app.board.importing.files import ImportRefusedError
from app.braze.errors import TemplateError
from app.capacity.plan.json_values import DefinitionError
from app.capacity.plan.table import PlanError
from app.capacity.register.campaigns import RegisterError, RegisterUnavailableError
from app.cli.database import CommandError
from app.feedback.experiments.refusals import ExperimentError
from app.lake.objects import LakeError
from app.postgres.connecting import CannotConnectError, DatabaseUrlError
from app.postgres.embedded import EmbeddedPostgresError
from app.postgres.feedback.ledger import ReaderBusyError
from app.postgres.feedback.recompute import OutcomesError
from app.postgres.lists.refresh_lock import RefreshError
from app.postgres.migrate import MigrationError
from app.postgres.refusals import refusal
from app.refresh.shrink_guard import ShrunkError
from app.runtime.parquet import ParquetError
from app.settings import SettingsError
from app.sync.definition import SyncError
from app.warehouse.manifest import WarehouseError
from app.webhook.post import WebhookError

# Each of these carries its sentence.
_SAYS_WHAT_TO_DO = (
    CommandError,
    DatabaseUrlError,
    DefinitionError,
    EmbeddedPostgresError,
    ExperimentError,
    ImportRefusedError,
    LakeError,
    MigrationError,
    OutcomesError,
    ParquetError,
    PlanError,
    ReaderBusyError,
    RefreshError,
    RegisterError,
    SettingsError,
    ShrunkError,
    SyncError,
    TemplateError,
    WarehouseError,
    WebhookError,
)
_OF_THE_SYSTEM = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "The disk quota is used up",
    errno.EROFS: "The disk takes no writes",
    errno.EMFILE: "Too many files are open: raise `ulimit -n`",
    errno.ENFILE: "Too many files are open on this machine",
    errno.ENOMEM: "There is no memory left",
}


def sentence_of(error: BaseException) -> str | None:
    """Return what went wrong and how to mend it; None for a defect of the program."""
    match error:
        # A page says to try again in a moment; who gave DATABASE_URL is told what is wrong with it.
        case RegisterUnavailableError(__cause__=DBAPIError(orig=CannotConnectError() as cause)):
            return refusal(cause)
        case _ if isinstance(error, _SAYS_WHAT_TO_DO):
            return str(error)
        case DBAPIError(orig=psycopg.Error() as cause) | (psycopg.Error() as cause):
            return refusal(cause)
        case OSError():
            message = _OF_THE_SYSTEM.get(error.errno or 0) or error.strerror or str(error)
            return f"{message}: {error.filename}." if error.filename else f"{message}."
        case MemoryError():
            return "There is no memory left: free some, or give the command less at once."
    return None
