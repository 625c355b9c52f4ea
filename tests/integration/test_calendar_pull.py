"""Braze's calendar fills the register over HTTP: what Braze owns follows it, what a person typed stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from app.braze.rest.calendar import BrazeCalendar
from app.capacity.on_record import judge_window
from app.capacity.register.campaigns import RegisteredCampaign, read_draft
from app.cli.loop.calendar import calendar
from app.postgres.engines import planner_engine
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.register import PostgresRegister
from app.sync.definition import SyncError
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.doubles.faulty_http import Fault

HOST = "jobs.example.com"
NEXT = (datetime.now(UTC) + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
CALL = (
    f"{{% connected_content https://{HOST}/v1/members/{{{{${{user_id}}}}}}/recommendations?campaign=weekly-digest"
    "&send={{campaign.${dispatch_id}}} :save jobs %}"
)
GOOD = CALL + "{% message_extras :key cj :value {{jobs.exposure}} %}"


def entry(**change: Any) -> dict[str, Any]:
    return {
        "id": "0e5f-digest",
        "name": "주간 추천",
        "type": "Campaign",
        "tags": ["jobs"],
        "next_send_time": NEXT.isoformat(),
        "schedule_type": "Asia/Seoul",
    } | change


def details(body: str = GOOD, **more: Any) -> dict[str, Any]:
    messages = {
        "v1": {"channel": "email", "name": "Variant 1", "subject": "(광고) 추천", "body": body, **more},
        "v2": {"channel": "email", "type": "control"},
    }
    return {"message": "success", "messages": messages}


class Pulling:
    """The command against the double, and the register that it fills."""

    def __init__(self, braze: BrazeRest, register: PostgresRegister, engine: Any) -> None:
        self.braze, self.register, self.engine = braze, register, engine

    def __call__(self, *more: str) -> Result:
        return CliRunner().invoke(calendar, ["pull", "--host", self.braze.url, "--by", "cron", *more])

    def told(self, *more: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*more, "--json").stdout)
        return found

    def one(self) -> RegisteredCampaign:
        (found,) = self.register.campaigns()
        return found

    def finish(self, one: RegisteredCampaign, **typed: Any) -> RegisteredCampaign:
        definition = {**one.definition, "audience": 50_000, "limit_per_min": 10_000, **typed}
        values = {"key": one.key, "owner": "kim", "braze_campaign_id": one.braze_campaign_id}
        draft = read_draft({**values, "definition": definition})
        return self.register.edit(one.id, draft, version=one.version, by="kim")


@pytest.fixture
def pull(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulling]:
    for name, value in {
        "CJ_BRAZE_KEY": KEY,
        "CJ_BRAZE_PRIVATE": "on",
        "CJ_PUBLIC_HOST": HOST,
        "DATABASE_URL": database_url,
    }.items():
        monkeypatch.setenv(name, value)
    at_once = partial(BrazeCalendar, sleep=lambda _s: None)
    monkeypatch.setattr("app.cli.loop.calendar.BrazeCalendar", at_once)
    engine = planner_engine(database_url)
    with braze_rest(BrazeRest()) as running:
        running.calendar.scheduled = [entry()]
        running.calendar.campaigns = {"0e5f-digest": details()}
        yield Pulling(running, PostgresRegister(engine), engine)
    engine.dispose()


def at(one: RegisteredCampaign) -> str:
    return str(one.definition["at"])


def seoul(moment: datetime) -> str:
    return (moment + timedelta(hours=9)).replace(tzinfo=None).isoformat()


def test_what_is_scheduled_is_on_record_and_what_is_missing_is_told(pull: Pulling) -> None:
    result = pull()
    assert result.exit_code == 0, result.output
    assert "Missing: audience, limit_per_min." in result.output
    one = pull.one()
    assert (one.name, one.key, one.braze_campaign_id, at(one)) == (
        *("주간 추천", "weekly-digest", "0e5f-digest"),
        seoul(NEXT),
    )
    assert one.in_braze is not None
    assert one.in_braze.told["tags"] == ["jobs"]
    assert one.in_braze.told["schedule"] == "Asia/Seoul"
    assert [change.who for change in pull.register.changes(one.id)] == ["cron"]


def test_a_second_pull_changes_nothing(pull: Pulling) -> None:
    pull()
    first = pull.one()
    assert pull.told()["scheduled"][0]["what"] == "same"
    again = pull.one()
    assert (again.version, again.updated_at) == (first.version, first.updated_at)
    assert len(pull.register.changes(first.id)) == 1


def test_what_a_person_typed_stays_and_what_is_brazes_follows(pull: Pulling) -> None:
    pull()
    typed = pull.finish(pull.one())
    moved = NEXT + timedelta(hours=1)
    pull.braze.calendar.scheduled = [entry(name="새 이름", next_send_time=moved.isoformat())]
    assert pull.told()["scheduled"][0]["changed"] == ["at", "name"]
    one = pull.one()
    assert (one.name, at(one)) == ("새 이름", seoul(moved))
    assert (one.owner, one.definition["audience"], one.definition["limit_per_min"]) == ("kim", 50_000, 10_000)
    assert one.version == typed.version + 1


def test_a_time_that_a_person_typed_over_is_theirs_and_the_difference_is_told(pull: Pulling) -> None:
    pull()
    theirs = seoul(NEXT + timedelta(hours=2))
    pull.finish(pull.one(), at=theirs, name="우리 이름")
    pull.braze.calendar.scheduled = [
        entry(name="새 이름", next_send_time=(NEXT + timedelta(hours=1)).isoformat())
    ]
    (told,) = pull.told()["scheduled"]
    one = pull.one()
    assert (one.name, at(one), told["changed"]) == ("우리 이름", theirs, [])
    assert [found["code"] for found in told["findings"]] == ["braze_other_time"]
    assert f"Braze {NEXT:%Y-%m-%d} 10:00, 여기 {NEXT:%Y-%m-%d} 11:00" in told["findings"][0]["sentence"]["ko"]


def test_a_time_that_does_not_fit_what_was_typed_is_not_taken_over(pull: Pulling) -> None:
    pull()
    pull.finish(pull.one(), finish_by=seoul(NEXT + timedelta(hours=2)))
    pull.braze.calendar.scheduled = [entry(next_send_time=(NEXT + timedelta(hours=3)).isoformat())]
    (told,) = pull.told()["scheduled"]
    assert at(pull.one()) == seoul(NEXT)
    assert pull.one().campaign().finish_by is not None
    assert [found["code"] for found in told["findings"]] == ["braze_other_time"]
    pull.braze.calendar.scheduled = [entry(next_send_time=(NEXT + timedelta(hours=1)).isoformat())]
    assert pull.told()["scheduled"][0]["changed"] == ["at"]


def test_what_is_gone_is_told_and_comes_back(pull: Pulling) -> None:
    pull()
    pull.finish(pull.one())
    pull.braze.calendar.scheduled = []
    result = pull()
    assert result.exit_code == 3
    assert "is gone from Braze" in result.output
    assert pull.one().in_braze is not None
    assert pull.one().in_braze.gone_at is not None  # type: ignore[union-attr] # it is there
    judged = judge_window(pull.register, PostgresEvidence(pull.engine), now=datetime.now(UTC))
    assert judged.judgement is not None
    assert "braze_gone" in {note.code for note in judged.judgement.notes}
    pull.braze.calendar.scheduled = [entry()]
    assert pull().exit_code == 0
    assert pull.one().in_braze.gone_at is None  # type: ignore[union-attr] # it is there


def test_nothing_is_gone_while_an_entry_has_no_id(pull: Pulling) -> None:
    pull()
    pull.braze.calendar.scheduled = [7]
    assert "is gone" not in pull().output


def test_what_lies_beyond_the_days_asked_for_is_not_gone(pull: Pulling) -> None:
    pull()
    pull.braze.calendar.scheduled = []
    assert "is gone" not in pull("--days", "1").output


def test_a_send_that_is_over_stays_and_the_next_one_has_its_audience(pull: Pulling) -> None:
    pull()
    first = pull.finish(pull.one())
    past = {**first.definition, "at": seoul(datetime.now(UTC).replace(microsecond=0) - timedelta(days=4))}
    with pull.engine.begin() as connection:  # four days pass
        connection.exec_driver_sql(
            "UPDATE connected_jobs.campaign SET definition = %s", (json.dumps(past, ensure_ascii=False),)
        )
        connection.exec_driver_sql(
            'UPDATE connected_jobs.campaign_in_braze SET told = told || \'{"at": "2026-01-01T00:00:00Z"}\''
        )
    (told,) = pull.told()["scheduled"]
    assert (told["what"], told["missing"]) == ("again", [])
    before, after = pull.register.campaigns()
    assert at(before) == past["at"]
    assert (after.definition["audience"], after.owner, at(after)) == (50_000, "kim", seoul(NEXT))
    assert after.name == f"주간 추천 {seoul(NEXT)[:10]}"
    assert pull.told()["scheduled"][0]["what"] == "same"
    assert len(pull.register.campaigns()) == 2


def test_a_send_that_nobody_finished_moves_on_to_its_next_time(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [
        entry(next_send_time=(datetime.now(UTC) - timedelta(days=1)).isoformat())
    ]
    pull()
    pull.braze.calendar.scheduled = [entry()]
    assert pull.told()["scheduled"][0]["changed"] == ["at"]
    assert at(pull.one()) == seoul(NEXT)


def test_a_send_that_nobody_finished_is_taken_off_when_it_is_over(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [
        entry(next_send_time=(datetime.now(UTC) - timedelta(days=1)).isoformat())
    ]
    pull()
    pull.braze.calendar.scheduled = []
    assert "taken off" in pull().output
    assert list(pull.register.campaigns()) == []
    pull.braze.calendar.scheduled = [entry()]
    assert pull.told()["scheduled"][0]["what"] == "added"


def test_what_a_person_removed_is_left_so(pull: Pulling) -> None:
    pull()
    one = pull.one()
    pull.register.remove(one.id, version=one.version, by="kim")
    assert pull.told()["scheduled"][0]["what"] == "removed here"
    assert list(pull.register.campaigns()) == []


def test_a_campaign_that_a_person_put_on_record_with_brazes_id_is_not_doubled(pull: Pulling) -> None:
    definition = {"name": "손으로", "kind": "at_once", "audience": 9, "at": seoul(NEXT + timedelta(hours=5))}
    values = {"key": "weekly-digest", "owner": "kim", "braze_campaign_id": "0e5f-digest"}
    pull.register.add(read_draft({**values, "definition": definition}), by="kim")
    (told,) = pull.told()["scheduled"]
    assert (told["what"], [one["code"] for one in told["findings"]]) == ("same", ["braze_other_time"])
    assert pull.one().definition["name"] == "손으로"


def test_two_campaigns_of_one_name_and_one_that_a_person_has_are_told_apart(pull: Pulling) -> None:
    definition = {"name": "주간 추천", "kind": "at_once", "audience": 9, "at": seoul(NEXT)}
    pull.register.add(read_draft({"key": "other", "owner": "kim", "definition": definition}), by="kim")
    pull.braze.calendar.scheduled = [entry(), entry(id="b"), entry(id="c")]
    pull.braze.calendar.campaigns |= {"b": details(), "c": details()}
    assert pull().exit_code == 0
    names = [one.name for one in pull.register.campaigns()]
    assert names == ["주간 추천", f"주간 추천 {seoul(NEXT)[:10]}", "주간 추천 (2)", "주간 추천 (3)"]
    assert {one["what"] for one in pull.told()["scheduled"]} == {"same"}


def test_each_kind_of_schedule_says_what_it_lacks(pull: Pulling) -> None:
    local, best = entry(id="l", name="l"), entry(id="i", name="i")
    local |= {"next_send_time": "2098-11-24T09:00:30", "schedule_type": "local_time_zones"}
    best |= {"next_send_time": "2098-11-24T09:00:00", "schedule_type": "intelligent_delivery"}
    canvas = entry(id="c", name="c", type="Canvas")
    pull.braze.calendar.scheduled = [local, best, canvas]
    pull.braze.calendar.campaigns = {"l": details(), "i": details()}
    steps = [
        {"name": "Wait", "type": "delay"},
        {"name": "Mail", "messages": {"m": details()["messages"]["v1"]}},
    ]
    pull.braze.calendar.canvases = {"c": {"steps": steps}}
    found = {one["name"]: one["missing"] for one in pull.told()["scheduled"]}
    assert found == {
        "l": ["audience", "zones"],
        "i": ["audience", "users_per_hour", "fallback_share", "fallback_at"],
        "c": ["audience"],
    }
    kinds = {one.name: one.definition for one in pull.register.campaigns()}
    assert (kinds["l"]["kind"], kinds["l"]["at"]) == ("local_time_zones", "2098-11-24T09:00:00")
    assert (kinds["i"]["kind"], kinds["i"]["on"]) == ("intelligent_timing", "2098-11-24")
    assert kinds["c"]["kind"] == "canvas_step"


def test_faults_of_a_template_stand_in_the_verdict(pull: Pulling) -> None:
    pull.braze.calendar.campaigns = {
        "0e5f-digest": details(CALL + "{% abort_message('x') %}".replace("x", "y"))
    }
    result = pull("--lang", "ko")
    assert result.exit_code == 3
    assert "message_extras" in result.output
    pull.finish(pull.one())
    judged = judge_window(pull.register, PostgresEvidence(pull.engine), now=datetime.now(UTC))
    assert judged.judgement is not None
    assert "template_extras_count" in {note.code for note in judged.judgement.notes}


def test_one_campaign_that_fails_stops_no_other(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [entry(id="bad", name="bad"), entry()]
    pull.braze.calendar.failing = {"bad": 500}
    result = pull()
    assert result.exit_code == 4
    assert "Braze answers /campaigns/details with 500" in result.output
    assert {one.name for one in pull.register.campaigns()} == {"bad", "주간 추천"}
    pull.braze.calendar.failing = {"0e5f-digest": 500}
    pull.braze.calendar.campaigns |= {"bad": details()}
    pull()
    by_name = {one.name: one for one in pull.register.campaigns()}
    assert by_name["주간 추천"].key == "weekly-digest"  # as it was last seen
    assert by_name["bad"].key == "weekly-digest"  # it was made up until the template could be read


def test_a_campaign_without_a_mail_is_left_out(pull: Pulling) -> None:
    push = {"messages": {"p": {"channel": "ios_push", "alert": "hello"}}}
    pull.braze.calendar.scheduled = [entry(id="push", name="push"), entry()]
    pull.braze.calendar.campaigns |= {"push": push}
    told = pull.told()
    assert told["left_out"] == [{"id": "push", "name": "push"}]
    assert pull.one().name == "주간 추천"


def test_only_a_tag_may_be_asked_for(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [entry(), entry(id="other", name="other", tags=["promo"])]
    assert len(pull.told("--tag", "jobs")["scheduled"]) == 1


def test_a_dry_run_keeps_nothing(pull: Pulling) -> None:
    assert "Nothing was kept" in pull("--dry-run").output
    assert list(pull.register.campaigns()) == []


@pytest.mark.parametrize(
    "odd",
    [
        *(7, None, "text", {}),
        *({"name": 3}, {"name": " "}, {"id": None}, {"type": "Newsletter"}, {"next_send_time": "soon"}),
        *({"next_send_time": "9999-12-31T23:59:59+00:00"}, {"next_send_time": "0001-01-01T00:00:00Z"}),
    ],
)
def test_an_entry_that_cannot_be_used_is_named_and_the_rest_is_put_on_record(pull: Pulling, odd: Any) -> None:
    pull.braze.calendar.scheduled = [entry(id="x") | odd if isinstance(odd, dict) and odd else odd, entry()]
    result = pull()
    assert result.exit_code == 4, result.output
    assert "1 that could not be read." in result.output
    assert pull.one().name == "주간 추천"


@pytest.mark.parametrize(
    "answer",
    [
        *([], "text", {}, {"scheduled_broadcasts": 3}, b"<html>no</html>", b"", b"\xff\xfe"),
        *(b'{"scheduled_broadcasts": [' + b" " * 3_000_000 + b"]}", b"[" * 100_000),
    ],
)
def test_another_answer_gets_a_sentence_and_changes_nothing(pull: Pulling, answer: Any) -> None:
    pull()
    pull.braze.calendar.instead = answer
    assert isinstance(pull().exception, SyncError)
    assert pull.one().in_braze.gone_at is None  # type: ignore[union-attr] # it is there


@pytest.mark.parametrize("answer", [b"no", {"messages": []}, {"message": "success"}])
def test_odd_details_are_a_campaigns_own_fault(pull: Pulling, answer: Any) -> None:
    pull.braze.calendar.campaigns = {"0e5f-digest": answer}
    result = pull()
    assert result.exit_code == 4
    assert "Braze's answer to /campaigns/details" in result.output
    assert pull.one().name == "주간 추천"


@pytest.mark.parametrize(("keys", "status"), [({}, "401"), ({KEY: set()}, "403")])
def test_a_key_without_rights_gets_a_sentence(pull: Pulling, keys: dict[str, set[str]], status: str) -> None:
    pull.braze.keys = keys
    assert status in str(pull().exception)


def test_what_is_too_fast_or_fails_is_asked_for_again(pull: Pulling) -> None:
    pull.braze.faults.next = ["429", "500 before", "", "cut before", "cut after"]
    assert pull().exit_code == 0


def test_a_workspace_that_never_answers_is_one_sentence(pull: Pulling) -> None:
    pull.braze.faults.draw = lambda: "cut before"
    assert "Braze did not answer" in str(pull().exception)
    assert list(pull.register.campaigns()) == []


def test_a_workspace_that_answers_too_slowly_is_one_sentence(
    pull: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runtime.outgoing.READ_S", 0.01)
    pull.braze.faults.draw = lambda: "slow"
    assert "Braze did not answer /messages/scheduled_broadcasts: nothing came in time" in str(
        pull().exception
    )


def test_a_spent_hour_is_not_waited_for(pull: Pulling) -> None:
    pull.braze.limits = replace(pull.braze.limits, burst=0, hourly=1, dialect="mau")
    pull.braze.limits.take(forced=True)
    assert "Try again later" in str(pull().exception)


def test_when_nothing_answers_any_more_the_rest_is_not_asked_for(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [entry(id=f"c{number}", name=f"c{number}") for number in range(9)]
    cut: list[Fault] = ["cut before"] * 9
    pull.braze.faults.next = ["", *cut]
    result = pull()
    assert result.exit_code == 4
    assert result.output.count("Braze was not asked") == 6
    assert len(pull.register.campaigns()) == 9


def test_a_list_of_many_pages_is_read_to_its_end(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [entry(id=f"c{number}", name=f"c{number}") for number in range(7)]
    pull.braze.calendar.campaigns = {f"c{number}": details() for number in range(7)}
    pull.braze.calendar.page_size = 3
    assert len(pull.told()["scheduled"]) == 7
    assert pull.braze.calendar.lists == 3


def test_killed_while_it_writes_it_leaves_all_or_nothing(pull: Pulling) -> None:
    pull.braze.calendar.scheduled = [entry(id=f"c{number}", name=f"c{number}") for number in range(5)]
    pull.braze.calendar.campaigns = {f"c{number}": details() for number in range(5)}
    killer = (
        "import os, signal, sys\n"
        "import app.postgres.planning.in_braze as m\n"
        "put, done = m._put, []\n"
        "def die(*a):\n"
        "    put(*a)\n"
        "    done.append(1)\n"
        "    if len(done) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "m._put = die\n"
        "from app.cli.loop.calendar import calendar\n"
        "calendar(['pull', '--host', sys.argv[1]])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", killer, pull.braze.url], env=os.environ, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(pull.register.campaigns()) == []
    assert pull().exit_code == 0
    assert len(pull.register.campaigns()) == 5
