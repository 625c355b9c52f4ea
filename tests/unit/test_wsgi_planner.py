"""The planner as its settings make it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app import wsgi_planner
from app.settings import Settings, SettingsError
from tests.web.planner_service import OPERATOR

if TYPE_CHECKING:
    from flask import Flask

SETTINGS = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", session_key="k" * 32)


def made(**change: object) -> Flask:
    app = wsgi_planner.create_planner(replace(SETTINGS, **change))  # type: ignore[arg-type] # any field's
    app.extensions[wsgi_planner.KEY].engine.dispose()
    return app


def test_sessions_are_signed_with_the_key_that_is_set_and_else_with_one_of_the_processes_own() -> None:
    assert made().secret_key == b"k" * 32
    own = made(session_key=None).secret_key
    assert len(own or b"") == 32
    assert own != made(session_key=None).secret_key


def test_the_session_cookie_is_for_https_unless_told_otherwise() -> None:
    names = (
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY",
        "SESSION_COOKIE_SAMESITE",
    )
    assert [made().config[name] for name in names] == ["__Host-planner", True, True, "Lax"]
    assert [made(planner_https_only=False).config[name] for name in names] == ["planner", False, True, "Lax"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"database_url": None}, "DATABASE_URL is not set"),
    ],
)
def test_a_setting_that_does_not_fit_is_one_sentence(change: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        made(**change)


def test_a_planner_that_could_read_no_credentials_says_so_and_that_one_should_try_again() -> None:
    client = made().test_client()
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json) == (
        503,
        {"ready": False, "missing": ["No credentials could be read yet."]},
    )
    assert client.get("/health/live").status_code == 200
    asked = client.get("/v1/capacity/campaigns", headers={"Authorization": OPERATOR})
    assert (asked.status_code, asked.headers["Retry-After"]) == (503, "10")
