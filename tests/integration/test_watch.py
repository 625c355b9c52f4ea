"""`connected-jobs capacity watch`: one message when something turned, none when nothing did, and again after a fault."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from app.capacity.register.campaigns import read_draft
from app.cli.main import commands
from app.postgres.engines import planner_engine
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.watch import lock_watch
from tests.unit.webhook.double import channel
from tests.web.pages.site import FINGERPRINT, evidence_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.webhook.double import Channel

AHEAD = datetime.now(UTC) + timedelta(days=3)
SEND = {
    "name": "주간 추천",
    "kind": "rate_limited",
    "audience": 200_000,
    "at": f"{AHEAD:%Y-%m-%d}T09:00:00",
    "limit_per_min": 5_000,
}


class Rig:
    """A register with one campaign, a load test and an instance that runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = planner_engine(url)
        self.register, self.evidence = PostgresRegister(self.engine), PostgresEvidence(self.engine)
        self.register.add(read_draft({"key": "weekly", "owner": "CRM", "definition": SEND}), by="kim")

    def measured(self, low_rps: float, *, days_ago: float = 1.0) -> None:
        """Keep a load test."""
        ended_at = datetime.now(UTC) - timedelta(days=days_ago)
        tables = self.register.running().tables
        self.evidence.add(
            json.dumps(evidence_document(low_rps=low_rps, ended_at=ended_at, tables=tables)), by="kim"
        )
        self.runs(FINGERPRINT)

    def runs(self, fingerprint: str) -> None:
        """Have an instance of this fingerprint alive, and no other."""
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM connected_jobs.instance"))
            connection.execute(
                text(
                    "INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at, beat_at)"
                    " VALUES ('one', :fingerprint, 2, '{}', now(), now() + interval '1 hour')"
                ),
                {"fingerprint": fingerprint},
            )

    def watch(self, told: Channel, *options: str, **env: str) -> Result:
        """Run the command."""
        environment = {
            "DATABASE_URL": self.url,
            "CJ_WATCH_WEBHOOK": told.url,
            "CJ_WATCH_PRIVATE": "on",
            **env,
        }
        return CliRunner().invoke(commands, ["capacity", "watch", *options], env=environment)

    def change(self, **values: Any) -> None:
        """Edit the campaign."""
        one = self.register.campaigns()[0]
        draft = read_draft({"key": one.key, "owner": one.owner, "definition": {**one.definition, **values}})
        self.register.edit(one.id, draft, version=one.version, by="kim")


@pytest.fixture
def rig(database_url: str) -> Iterator[Rig]:
    rig = Rig(database_url)
    yield rig
    rig.engine.dispose()


def test_a_verdict_that_turns_is_told_once_either_way(rig: Rig) -> None:
    with channel() as told:
        assert (
            rig.watch(told).output == "Nothing turned: no message.\n"
        )  # the first look is what others turn from
        rig.measured(2_000.0)
        assert rig.watch(told, CJ_WATCH_KIND="slack").output == "Told 1.\n"
        title, line = told.texts()
        assert title == "발송 판정이 바뀌었습니다"
        assert "주간 추천" in line
        assert "측정 필요 → 가능." in line
        assert rig.watch(told).output == "Nothing turned: no message.\n"
        assert told.calls == 1
        rig.change(limit_per_min=500_000)
        assert rig.watch(told, CJ_WATCH_LANG="en").exit_code == 0
        assert "GO → GO IF. " in told.texts()[1]
        assert told.taken[-1]["type"] == "message"  # Teams, as the host is none of Slack's
        rig.change(limit_per_min=5_000)
        rig.watch(told, CJ_WATCH_LANG="en")
        assert "GO IF → GO. " in told.texts()[1]


def test_evidence_that_will_be_too_old_on_the_day_and_another_fingerprint_are_told_once(rig: Rig) -> None:
    rig.measured(2_000.0, days_ago=28.0)
    with channel() as told:
        rig.watch(told, CJ_WATCH_LANG="en")
        assert "by then the load test will be too old" in told.texts()[1]
        assert rig.watch(told).output == "Nothing turned: no message.\n"
        rig.runs("e" * 64)
        rig.watch(told, CJ_WATCH_LANG="en")
        turned = told.texts()[1:]
        assert "GO → RETEST." in turned[0]
        assert "program or settings have changed" in turned[-1]


def test_what_was_not_taken_is_told_the_next_time(rig: Rig) -> None:
    with channel() as told:
        rig.watch(told)
        rig.measured(2_000.0)
    with channel([404]) as told:
        ran = rig.watch(told)
        assert (ran.exit_code, told.taken) == (1, [])
        assert "secret-of-the-channel" not in ran.output + str(ran.exception)
        assert rig.watch(told).output == "Told 1.\n"


def test_a_dry_run_prints_the_message_and_keeps_nothing(rig: Rig) -> None:
    with channel() as told:
        rig.watch(told)
        rig.measured(2_000.0)
        for _ in range(2):
            said = rig.watch(told, "--dry-run").output
            assert said.startswith("발송 판정이 바뀌었습니다\n주간 추천")
        assert told.calls == 0
        assert rig.watch(told).output == "Told 1.\n"


def test_two_at_once_and_no_webhook_are_refused_with_a_sentence(rig: Rig) -> None:
    with channel() as told, rig.engine.begin() as connection:
        assert lock_watch(connection)
        ran = rig.watch(told)
        assert (ran.exit_code, "Another `capacity watch` is at it" in str(ran.exception)) == (1, True)
        ran = rig.watch(told, CJ_WATCH_WEBHOOK="")
        assert "CJ_WATCH_WEBHOOK is not set" in str(ran.exception)


def test_a_watch_killed_between_sending_and_storing_tells_it_again_and_then_no_more(rig: Rig) -> None:
    """Twice rather than never: nothing is kept of what may not have been told, and the lock falls with the process."""
    with channel() as told:
        rig.watch(told)
        rig.measured(2_000.0)
        environment = {
            **os.environ,
            "DATABASE_URL": rig.url,
            "CJ_WATCH_WEBHOOK": told.url,
            "CJ_WATCH_PRIVATE": "on",
        }
        command = [sys.executable, "-c", "from app.cli.main import main; main()", "capacity", "watch"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as killed:
            told.on_call = killed.kill
            assert killed.wait(timeout=60) == -signal.SIGKILL
        assert told.calls == 1
        told.on_call = lambda: None
        assert rig.watch(told).output == "Told 1.\n"
        assert rig.watch(told).output == "Nothing turned: no message.\n"
        assert told.calls == 2


def test_the_last_verdict_before_a_campaign_begins_is_kept(rig: Rig) -> None:
    rig.measured(2_000.0)
    with channel() as told:
        rig.watch(told)
        number = rig.register.campaigns()[0].id
        assert rig.register.last_verdicts() == {number: "GO"}
        rig.change(at="2026-01-05T09:00:00")
        rig.watch(told)
        rig.watch(told)
    assert rig.register.last_verdicts() == {number: "GO"}
