"""The command reads the calendar and the templates over HTTP; what it cannot use it says."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from app.cli.loop.calendar import calendar
from app.sync.definition import SyncError
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest

ENTRY = {
    "id": "c1",
    "name": "Digest",
    "type": "Campaign",
    "tags": ["jobs"],
    "next_send_time": "2026-12-02T08:00:00",
}


@pytest.fixture
def braze(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrazeRest]:
    monkeypatch.setenv("CJ_BRAZE_KEY", KEY)
    monkeypatch.setenv("CJ_BRAZE_PRIVATE", "on")
    monkeypatch.setenv("CJ_PUBLIC_HOST", "jobs.example.com")
    with braze_rest(BrazeRest()) as running:
        running.calendar.scheduled = [ENTRY]
        messages = {
            "v1": {"channel": "email", "body": "hello"},
            "v2": {"channel": "email", "type": "control"},
        }
        running.calendar.campaigns = {"c1": {"messages": messages}}
        yield running


def pulled(braze: BrazeRest, *more: str) -> Result:
    return CliRunner().invoke(calendar, ["pull", "--host", braze.url, *more])


def test_what_is_scheduled_is_printed_with_its_faults(braze: BrazeRest) -> None:
    result = pulled(braze)
    assert result.exit_code == 3, result.exception
    assert "(no zone given)" in result.output
    assert "v1: No part calls jobs.example.com" in result.output
    assert json.loads(pulled(braze, "--json").output)["scheduled"][0]["tags"] == ["jobs"]


def test_an_entry_that_cannot_be_read_is_counted(braze: BrazeRest) -> None:
    braze.calendar.scheduled = [7, {**ENTRY, "name": 3}, {**ENTRY, "next_send_time": "soon"}]
    assert "0 scheduled; 3 that could not be read." in pulled(braze).output


@pytest.mark.parametrize("answer", [[], "text", {}, {"scheduled_broadcasts": 3}])
def test_another_answer_gets_a_sentence(braze: BrazeRest, answer: object) -> None:
    braze.calendar.instead = answer
    assert isinstance(pulled(braze).exception, SyncError)


@pytest.mark.parametrize(("keys", "status"), [({}, "401"), ({KEY: set()}, "403")])
def test_a_key_without_rights_gets_a_sentence(
    braze: BrazeRest, keys: dict[str, set[str]], status: str
) -> None:
    braze.keys = keys
    assert status in str(pulled(braze).exception)


def test_a_full_hour_gets_a_sentence(braze: BrazeRest) -> None:
    braze.faults.next = ["429"]
    assert "Try again later" in str(pulled(braze).exception)
