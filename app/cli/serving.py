"""Serving answers, and the credentials that open them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from app.cli.database import CommandError, by_option, database, database_engine
from app.cli.subprocesses import running, stop_on_signals
from app.credentials import Role, Scope
from app.postgres import credentials as credential_rows
from app.postgres.audit import insert_audit_entry
from app.postgres.connecting import read_database_url
from app.settings import Settings

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
    # The words themselves: of an enumeration click would take the names.
    type=click.Choice([scope.value for scope in Scope], case_sensitive=False),
    default=Scope.CONTENT.value,
    show_default=True,
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    help="What an operator may do: look, plan sends, or administer settings, load tests and share links, too.  [default: administer]",
)
@by_option
def create(*, name: str, scope: str, role: str | None, by: str) -> None:
    """Make a credential called NAME; its secret is shown once and kept nowhere."""
    if role is not None and scope != Scope.OPERATOR:
        raise CommandError(
            f"Only an operator has a role: write `--scope operator --role {role}`, or leave it out."
        )
    of_operator = Role(role or Role.ADMINISTER) if scope == Scope.OPERATOR else None
    if not name.isprintable() or ":" in name or not 0 < len(name) <= 100:  # noqa: PLR2004
        raise CommandError("A credential's name is 1 to 100 printable characters without a colon.")
    with database_engine() as engine, engine.begin() as connection:
        row, secret = credential_rows.insert_credential(connection, name, Scope(scope), role=of_operator)
        powers = scope if of_operator is None else f"{scope}, {of_operator}"
        insert_audit_entry(
            connection, who=by, what="credential created", subject=f"{row.id} {name} ({powers})"
        )
    role_line = f"  role:   {of_operator}\n" if of_operator else ""
    click.echo(
        f"Credential {row.id} for {scope}.\n  name:   {name}\n{role_line}  secret: {secret}\nThe secret is not shown again."
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
