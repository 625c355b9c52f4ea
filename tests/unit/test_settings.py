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
    assert said.startswith(f"CJ_WORKERS={value!r} does not fit: give a whole number of ")


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


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secrets_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    assert refusal({"DATABASE_URL_FILE": str(file)}).startswith(
        f"DATABASE_URL_FILE names {file}, which cannot be read:"
    )


@pytest.mark.parametrize("name", ["CJ_SESSION_KEY", "CJ_PREVIEW_CREDENTIAL"])
def test_the_planners_secrets_are_read_as_the_databases_is_and_shown_by_nothing(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\n")
    field_name = name.removeprefix(PREFIX).lower()
    for environ in ({name: "hunter2"}, {f"{name}_FILE": str(file)}):
        found = Settings.from_env(environ)
        assert getattr(found, field_name) == "hunter2"
        assert "hunter2" not in repr(found)
    assert refusal({name: "a", f"{name}_FILE": str(file)}).startswith(f"Both {name} and {name}_FILE are set")
    assert refusal({f"{name}_FILES": "x"}).startswith(f"{name}_FILES is not a setting: known are ")


def test_every_setting_is_documented_with_its_default_and_its_meaning() -> None:
    rows = Settings.documented()
    assert [name for name, _, _ in rows] == [
        PREFIX + one.name.upper() for one in fields(Settings) if one.name != "database_url"
    ]
    assert ("CJ_WORKERS", "2", "worker processes") in rows
    assert [name for name, _, meaning in rows if not meaning] == []
    units = {name: meaning for name, _, meaning in rows if re.search("_(S|MS)$", name)}
    assert len(units) >= 5
