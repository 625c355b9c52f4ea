"""Commands that serve answers and manage credentials."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.database import CommandError, by_option, database, database_engine
from app.cli.subprocesses import running, stop_on_signals
from app.credentials import Role, Scope
from app.postgres import credentials as credential_rows
from app.postgres.audit import insert_audit_entry
from app.postgres.connecting import read_database_url
from app.settings import Settings, line_of

if TYPE_CHECKING:
    from app.postgres.credentials import CredentialRow

LEAST_SECRET = 32  # characters of a secret that a person brings
GRANIAN = [sys.executable, "-m", "app.granian_serving"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", str(Path(__file__).parents[1] / "gunicorn_conf.py")]


@click.command()
def serve() -> None:
    """Serve answers with gunicorn until stopped; the settings are environment variables (see the README)."""
    settings = Settings.from_env()
    command = GRANIAN if settings.server == "granian" else GUNICORN
    if settings.database_url is not None:
        read_database_url(
            settings.database_url
        )  # a wrong setting is reported here, not by a traceback of the server
        os.execv(command[0], command)  # noqa: S606 - there is no shell to avoid
    with stop_on_signals(), database() as url, running(command, {"DATABASE_URL": url}) as server:
        server.wait()


@click.group()
def credential() -> None:
    """Credentials: who may call."""


@credential.command()
@click.argument("name")
@click.option(
    "--scope",
    # Plain strings: of an enumeration click would show the names, not the values.
    type=click.Choice([scope.value for scope in Scope], case_sensitive=False),
    default=Scope.CONTENT.value,
    show_default=True,
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    help="What an operator may do: look, plan sends, or administer settings, load tests and share links, too.  [default: administer]",
)
@click.option(
    "--secret-from",
    metavar="FILE",
    help="Take the secret that FILE holds (32 characters or more, random) and show none; nothing changes where that "
    "credential is there already.",
)
@by_option
def create(*, name: str, scope: str, role: str | None, secret_from: str | None, by: str) -> None:
    """Make a credential called NAME; its secret is shown once and kept nowhere."""
    if role is not None and scope != Scope.OPERATOR:
        raise CommandError(
            f"Only an operator has a role: write `--scope operator --role {role}`, or leave it out."
        )
    of_operator = Role(role or Role.ADMINISTER) if scope == Scope.OPERATOR else None
    if not name.isprintable() or ":" in name or not 0 < len(name) <= 100:  # noqa: PLR2004
        raise CommandError("A credential's name is 1 to 100 printable characters without a colon.")
    given = None if secret_from is None else _given_secret(secret_from)
    with database_engine() as engine, engine.begin() as connection:
        there = None if given is None else credential_rows.select_credential(connection, given)
        if there is not None:
            _must_be_that(there, name, scope, of_operator)
            click.echo(f"Credential {there.id} ({name}) is there already.")
            return
        row, secret = credential_rows.insert_credential(
            connection, name, Scope(scope), role=of_operator, secret=given
        )
        powers = scope if of_operator is None else f"{scope}, {of_operator}"
        insert_audit_entry(
            connection, who=by, what="credential created", subject=f"{row.id} {name} ({powers})"
        )
    role_line = f"  role:   {of_operator}\n" if of_operator else ""
    shown = f"as in {secret_from}" if given else f"{secret}\nThe secret is not shown again."
    click.echo(f"Credential {row.id} for {scope}.\n  name:   {name}\n{role_line}  secret: {shown}")


def _given_secret(path: str) -> str:
    """Return the secret in a file. A short one is refused: it could be guessed from its stored hash."""
    secret = line_of(path, "--secret-from")
    if len(secret) < LEAST_SECRET or not secret.isascii() or " " in secret:
        raise CommandError(
            f"--secret-from names {path}, whose secret does not fit: give {LEAST_SECRET} random characters or more, "
            "ASCII and without blanks, such as `openssl rand -hex 32` prints."
        )
    return secret


def _must_be_that(there: CredentialRow, name: str, scope: str, role: Role | None) -> None:
    if there.revoked_at is not None:
        raise CommandError(f"The secret is that of credential {there.id}, which is revoked: make another.")
    if (there.name, there.scope, there.role) != (name, scope, role):
        powers = there.scope if there.role is None else f"{there.scope}, {there.role}"
        raise CommandError(
            f"The secret is that of credential {there.id} already, {there.name} ({powers}): make another."
        )


@credential.command("list")
def list_() -> None:
    """Every credential, without its secret."""
    with database_engine() as engine, engine.connect() as connection:
        rows = credential_rows.select_credentials(connection)
    for row in rows:
        state = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "alive"
        click.echo(
            f"{row.id:>5}  {row.scope:<8}  {row.role or '':<10}  {row.name:<30}  made {row.created_at:%Y-%m-%d %H:%M}  {state}"
        )


@credential.command()
@click.argument("number", type=int)
@by_option
def revoke(*, number: int, by: str) -> None:
    """Revoke the credential with this NUMBER; it stops working within 30 s."""
    with database_engine() as engine, engine.begin() as connection:
        row = credential_rows.revoke_credential(connection, number)
        if row is not None:
            insert_audit_entry(connection, who=by, what="credential revoked", subject=f"{number} {row.name}")
    if row is None:
        raise CommandError(f"There is no living credential {number}: see `connected-jobs credential list`.")
    click.echo(f"Credential {number} ({row.name}) is revoked; the service refuses it within 30 s.")


COMMANDS = (serve, credential)
