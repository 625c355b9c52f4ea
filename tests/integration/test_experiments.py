"""Experiments by the command: made, started and stopped, one sentence for each bad request, all of it audited."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from app.feedback.experiments.definition import read_arms
from app.postgres.planning.experiments import PostgresExperiments
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import PostgresStore
from app.serving.experiments import Experiments
from tests.integration.small_board import change, rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.integration.commands import Command

TODAY = datetime.now(UTC).date()
CREATE = ("experiment", "create", "test")
WEEKLY = ("--campaign", "weekly")
ARMS = ("--arm", "a=recommended", "--arm", "b=popular")
KEY_WORDS = "must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."
# What is asked of an experiment that cannot be, and the sentence for it; `made` is a draft, `on` goes on, `off` was stopped.
HOSTILE = [
    (("experiment", "create", "Test!", *WEEKLY, *ARMS), f"The experiment's name 'Test!' {KEY_WORDS}"),
    (("experiment", "create", "", *WEEKLY, *ARMS), f"The experiment's name '' {KEY_WORDS}"),
    (("experiment", "create", "x" * 65, *WEEKLY, *ARMS), f"The experiment's name '{'x' * 65}' {KEY_WORDS}"),
    ((*CREATE, "--campaign", "주간", *ARMS), f"The campaign '주간' {KEY_WORDS}"),
    ((*CREATE, "--campaign", "a'; DROP TABLE x; --", *ARMS), f"The campaign 'a'; DROP TABLE x; --' {KEY_WORDS}"),
    ((*CREATE, "--campaign", "test", *ARMS), "An experiment needs another name than its campaign 'test': results are asked for by either."),
    ((*CREATE, "--campaign", "loadtest", *ARMS), "'loadtest' is no campaign that mails go out for: no result would come back."),
    ((*CREATE, *WEEKLY), "An experiment has 2 to 8 arms, the first of them the control; there are 0: write NAME=RECIPE once for each."),
    ((*CREATE, *WEEKLY, "--arm", "a"), "An experiment has 2 to 8 arms, the first of them the control; there are 1: write NAME=RECIPE once for each."),
    ((*CREATE, *WEEKLY, "--arm", "a=popular", "--arm", "a=profile"), "Two arms are named 'a': give each a name of its own."),
    ((*CREATE, *WEEKLY, "--arm", "a|b=popular", "--arm", "c"), f"The arm's name 'a|b' {KEY_WORDS}"),
    ((*CREATE, *WEEKLY, "--arm", "a=popular:60", "--arm", "b=profile:60"), "The arms' percentages add up to 120, and must to 100."),
    ((*CREATE, *WEEKLY, "--arm", "a=popular:1e1", "--arm", "b=profile:90"), "The percentage of the arm 'a' must be above 0 and below 100, with two decimals at most, such as a:50; it is '1e1'."),
    ((*CREATE, *WEEKLY, "--arm", "a=popular:50", "--arm", "b"), "Some arms have a percentage and some have none: give all of them one, or none."),
    ((*CREATE, *WEEKLY, *ARMS, "--until", "soon"), "The planned end 'soon' is no day: write it like 2026-12-31."),
    ((*CREATE, *WEEKLY, *ARMS, "--until", "2020-02-30"), "The planned end '2020-02-30' is no day: write it like 2026-12-31."),
    (("experiment", "create", "made", *WEEKLY, *ARMS), "There is an experiment 'made' already: give this one another name."),
    (("experiment", "start", "nowhere"), "There is no experiment 'nowhere': there are made, needs, on, off."),
    (("experiment", "start", "made"), "The campaign 'weekly' has the experiment 'on' going on: stop that first, two at once could not be told apart."),
    (("experiment", "start", "needs"), "The arm 'b' needs lists of the recipe 'own', and none are in force: run `connected-jobs refresh --recipe own` first."),
    (("experiment", "stop", "nowhere"), "There is no experiment 'nowhere': there are made, needs, on, off."),
    (("refresh", "--recipe", "popular"), "'popular' is a way to make lists that is always there: give the recipe another name."),
    (("refresh", "--recipe", "Own"), f"The recipe's name 'Own' {KEY_WORDS}"),
    (("refresh", "--recipe", "own", "--option", "speed=9"), "There is no option 'speed' of a refresh: there are keep, seed, per_company, company_asked_applies, congestion_share, show_viewed, learn_from_mails."),
    (("refresh", "--recipe", "own", "--option", "keep=1000"), "The option 'keep' is a whole number from 1 to 200, such as 50; it is '1000'."),
    (("refresh", "--recipe", "own", "--option", "show_viewed=maybe"), "The option 'show_viewed' is true or false; 'maybe' is neither."),
    (("refresh", "--option", "keep=10"), "--option is of a whole refresh with --recipe: the usual lists are made with the usual options."),
    (("refresh", "--recipe", "own", "--rollback"), "There is no earlier run of the recipe 'own' to go back to: none was published."),
    (("refresh", "--recipe", "own", "--changed"), "There is no run to go on from: run `connected-jobs refresh --recipe own` first."),
]  # fmt: skip


@pytest.fixture
def register(engine: Engine) -> PostgresExperiments:
    return PostgresExperiments(engine)


def test_every_bad_request_gets_one_exact_sentence_and_changes_nothing(
    register: PostgresExperiments,
    engine: Engine,
    database_url: str,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    arms = read_arms(["a=recommended", "b=popular"])
    register.create("off", "weekly", arms, until=None, by="kim")
    register.start("off", by="kim")
    register.stop("off", by="kim")
    register.create("on", "weekly", arms, until=None, by="kim")
    register.start("on", by="kim")
    register.create("needs", "other", read_arms(["a=recommended", "b=own"]), until=None, by="kim")
    register.create("made", "weekly", arms, until=None, by="kim")
    before = rows(engine, "SELECT * FROM connected_jobs.experiment ORDER BY key"), audited(engine)
    for words, sentence in HOSTILE:
        ran = command(*words)
        assert (ran.code, ran.out, ran.sentence) == (1, "", f"connected-jobs: {sentence}"), words
    for words, beginning in (
        (("experiment", "start", "on"), "The experiment 'on' goes on since "),
        (("experiment", "start", "off"), "The experiment 'off' was stopped on "),
        (("experiment", "stop", "off"), "The experiment 'off' was stopped on "),
        ((*CREATE, *WEEKLY, *ARMS, "--until", "2020-01-01"), "The planned end 2020-01-01 must be a day from today on"),
        ((*CREATE, *WEEKLY, *ARMS, "--until", "9999-12-31"), "The planned end 9999-12-31 must be a day from today on"),
    ):  # fmt: skip
        ran = command(*words)
        assert (ran.code, ran.sentence.startswith(f"connected-jobs: {beginning}")) == (1, True), ran
    assert (rows(engine, "SELECT * FROM connected_jobs.experiment ORDER BY key"), audited(engine)) == before
    assert rows(engine, "SELECT count(*) FROM connected_jobs.refresh_run") == [(0,)]


def audited(engine: Engine) -> list[tuple[str, str, str]]:
    return rows(engine, "SELECT who, what, subject FROM connected_jobs.audit ORDER BY at, id")


def test_an_experiment_is_made_started_and_stopped_and_all_of_it_is_audited(
    engine: Engine, database_url: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    until = TODAY + timedelta(days=30)
    made = command(*CREATE, *WEEKLY, "--arm", "a=recommended:90", "--arm", "b=popular:10", "--until", until, "--by", "kim")  # fmt: skip
    assert made.out.startswith("test: weekly, draft; a (recommended, 90 %), b (popular, 10 %); planned until")
    assert command("experiment", "start", "test", "--by", "lee").out.startswith("test: weekly, from ")
    (listed,) = json.loads(command("experiment", "list", "--json").out)
    assert (listed["state"], listed["arms"][1]) == (
        "running",
        {"name": "b", "share": 0.1, "recipe": "popular"},
    )
    assert command("experiment", "stop", "test", "--by", "lee").code == 0
    assert audited(engine) == [
        ("kim", "experiment create", "test"),
        ("lee", "experiment start", "test"),
        ("lee", "experiment stop", "test"),
    ]


def test_while_instances_run_a_start_is_known_before_it_takes_effect(
    register: PostgresExperiments, engine: Engine, database_url: str
) -> None:
    change(
        engine,
        "INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at)"
        " VALUES ('one', 'f', 1, '{}', now())",
    )
    register.create("test", "weekly", read_arms(["a=recommended", "b=popular"]), until=None, by="kim")
    started = register.start("test", by="kim")
    ahead = rows(engine, "SELECT started_at - now() > interval '10 s' FROM connected_jobs.experiment")
    assert ahead == [(True,)]
    pool = ServingPool(database_url, (), size=1, wait_s=5, statement_timeout_ms=5_000)
    pool.open()
    try:
        known = Experiments(PostgresStore(pool))
        known.update()
        (one,) = known.known
        assert (one.key, one.arms, one.started_at) == ("test", started.arms, started.started_at)
        register.stop("test", by="kim")
        known.update()
        assert known.known[0].stopped_at is not None
    finally:
        pool.close()
