"""Previews of the mails that templates make for a member."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from app.board.output_files import is_replaceable
from app.braze.calls import StoredCredential
from app.braze.preview import NO_CREDENTIAL, Aborted, Rendered, WouldBeRetried
from app.braze.preview import preview as render
from app.cli.database import CommandError, read_text

if TYPE_CHECKING:
    from app.braze.preview import PartPreview

DEMO_CREDENTIAL: Final = Path(".data/demo-8080/credential")
ABORTED: Final = 3
WOULD_BE_RETRIED: Final = 4


@click.command()
@click.argument("template", type=click.Path(path_type=Path))
@click.option("--member", required=True, help="The member's external id.")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="The running service.")
@click.option(
    "--credential-file",
    type=click.Path(path_type=Path),
    help=f"A file with one line, name:secret. Default: {DEMO_CREDENTIAL}, where there is one.",
)
@click.option(
    "--attributes",
    type=click.Path(path_type=Path),
    help="A JSON file of what only Braze would fill in, named as in the template.",
)
@click.option(
    "--attempt",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Which attempt of a template with :retry this is.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the mail to this file instead of printing it."
)
@click.option("--open", "opens", is_flag=True, help="Show the mail in a browser.")
def preview(
    *,
    template: Path,
    member: str,
    url: str,
    credential_file: Path | None,
    attributes: Path | None,
    attempt: int,
    out: Path | None,
    opens: bool,
) -> None:
    """Print the mail that TEMPLATE makes for a member, as Braze would render it.

    Beside it, on standard error: the calls made, what got no value, and what Braze reads otherwise than it looks.

    Ends with 0 if the mail would be sent, 3 if the template aborts it, 4 if Braze would try it again, 1 if the
    template cannot be shown.
    """
    part = render(
        read_text(template, "template"),
        user_id=_encodable(member),
        base_url=_check_url(url),
        credential=_credential(credential_file),
        attributes=_attributes(attributes) if attributes else None,
        attempt=attempt,
    )
    _say_all(part)
    match part.outcome:
        case Rendered(text):
            _show(_encodable(text), template, out, opens=opens)
        case Aborted(reason) if reason and reason.startswith(NO_CREDENTIAL):
            raise CommandError(
                f"The template's calls need a credential, and {credential_file or DEMO_CREDENTIAL} is not there: "
                "name a file with --credential-file; `connected-jobs credential create` makes one."
            )
        case Aborted(reason):
            _say_beside(f"The message is aborted, nothing would be sent: {reason or 'no reason given'}")
            sys.exit(ABORTED)
        case WouldBeRetried(_, failure, left):
            _say_beside(
                f"The call failed ({failure}): Braze would try this message again, at most {left} times."
            )
            sys.exit(WOULD_BE_RETRIED)


def _say_all(part: PartPreview) -> None:
    """Print subject, notes and missing values beside the mail."""
    for call in part.calls:
        _say_beside(
            f"{call.method} {call.url} -> {call.failure or call.status} in {call.duration_s * 1000:.0f} ms"
        )
    if part.missing:
        _say_beside(f"No value for {', '.join(part.missing)}: give it with --attributes FILE.")
    for note in part.notes:
        _say_beside(note)
    if part.extras:
        _say_beside(f"Message extras: {json.dumps(dict(part.extras), ensure_ascii=False)}")
    for lost in part.lost_extras:
        click.secho(_encodable(f"LOST ON THE WAY: {lost}"), err=True, bold=True, fg="red")


def _say_beside(line: str) -> None:
    click.echo(_encodable(line), err=True)


def _encodable(text: str) -> str:
    """Return a text without lone surrogates, which no terminal and no file can encode."""
    return text.encode(errors="replace").decode()


def _check_url(url: str) -> str:
    """Return the service's address, which needs a scheme and a host."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise CommandError(f"--url {url} is no address of a service: write it like http://127.0.0.1:8080.")
    return url


def _show(text: str, template: Path, out: Path | None, *, opens: bool) -> None:
    if out is None and not opens:
        click.echo(text)
        return
    if opens and not _has_browser():
        raise CommandError(
            "There is no browser to open the mail in: leave out --open, or name a file with --out."
        )
    path = _write(text, out or Path(tempfile.mkdtemp(prefix="mail-")) / f"mail{_suffix(template)}", template)
    _say_beside(f"Written to {path}.")
    if opens and not webbrowser.open(path.resolve().as_uri()):
        raise CommandError(f"The browser could not be started; the mail is in {path}.")


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _suffix(template: Path) -> str:
    return ".txt" if ".txt" in template.suffixes else ".html"


def _write(text: str, path: Path, template: Path) -> Path:
    """Write the mail whole or not at all."""
    if path.exists() and path.samefile(template):
        raise CommandError(f"The mail would be written over its own template: name another file than {path}.")
    takes_place = is_replaceable(path)
    part = path.with_name(f".{path.name}.{os.getpid()}") if takes_place else path
    try:
        part.write_text(text, encoding="utf-8")
        if takes_place:
            part.replace(path)
    except OSError as error:
        if takes_place:
            part.unlink(missing_ok=True)
        raise CommandError(f"The mail cannot be written to {path}: {error.strerror or error}.") from error
    return path


def _credential(path: Path | None) -> StoredCredential | None:
    """Return the credential of a file; None where none is named and the demo's is not there."""
    if path is None:
        if not DEMO_CREDENTIAL.exists():
            return None
        path = DEMO_CREDENTIAL
    name, colon, secret = read_text(path, "credential file").strip().partition(":")
    if not colon:
        raise CommandError(f"The credential file {path} must hold one line, name:secret.")
    return StoredCredential(name, secret)


def _attributes(path: Path) -> dict[str, Any]:
    """Read the values that only Braze would fill in."""
    shape = 'an object such as {"first_name": "민지", "custom_attribute": {"desired_job": "개발자"}}'
    try:
        attributes = json.loads(read_text(path, "attributes file"))
    except json.JSONDecodeError as error:
        raise CommandError(
            f"The attributes file {path} is no JSON at line {error.lineno}, column {error.colno}: {error.msg}. "
            f"It holds {shape}."
        ) from error
    except RecursionError as error:
        raise CommandError(f"The attributes file {path} is nested too deep; it holds {shape}.") from error
    if not isinstance(attributes, dict):
        raise CommandError(f"The attributes file {path} does not hold {shape}.")
    return attributes


COMMANDS = (preview,)
