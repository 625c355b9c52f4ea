"""Bring a database's tables to a revision, safely beside other deploys and a live site."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

_WITH_THE_PACKAGE = Path(__file__).parent / "migrations"
MIGRATIONS = _WITH_THE_PACKAGE if _WITH_THE_PACKAGE.is_dir() else Path(__file__).parents[2] / "migrations"
_ONE_DEPLOY = (
    4_250_112_026  # the number of an advisory lock: a constant that no other program uses in this database
)


class MigrationError(Exception):
    """The database cannot be migrated now; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for others.

    A DDL statement that waits for a lock makes every later reader of its table wait too, so it gives up
    after `lock_timeout_s` and the whole transaction is tried again, `attempts` times in all.
    """

    attempts: int = 5
    lock_timeout_s: float = 3.0
    deploy_wait_s: float = 60.0
    pause_s: float = 2.0


def upgrade(engine: Engine, branch: str, revision: str = "head", *, patience: Patience | None = None) -> None:
    """Migrate one branch ("service" or "board") up to a revision.

    Raises:
        MigrationError: locks were busy each time, another deploy held on, or the tables are a newer version's.
    """
    _in_one_transaction(engine, "upgrade", f"{branch}@{revision}", patience or Patience())


def downgrade(
    engine: Engine, branch: str, revision: str = "base", *, patience: Patience | None = None
) -> None:
    """Migrate one branch down to a revision; raises as `upgrade` does."""
    _in_one_transaction(engine, "downgrade", f"{branch}@{revision}", patience or Patience())


def current_revisions(connection: Connection) -> set[str]:
    """The revisions a database stands at, none where it was never migrated."""
    if connection.execute(text("SELECT to_regclass('connected_jobs.alembic_version')")).scalar() is None:
        return set()
    return set(connection.execute(text("SELECT version_num FROM connected_jobs.alembic_version")).scalars())


def _in_one_transaction(
    engine: Engine, direction: Literal["upgrade", "downgrade"], target: str, patience: Patience
) -> None:
    """All revisions or none, one deploy at a time, giving way to the site rather than queueing before it."""
    from alembic import command  # noqa: PLC0415 - half a second, which no other command has need of
    from alembic.config import Config  # noqa: PLC0415 - same

    for attempt in range(1, patience.attempts + 1):
        try:
            with engine.begin() as connection:
                _wait_for_other_deploys(connection, patience.deploy_wait_s)
                connection.execute(text(f"SET LOCAL lock_timeout = {round(patience.lock_timeout_s * 1000)}"))
                config = Config(attributes={"connection": connection})
                config.set_main_option("script_location", str(MIGRATIONS))
                _refuse_unknown_revisions(connection, config)
                _make_schema(connection)
                getattr(command, direction)(config, target)
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if attempt == patience.attempts:
                raise MigrationError(
                    f"A table stayed locked by other work through {attempt} attempts of {patience.lock_timeout_s:g} s:"
                    " nothing was changed; run the migration again when long transactions have ended."
                ) from error
            time.sleep(patience.pause_s)
        else:
            return


def _make_schema(connection: Connection) -> None:
    """Make our schema unless a superuser made it for us: `IF NOT EXISTS` would ask for the right to make it."""
    if connection.execute(text("SELECT to_regnamespace('connected_jobs')")).scalar() is None:
        connection.execute(text("CREATE SCHEMA connected_jobs"))


def _refuse_unknown_revisions(connection: Connection, config: Config) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if unknown := sorted(current_revisions(connection) - known):
        raise MigrationError(
            f"The database stands at {', '.join(unknown)}, which this version of the program does not know: a newer one "
            "made its tables. Migrate with that one; to go back, run its `migrate --down` first."
        )


def _wait_for_other_deploys(connection: Connection, wait_s: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {round(wait_s * 1000)}"))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_DEPLOY})
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise MigrationError(
                f"Another deploy has been migrating this database for over {wait_s:g} s: wait for it, then try again."
            ) from error
        raise
