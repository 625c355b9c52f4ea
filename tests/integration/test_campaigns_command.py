"""`connected-jobs campaigns`: the same register from a terminal, with a plan file in and out."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from icalendar import Calendar

from app.capacity.plan.json_values import DefinitionError
from app.capacity.plan.plan import parse_plan
from app.capacity.register.campaigns import EditedMeanwhileError, NoSuchCampaignError
from app.cli.database import CommandError
from app.cli.main import commands

if TYPE_CHECKING:
    from pathlib import Path

PLAN = """
time_zone = "Asia/Seoul"

[[campaigns]]
name = "weekly digest"
kind = "rate_limited"
audience = 1_200_000
at = 2026-11-23T09:00:00
limit_per_min = 50_000
quiet_hours = {begin = 21:00:00, end = 08:00:00}
"""


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(
            commands, ["campaigns", *arguments], catch_exceptions=False, standalone_mode=False
        )
        return result.output

    return invoke


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN, encoding="utf-8")
    return file


@pytest.fixture
def added(run: Any, plan: Path) -> None:
    said = run("add", str(plan), "--key", "weekly-digest", "--owner", "kim", "--by", "lee")
    assert said == "Campaign 1 is on record: weekly digest, version 1.\n"


@pytest.mark.usefixtures("added")
def test_a_campaign_goes_in_and_comes_out_as_the_same_plan_file(run: Any) -> None:
    assert parse_plan(run("show", "1")) == parse_plan(PLAN)
    whole = parse_plan(run("plan"))
    assert whole.campaigns == parse_plan(PLAN).campaigns
    assert whole.judging.goes_first == "listed"  # as pages and commands judge what is on record
    assert (
        " ".join(run("list").split()) == "1 version 1 2026-11-23T09:00:00 weekly-digest weekly digest (kim)"
    )
    (listed,) = json.loads(run("list", "--json"))
    assert (listed["id"], listed["version"], listed["key"]) == (1, 1, "weekly-digest")


@pytest.mark.usefixtures("added")
def test_an_edit_says_from_which_version_and_is_written_down(run: Any, plan: Path) -> None:
    plan.write_text(PLAN.replace("50_000", "25_000"), encoding="utf-8")
    said = run("edit", "1", str(plan), "--version", "1", "--owner", "park", "--by", "park")
    assert said == "Campaign 1 is saved: version 2.\n"
    with pytest.raises(EditedMeanwhileError, match="park saved version 2 meanwhile"):
        run("edit", "1", str(plan), "--version", "1", "--owner", "lee")
    stale = CliRunner().invoke(
        commands, ["campaigns", "edit", "1", str(plan), "--version", "1", "--owner", "lee"]
    )
    assert 'Yours -> theirs:\n    owner: "lee" -> "park"\n' in stale.output
    changed = run("changes", "1")
    assert re.sub(r"^\d{4}.*?  ", "", changed, flags=re.MULTILINE).splitlines() == [
        "park  edited",
        "    limit_per_min: 50000 -> 25000",
        '    owner: "kim" -> "park"',
        "lee  added",
        '    at: - -> "2026-11-23T09:00:00"',
        "    audience: - -> 1200000",
        '    key: - -> "weekly-digest"',
        '    kind: - -> "rate_limited"',
        "    limit_per_min: - -> 50000",
        '    name: - -> "weekly digest"',
        '    owner: - -> "kim"',
        '    quiet_hours: - -> {"begin": "21:00:00", "end": "08:00:00"}',
    ]


@pytest.mark.usefixtures("added")
def test_a_removed_campaign_is_no_longer_planned(run: Any) -> None:
    assert run("remove", "1", "--version", "1") == "Campaign 1 (weekly digest) is removed.\n"
    assert run("list") == ""
    assert "weekly digest" in run("list", "--removed")
    with pytest.raises(CommandError, match="No campaign is on record"):
        run("plan")
    with pytest.raises(NoSuchCampaignError, match="There is no campaign 7"):
        run("show", "7")


def test_a_weekly_series_is_added_edited_from_one_on_and_removed(run: Any, plan: Path) -> None:
    said = run(
        *("add", str(plan), "--key", "weekly-digest", "--owner", "kim", "--repeat-until", "2026-12-14")
    )
    assert said.splitlines() == [
        "Campaign 1 is on record: weekly digest, version 1.",
        "So are the 3 of the weeks that follow: they are one series.",
    ]
    assert [one["series"] for one in json.loads(run("list", "--json"))] == [1, 1, 1, 1]
    plan.write_text(run("show", "2").replace("50000", "25_000"), encoding="utf-8")
    run("edit", "2", str(plan), "--version", "1", "--following", "--by", "lee")
    limits = [one["definition"]["limit_per_min"] for one in json.loads(run("list", "--json"))]
    assert limits == [50_000, 25_000, 25_000, 25_000]
    run("remove", "3", "--version", "2", "--following")
    assert [one["id"] for one in json.loads(run("list", "--json"))] == [1, 2]


def test_a_file_says_itself_that_it_repeats(run: Any, plan: Path) -> None:
    plan.write_text(PLAN + "repeat_weekly_until = 2026-12-01\n", encoding="utf-8")
    assert len(parse_plan(plan.read_text(encoding="utf-8")).campaigns) == 2
    run("add", str(plan), "--key", "weekly-digest", "--owner", "kim")
    assert [one["definition"]["name"] for one in json.loads(run("list", "--json"))] == [
        "weekly digest",
        "weekly digest 2026-11-30",
    ]


@pytest.mark.usefixtures("added")
def test_a_duplicate_is_of_the_same_weekday_of_a_week_to_come(run: Any) -> None:
    said = run("duplicate", "1", "--owner", "lee")
    assert re.fullmatch(r"Campaign 2 is on record: weekly digest \d{4}-\d\d-\d\d, version 1\.\n", said)
    first, second = json.loads(run("list", "--json"))
    at = datetime.fromisoformat(second["definition"]["at"])
    assert (at.weekday(), at.hour, at > datetime.now()) == (0, 9, True)  # noqa: DTZ005 - wall time
    assert (first["owner"], second["owner"], second["series"]) == ("kim", "lee", None)


@pytest.mark.usefixtures("added")
def test_campaigns_are_searched_in_a_terminal(run: Any) -> None:
    assert "weekly digest" in run("list", "--search", "DIGEST kim", "--when", "all")
    assert "Page 1 of 1, 0 in all." in run("list", "--search", "nothing")
    assert json.loads(run("list", "--json", "--when", "removed")) == []


@pytest.mark.usefixtures("added")
def test_the_calendar_is_written_for_spreadsheets_and_calendars(run: Any, tmp_path: Path) -> None:
    table = run("calendar", "--from", "2026-11-20", "--until", "2026-11-30")
    assert table.startswith("number,starts_at,ends_at,time_zone,name,verdict,")
    assert "2026-11-23 09:00" in table
    file = tmp_path / "calendar.ics"
    said = run(*("calendar", "--format", "ical", "--from", "2026-11-20", "--lang", "en", "--out", str(file)))
    assert said == f"1 campaign is in {file}.\n"
    events: Any = Calendar.from_ical(file.read_bytes())
    assert [str(one["SUMMARY"]).partition(" [")[0] for one in events.walk("VEVENT")] == ["weekly digest"]
    with pytest.raises(CommandError, match="cannot be written: Is a directory"):
        run("calendar", "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("[[campaigns]", CommandError, "is not TOML"),
        (f"a = {'[' * 5_000}{']' * 5_000}", CommandError, "nests lists or tables too deeply"),
        (f"a = {'9' * 5_000}", CommandError, "is not TOML"),
        ("", CommandError, r"must have one \[\[campaigns\]\] table"),
        (PLAN + PLAN.split("\n\n")[1], CommandError, r"must have one \[\[campaigns\]\] table"),
        (PLAN.replace("Asia/Seoul", "UTC"), CommandError, "time_zone must be the workspace's, Asia/Seoul"),
        ("seed = 3\n" + PLAN, CommandError, "seed belong to the workspace"),
        (PLAN.replace("1_200_000", "-1"), DefinitionError, "Audience is -1; write a whole number"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(
    run: Any, plan: Path, text: str, error: type[Exception], said: str
) -> None:
    plan.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=said):
        run("add", str(plan), "--key", "weekly-digest", "--owner", "kim")


def test_examples_are_of_next_week_renewed_and_never_taken_from_who_changed_them(
    run: Any, plan: Path
) -> None:
    assert (
        run("examples", "--now", "2026-11-22T03:00+00:00")
        == "Example campaigns of next week are on record.\n"
    )
    first = json.loads(run("list", "--json"))
    assert [one["key"] for one in first] == [
        "monday-digest", "weekly-digest", "closing-soon", "career-letter", "first-job", "year-end",
    ]  # fmt: skip
    assert first[0]["definition"]["at"] == "2026-11-23T09:00:00"
    run("edit", "1", str(plan), "--version", "1", "--by", "lee")
    run("examples", "--now", "2026-11-29T03:00+00:00")
    later = json.loads(run("list", "--json"))
    assert later[0]["definition"]["name"] == "weekly digest"
    assert later[1]["definition"]["at"] == "2026-12-01T09:00:00"
    assert [one["version"] for one in later] == [2] * 6


def test_without_a_file_the_register_is_judged_by_what_is_on_record(run: Any) -> None:
    check = ["capacity", "check", "--json", "--now", "2026-11-22T12:00"]
    with pytest.raises(CommandError, match="No campaign is on record from now on"):
        CliRunner().invoke(commands, check, catch_exceptions=False, standalone_mode=False)
    run("examples", "--now", "2026-11-22T03:00+00:00")
    result = CliRunner().invoke(commands, check, catch_exceptions=False)
    assert result.exit_code == 20
    said = json.loads(result.output)
    assert [one["verdict"] for one in said["campaigns"]] == [
        "RETEST", "RETEST", "NO_GO", "RETEST", "RETEST", "RETEST",
    ]  # fmt: skip
