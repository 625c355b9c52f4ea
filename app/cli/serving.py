"""Serving answers, the credentials that open them, and previews of the mails they make."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from app.braze.calls import Credential
from app.braze.preview import Aborted, Rendered, WouldBeRetried
from app.braze.preview import preview as render
from app.cli.children import running, stopped_by_signals
from app.cli.parts import CommandError, database, database_engine
from app.postgres import credentials as credential_rows
from app.serving.credentials import Scope
from app.settings import Settings

GRANIAN = [sys.executable, "-m", "app.granian_serving"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", str(Path(__file__).parents[1] / "gunicorn_conf.py")]


@click.command()
def serve() -> None:
    """Serve answers with gunicorn until stopped; the settings are environment variables (see the README)."""
    settings = Settings.from_env()
    command = GRANIAN if settings.server == "granian" else GUNICORN
    if settings.database_url is not None:
        os.execv(command[0], command)  # noqa: S606 - there is no shell to avoid
    with stopped_by_signals(), database() as url, running(command, {"DATABASE_URL": url}) as server:
        server.wait()


@click.command()
@click.argument("template", type=click.Path(path_type=Path))
@click.option("--member", required=True, help="The member's external id.")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="The running service.")
@click.option(
    "--credential-file",
    type=click.Path(path_type=Path),
    default=Path(".data/demo-8080/credential"),
    show_default=True,
    help="A file with one line, name:secret.",
)
@click.option(
    "--attempt", default=1, show_default=True, help="Which attempt of a template with :retry this is."
)
def preview(*, template: Path, member: str, url: str, credential_file: Path, attempt: int) -> None:
    """Print the mail that TEMPLATE makes for a member, as Braze would render it."""
    part = render(
        _text(template, "template"),
        user_id=member,
        base_url=url,
        credential=_credential(credential_file),
        attempt=attempt,
    )
    for call in part.calls:
        click.echo(
            f"{call.method} {call.url} -> {call.status or call.failure} in {call.duration_s * 1000:.0f} ms",
            err=True,
        )
    match part.outcome:
        case Rendered(text):
            click.echo(text)
        case Aborted(reason):
            raise CommandError(
                f"The message is aborted, nothing would be sent: {reason or 'no reason given'}"
            )
        case WouldBeRetried(_, failure, left):
            raise CommandError(
                f"The call failed ({failure}): Braze would try this message again, at most {left} times."
            )


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The {what} {path} cannot be read: {error}.") from error


def _credential(path: Path) -> Credential:
    name, colon, secret = _text(path, "credential file").strip().partition(":")
    if not colon:
        raise CommandError(f"The credential file {path} must hold one line, name:secret.")
    return Credential(name, secret)


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
def create(name: str, scope: str) -> None:
    """Make a credential called NAME; its secret is shown once and kept nowhere."""
    if not name.isprintable() or ":" in name or not 0 < len(name) <= 100:  # noqa: PLR2004
        raise CommandError("A credential's name is 1 to 100 printable characters without a colon.")
    with database_engine() as engine, engine.begin() as connection:
        row, secret = credential_rows.insert_credential(connection, name, Scope(scope))
    click.echo(
        f"Credential {row.id} for {scope}.\n  name:   {name}\n  secret: {secret}\nThe secret is not shown again."
    )


@credential.command("list")
def list_() -> None:
    """Every credential, without its secret."""
    with database_engine() as engine, engine.connect() as connection:
        rows = credential_rows.select_credentials(connection)
    for row in rows:
        state = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "alive"
        click.echo(
            f"{row.id:>5}  {row.scope:<8}  {row.name:<30}  made {row.created_at:%Y-%m-%d %H:%M}  {state}"
        )


@credential.command()
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """Revoke the credential with this NUMBER; it stops working within 30 s."""
    with database_engine() as engine, engine.begin() as connection:
        row = credential_rows.revoke_credential(connection, number)
    if row is None:
        raise CommandError(f"There is no living credential {number}: see `connected-jobs credential list`.")
    click.echo(f"Credential {number} ({row.name}) is revoked; the service refuses it within 30 s.")


COMMANDS = (serve, credential, preview)
