"""Settings are read from an environment once, and a mistake in one is a sentence that names it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings, SettingsError


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(environ)
    return str(refused.value)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_the_rest_of_the_environment_is_left_alone() -> None:
    assert (
        Settings.from_env({"PATH": "/bin", "PORT": "9", "cj_workers": "9", "XCJ_WORKERS": "9"}) == Settings()
    )


def test_each_variable_sets_its_field() -> None:
    found = Settings.from_env(
        {
            "DATABASE_URL": "postgresql://a@b/c",
            "CJ_WORKERS": "3",
            "CJ_BIND": "0.0.0.0:80",
            "CJ_DATA_DIR": "/data",
            "CJ_PUBLICATION_DELAY_S": "0",
            "CJ_PGBOUNCER": "on",
        }
    )
    assert found == Settings(
        database_url="postgresql://a@b/c",
        workers=3,
        bind="0.0.0.0:80",
        data_dir=Path("/data"),
        publication_delay_s=0,
        pgbouncer=True,
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({"CJ_WORKERS": "", "DATABASE_URL": ""}) == Settings()


def test_an_unknown_variable_is_refused_so_that_a_misspelt_one_is_noticed() -> None:
    said = refusal({"CJ_WORKER": "3"})
    assert said.startswith("CJ_WORKER is not a setting: known are ")
    assert "CJ_WORKERS" in said


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "1e3", " 3", "３", "0x10"])
def test_a_number_that_does_not_fit_is_refused_by_name(value: str) -> None:
    said = refusal({"CJ_WORKERS": value})
    assert said.startswith(f"CJ_WORKERS={value!r} does not fit: give a whole number from 1 to 1000.")


@pytest.mark.parametrize("value", ["true", "1", "ON", "yes"])
def test_a_switch_is_on_or_off_and_nothing_else(value: str) -> None:
    assert refusal({"CJ_PGBOUNCER": value}) == f"CJ_PGBOUNCER={value!r} does not fit: give on or off."


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://a:hunter2@b/c\n")
    found = Settings.from_env({"DATABASE_URL_FILE": str(file)})
    assert found.database_url == "postgresql://a:hunter2@b/c"
    assert "hunter2" not in repr(found)


def test_a_secret_in_two_places_is_refused(tmp_path: Path) -> None:
    assert refusal({"DATABASE_URL": "postgresql://secret", "DATABASE_URL_FILE": str(tmp_path)}) == (
        "Both DATABASE_URL and DATABASE_URL_FILE are set: keep one."
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "cannot be read: it is no text in UTF-8"),
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"hun\0ter2", "more than one line"),
        (b"a" * 70_000, "more than one line"),
    ],
)
def test_a_secrets_file_that_holds_no_secret_is_named(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    sentence = refusal({"DATABASE_URL_FILE": str(file)})
    assert sentence.startswith(f"DATABASE_URL_FILE names {file}, which ")
    assert said in sentence
    assert "hun" not in sentence


def test_a_directory_is_no_secrets_file(tmp_path: Path) -> None:
    assert refusal({"CJ_LIMITS_URI_FILE": str(tmp_path)}) == (
        f"CJ_LIMITS_URI_FILE names {tmp_path}, which cannot be read: Is a directory."
    )
    assert refusal({"CJ_LIMITS_URI_FILE": "a\0b"}).startswith(
        "CJ_LIMITS_URI_FILE names 'a\\x00b', which cannot"
    )


SECRETS = {
    "DATABASE_URL": "postgresql://a:hunter2@b/c",
    "CJ_LIMITS_URI": "valkey://:hunter2%2Fx@cache:6379",
    "CJ_SESSION_KEY": "hunter2" * 6,
    "CJ_PREVIEW_CREDENTIAL": "previews:hunter2",
}


@pytest.mark.parametrize(("name", "value"), SECRETS.items())
@pytest.mark.parametrize("written", ["{}", "{}\n", "{}\r\n", "\ufeff{}", "\n {} \n\n"])
def test_every_secret_is_read_from_a_file_too_and_shown_by_nothing(
    tmp_path: Path, name: str, value: str, written: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(written.format(value), encoding="utf-8", newline="")
    for environ in ({name: value}, {f"{name}_FILE": str(file)}):
        found = Settings.from_env(environ)
        assert getattr(found, name.removeprefix(PREFIX).lower()) == value
        assert "hunter2" not in repr(found)
    assert refusal({name: value, f"{name}_FILE": str(file)}).startswith(
        f"Both {name} and {name}_FILE are set"
    )
    if name.startswith(PREFIX):
        assert refusal({f"{name}_FILES": "x"}).startswith(f"{name}_FILES is not a setting: known are ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CJ_SESSION_KEY", "hunter2", "32 characters or more"),
        ("CJ_PREVIEW_CREDENTIAL", "hunter2", "one line, name:secret"),
        ("CJ_PREVIEW_CREDENTIAL", ":hunter2", "one line, name:secret"),
        ("CJ_LIMITS_URI", "hunter2", "valkey://host:port"),
        ("CJ_LIMITS_URI", "redis://:hunter2@cache:6379", "valkey://host:port"),
        ("CJ_LIMITS_URI", "valkey://:hunter2/x@cache:6379", "valkey://host:port"),
        ("CJ_LIMITS_URI", "valkey://", "valkey://host:port"),
        ("DATABASE_URL", "postgresql://a:hunter2\n@b/c", "give one line"),
    ],
)
def test_a_secret_that_does_not_fit_is_not_repeated(name: str, value: str, said: str) -> None:
    sentence = refusal({name: value})
    assert sentence.startswith(name)
    assert said in sentence
    assert "hunter2" not in sentence


ADDRESSES = ("CJ_BIND", "CJ_HEALTH_BIND", "CJ_PLANNER_BIND")


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "value",
    [
        *("8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:http"),
        *("::1:8080", "[::1]", "::1", "[127.0.0.1]:80", "[localhost]:80", "127.0.0.256:80", "1.2.3:80"),
        *(
            "http://127.0.0.1:80",
            "127.0.0.1:80/",
            "a b:80",
            "127.0.0.1: 80",
            "127.0.0.1:８０",
            "host:-1",
            "-h:80",
        ),
        *("unix:/run/cj.sock", "*:80", "fd://x", "user@host:80"),
    ],
)
def test_an_address_that_cannot_be_listened_at_is_refused_by_name(name: str, value: str) -> None:
    assert refusal({name: value}) == (
        f"{name}={value!r} does not fit: give host:port, such as 127.0.0.1:8080 or [::1]:8080."
    )


@pytest.mark.parametrize(
    "value", ["127.0.0.1:1", ":443", "[::1]:8080", "[fe80::1]:65535", "localhost:80", "a.b-c.d:80"]
)
def test_an_address_that_can_be_is_taken(value: str) -> None:
    for name in ADDRESSES:
        assert getattr(Settings.from_env({name: value}), name.removeprefix(PREFIX).lower()) == value


@pytest.mark.parametrize(
    ("bind", "health"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("127.0.0.1:80", "0.0.0.0:80"),
        ("[::]:80", "[::1]:80"),
        (":80", "10.0.0.1:80"),
    ],
)
def test_health_is_answered_at_a_port_of_its_own(bind: str, health: str) -> None:
    assert refusal({"CJ_BIND": bind, "CJ_HEALTH_BIND": health}) == (
        f"CJ_BIND={bind} and CJ_HEALTH_BIND={health} are one address: give CJ_HEALTH_BIND another port."
    )
    Settings.from_env({"CJ_BIND": "127.0.0.1:80", "CJ_HEALTH_BIND": "127.0.0.1:81"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CJ_WORKERS", "1000000", "a whole number from 1 to 1000"),
        ("CJ_DEADLINE_MS", "600000", "a whole number from 1 to 60000"),
        ("CJ_POLL_S", "9" * 5000, "a whole number from 1 to 1000000000"),
        ("CJ_CARDS", "99", "a whole number from 100 to 1000000000"),
        ("CJ_SOFT_RPS", "inf", "a whole number from 0 to 1000000000"),
        ("CJ_SOFT_RPS", "nan", "a whole number from 0 to 1000000000"),
        ("CJ_PREVIEW_URL", "127.0.0.1:8080", "the address of a service"),
        ("CJ_PREVIEW_URL", "http://", "the address of a service"),
        ("CJ_PREVIEW_URL", "http://127.0.0.1:99999", "the address of a service"),
        ("CJ_PREVIEW_URL", "ftp://host", "the address of a service"),
        ("CJ_PREVIEW_URL", "http://host?x=1", "the address of a service"),
        ("CJ_PUBLIC_HOST", "https://jobs.example.com", "a host name alone"),
        ("CJ_PUBLIC_HOST", "jobs.example.com/v1", "a host name alone"),
        ("CJ_INSTANCE", "a\nb", "at most 200 characters"),
        ("CJ_DATA_DIR", __file__, "a directory, or where one can be made"),
        ("CJ_SNAPSHOT", str(Path(__file__).parent), "a file's path"),
        ("CJ_SERVER", "uwsgi", "gunicorn or granian"),
    ],
)
def test_a_value_that_cannot_work_is_refused_when_it_is_read(name: str, value: str, said: str) -> None:
    sentence = refusal({name: value})
    assert sentence.startswith(f"{name}={value[:20]!r}"[:20])
    assert said in sentence


def test_an_addresss_end_does_not_double_the_slash_of_a_path() -> None:
    assert Settings.from_env({"CJ_PREVIEW_URL": "https://[::1]:8443/"}).preview_url == "https://[::1]:8443"


def test_every_setting_is_documented_with_its_default_and_its_meaning() -> None:
    rows = Settings.documented()
    assert [name for name, _, _ in rows] == [
        PREFIX + one.name.upper() for one in fields(Settings) if one.name != "database_url"
    ]
    assert ("CJ_WORKERS", "2", "worker processes") in rows
    assert [name for name, _, meaning in rows if not meaning] == []
    units = {name: meaning for name, _, meaning in rows if re.search("_(S|MS)$", name)}
    assert len(units) >= 5


@pytest.mark.parametrize(
    ("written", "read"), [("applied, viewed", "applied,viewed"), (" NONE ", "none"), ("Scrapped", "scrapped")]
)
def test_kinds_of_activity_may_be_written_as_people_do(written: str, read: str) -> None:
    assert Settings.from_env({"CJ_NAMED_IN_REASONS": written}).named_in_reasons == read


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.com/T0/B0/secret",
        "https://",
        "https:///T0/secret",
        "ftp://hooks.example.com/secret",
        "https://hooks.example.com:port/secret",
        "https://hooks.example.com:0/secret",
        "https://[::1/secret",
        f"https://{'a' * 70}.com/secret",
        "https://.example.com/secret",
        "https://hooks.example.com/se cret",
        "https://hooks.example.com/비밀",
    ],
)
def test_a_webhook_that_is_no_url_is_told_before_it_is_needed_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="the URL that Slack or Teams shows") as told:
        Settings.from_env({"CJ_WATCH_WEBHOOK": url})
    assert not {"secret", "비밀", "hooks"} & set(str(told.value).replace("/", " ").split())


def test_a_webhook_of_two_lines_is_refused_like_every_secret() -> None:
    with pytest.raises(SettingsError, match="holds a line break") as told:
        Settings.from_env({"CJ_WATCH_WEBHOOK": "https://hooks.example.com/sec\nret"})
    assert "hooks" not in str(told.value)
