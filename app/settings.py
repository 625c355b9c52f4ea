"""The one reader of environment variables: names, units, defaults, and what they mean."""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app import setting_values as values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["slack", "teams"]
Lang = Literal["ko", "en"]
PREFIX = "CJ_"
_SECRET_BYTES = 64 * 1024
_SHOWN = 100  # characters of a value that a sentence repeats


class SettingsError(Exception):
    """A variable that cannot be used; the sentence names it and says what would do."""


def _named(text: str) -> str:
    kinds = [kind.strip().lower() for kind in text.split(",")]
    if kinds != ["none"] and not set(kinds) <= {"applied", "scrapped", "viewed"}:
        raise ValueError("none, or some of applied, scrapped, viewed, joined by commas")
    return ",".join(kinds)


def _setting(default: Any, parse: Callable[[str], Any], meaning: str, *, of_the_planner: bool = False) -> Any:
    metadata = {"parse": parse, "meaning": meaning, "of_the_planner": of_the_planner}
    return field(default=default, metadata=metadata)


def _secret_setting(variable: str, parse: Callable[[str], str] = str, **metadata: str) -> Any:
    return field(default=None, repr=False, metadata={"secret": variable, "parse": parse, **metadata})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this deployment runs. Each field is the variable `CJ_<FIELD>`; the database is `DATABASE_URL`.

    Any secret may stand in a file instead, which `DATABASE_URL_FILE`, `CJ_SESSION_KEY_FILE` and so on name.
    """

    database_url: str | None = _secret_setting("DATABASE_URL")
    write_url: str | None = _secret_setting(
        "CJ_WRITE_URL",
        meaning="the primary's URL, where DATABASE_URL names standbys: what the service writes (sends, counts, heartbeats) goes there",
    )
    data_dir: Path = _setting(
        Path(".data"), values.folder, "where the embedded Postgres and saved shelves live"
    )
    bind: str = _setting("127.0.0.1:8080", values.address, "address and port to serve on")
    health_bind: str | None = _setting(
        None,
        values.address,
        "address and port where health is answered besides, however many calls wait at CJ_BIND",
    )
    server: str = _setting("gunicorn", values.server, "gunicorn, or granian where its extra is installed")
    workers: int = _setting(2, values.count, "worker processes")
    threads: int = _setting(8, values.count, "threads a worker")
    connections: int = _setting(8, values.count, "connections a worker has to Postgres")
    pgbouncer: bool = _setting(
        default=False, parse=values.on_or_off, meaning="on where DATABASE_URL is a PgBouncer"
    )
    deadline_ms: int = _setting(800, values.wait_ms, "from first sight of a call to its answer")
    hard_rps: int = _setting(
        5000, values.whole, "calls/s of one credential above which 429 answers; 0 is off"
    )
    soft_rps: int = _setting(
        0,
        values.whole,
        "calls/s of one credential and campaign above which popular postings answer; 0 is off",
    )
    limits_uri: str | None = _secret_setting(
        "CJ_LIMITS_URI",
        values.shared_storage,
        meaning="valkey://host:port, to share both lines among instances",
    )
    trust_request_start: bool = _setting(
        False,
        values.on_or_off,
        "on where a proxy of yours sets X-Request-Start: its queue counts towards the deadline",
    )
    log_per_s: int = _setting(10, values.whole, "access log lines a worker writes in a second, at most")
    pool_wait_ms: int = _setting(250, values.wait_ms, "longest wait for a connection of the worker's")
    named_in_reasons: str = _setting(
        "applied",
        _named,
        "which postings of the member a reason may name: of applied, scrapped, viewed, joined by commas, or none",
    )
    card_ttl_s: int = _setting(600, values.positive, "longest age of a posting's card in memory")
    cards: int = _setting(50_000, values.between(100), "most cards a worker keeps in memory")
    lists: int = _setting(20_000, values.positive, "most members whose list a worker keeps in memory")
    list_fresh_s: int = _setting(
        20, values.whole, "how long a member's list is used again without asking Postgres"
    )
    list_stale_s: int = _setting(
        3600, values.positive, "how long it is kept for when Postgres does not answer"
    )
    poll_s: int = _setting(10, values.positive, "how often a worker asks which postings changed")
    overlap_s: int = _setting(
        120,
        values.whole,
        "how late a posting's change may reach Postgres after its updated_at and still be known in time",
    )
    snapshot: Path | None = _setting(
        None,
        values.file,
        "what a start without Postgres answers from (default: CJ_DATA_DIR/snapshot-PORT.json)",
    )
    publication_delay_s: int = _setting(
        15 * 60, values.whole, "from publishing a refresh to its first use in mails"
    )
    send_hold_s: int = _setting(
        24 * 3600,
        values.between(0, 30 * 24 * 3600),
        "how long a send keeps the lists of its first call; 0 is off",
    )
    least_percent: int = _setting(
        50,
        values.between(0, 100),
        "a refresh that sees or makes less of what the last one did is refused; 0 is off",
    )
    counting: bool = _setting(
        True, values.on_or_off, "off where the role may not write: sends are not counted, instances not known"
    )
    instance: str | None = _setting(
        None, values.name, "this instance's name among those of the service (default: its host and CJ_BIND)"
    )
    planner_bind: str = _setting(
        "127.0.0.1:8081", values.address, "address and port of the planner", of_the_planner=True
    )
    planner_https_only: bool = _setting(
        True,
        values.on_or_off,
        "off where the planner's pages are opened over plain http, on loopback",
        of_the_planner=True,
    )
    session_key: str | None = _secret_setting(
        "CJ_SESSION_KEY",
        values.session_key,
        meaning="signs the planner's sessions, 32 characters or more; without it they end when it restarts",
    )
    preview_url: str = _setting(
        "http://127.0.0.1:8080",
        values.url,
        "the service that the planner's previews call",
        of_the_planner=True,
    )
    preview_credential: str | None = _secret_setting(
        "CJ_PREVIEW_CREDENTIAL",
        values.credential,
        meaning="name:secret of a content credential, for the planner's previews; without it there are none",
    )
    public_host: str | None = _setting(
        None,
        values.host,
        "the service's host name as Braze calls it, for templates to copy",
        of_the_planner=True,
    )
    loadtest_command: str | None = _setting(
        None,
        values.name,
        "what the planner's pages say to run for a load test (default: the commands for any service)",
        of_the_planner=True,
    )

    watch_webhook: str | None = _secret_setting(
        "CJ_WATCH_WEBHOOK",
        values.webhook,
        meaning="URL of a Slack or Teams webhook that `capacity watch` tells what turned",
    )
    watch_kind: Kind | None = _setting(
        None,
        values.one_of("slack", "teams"),
        "slack or teams, where the URL does not tell",
        of_the_planner=True,
    )
    watch_lang: Lang = _setting(
        "ko", values.one_of("ko", "en"), "ko or en: language of what is told", of_the_planner=True
    )
    watch_private: bool = _setting(
        False,
        values.on_or_off,
        "on where the webhook may stand inside a private network, or be plain http",
        of_the_planner=True,
    )

    braze_key: str | None = _secret_setting(
        "CJ_BRAZE_KEY",
        values.api_key,
        meaning="a workspace's REST key, for `sync` and `members erase --in-braze`",
    )
    braze_private: bool = _setting(
        False,
        values.on_or_off,
        "on where Braze's host may stand inside a private network, or be plain http",
        of_the_planner=True,
    )
    amplitude_key: str | None = _secret_setting(
        "CJ_AMPLITUDE_KEY",
        values.api_key,
        meaning="a project's API key, for `sync` to Amplitude and `members erase --in-amplitude`",
    )
    amplitude_secret_key: str | None = _secret_setting(
        "CJ_AMPLITUDE_SECRET_KEY",
        values.api_key,
        meaning="the project's secret key, for `members erase --in-amplitude`",
    )
    amplitude_private: bool = _setting(
        False,
        values.on_or_off,
        "on where Amplitude's host may stand inside a private network, or be plain http",
        of_the_planner=True,
    )
    airbridge_token: str | None = _secret_setting(
        "CJ_AIRBRIDGE_TOKEN", values.api_key, meaning="an app's API token, for `sync` to Airbridge"
    )
    airbridge_private: bool = _setting(
        False,
        values.on_or_off,
        "on where Airbridge's host may stand inside a private network, or be plain http",
        of_the_planner=True,
    )

    @property
    def required_database_url(self) -> str:
        """The database of what serves, which starts none of its own.

        Raises:
            SettingsError: it is not set.
        """
        if self.database_url is None:
            raise SettingsError(
                "DATABASE_URL is not set: give the board's Postgres, postgresql://user@host/name."
            )
        return self.database_url

    @property
    def snapshot_path(self) -> Path:
        """The snapshot's file; instances on one machine differ by their port."""
        return self.snapshot or self.data_dir / f"snapshot-{self.bind.rpartition(':')[2]}.json"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from an environment (default: the process's).

        Raises:
            SettingsError: an unknown `CJ_` name, or a value that does not fit.
        """
        environ = os.environ if environ is None else environ
        known = {PREFIX + f.name.upper(): f for f in fields(cls) if "secret" not in f.metadata}
        secrets = {f.metadata["secret"]: f for f in fields(cls) if "secret" in f.metadata}
        names = {*known, *secrets, *(f"{name}_FILE" for name in secrets)}
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in names:
                accepted = ", ".join(sorted(name for name in names if name.startswith(PREFIX)))
                raise SettingsError(f"{name} is not a setting: known are {accepted}.")
        given: dict[str, Any] = {
            f.name: _read(name, environ[name], f.metadata["parse"])
            for name, f in known.items()
            if environ.get(name)
        }
        given |= {f.name: _secret(environ, name, f.metadata["parse"]) for name, f in secrets.items()}
        settings = cls(**given)
        if settings.health_bind and values.overlap(settings.bind, settings.health_bind):
            raise SettingsError(
                f"CJ_BIND={settings.bind} and CJ_HEALTH_BIND={settings.health_bind} are one address: "
                "give CJ_HEALTH_BIND another port."
            )
        return settings

    @classmethod
    def documented(cls) -> list[tuple[str, str, str]]:
        """Every variable with its default and meaning, for the README's table."""
        rows = [
            (PREFIX + f.name.upper(), f.default, f.metadata["meaning"])
            for f in fields(cls)
            if "meaning" in f.metadata
        ]
        return [
            (name, "" if default is MISSING else str(default), meaning) for name, default, meaning in rows
        ]


def _read(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        raise SettingsError(f"{name}={shown!r} does not fit: give {error}.") from error


def _secret(environ: Mapping[str, str], name: str, parse: Callable[[str], str]) -> str | None:
    """A secret from its variable or from the file that `<name>_FILE` names; no sentence repeats it."""
    path = environ.get(f"{name}_FILE")
    if path and environ.get(name):
        raise SettingsError(f"Both {name} and {name}_FILE are set: keep one.")
    text = line_of(path, f"{name}_FILE") if path else environ.get(name, "").strip()
    if not text:
        return None
    if not text.isprintable():
        raise SettingsError(
            f"{name} holds a line break or another character that cannot be printed: give one line."
        )
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{name} does not fit: give {error}.") from None


def line_of(path: str, name: str) -> str:
    """The one line that a secret's file holds, whichever editor wrote it; `name` is who names the file.

    Raises:
        SettingsError: there is no such line.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_SECRET_BYTES + 1)
        text = content.decode("utf-8-sig").strip()
    except OSError as error:
        raise SettingsError(f"{name} names {path}, which cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name} names {path}, which cannot be read: it is no text in UTF-8.") from None
    except ValueError:
        raise SettingsError(f"{name} names {path!r}, which cannot be read: it is no path.") from None
    if not text:
        raise SettingsError(f"{name} names {path}, which is empty: write the secret there, in one line.")
    if not text.isprintable() or len(content) > _SECRET_BYTES:
        raise SettingsError(
            f"{name} names {path}, which holds more than one line of text: leave the secret alone there."
        )
    return text
