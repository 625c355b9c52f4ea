"""From a mail that the double sends to what is told of it: numbers are what happened in the double's world.

The first digest is a campaign's, in two variants, with the template that aborts; the second a Canvas step's, with the one that
asks for `:retry`, and every tenth call is lost.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from psycopg import sql

from app.braze.calls import StoredCredential
from app.cli.demo.mail import act_on_board
from app.credentials import Scope
from app.demo.braze.currents_files import CurrentsExport, put_in_folder
from app.demo.braze.people import People
from app.demo.braze.sender import RETRYING, MailSender
from app.demo.braze.truth import Truth
from app.demo.braze.world import World
from app.demo.generate import generate
from app.demo.tastes import Tastes
from app.feedback.experiments.definition import read_arms
from app.intake.read import read_currents
from app.lake.objects import open_lake
from app.postgres.board.load import load
from app.postgres.credentials import insert_credential
from app.postgres.engines import batch_engine
from app.postgres.feedback.recompute import recompute_outcomes
from app.postgres.planning.backdating import date_experiment
from app.postgres.planning.experiments import PostgresExperiments
from app.postgres.planning.results import PostgresResults
from app.refresh.whole import refresh
from tests.doubles.braze_rest.profiles import Profiles
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest
from tests.loop.calls import calls_to
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.service import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from app.braze.calls import CallAnswer, Fetch, Request
    from app.intake.reader import ReadReport

ROOT = Path(__file__).parents[2]
WAREHOUSE = ROOT / "docs/warehouse"
MEMBERS, POSTINGS, SEED = 240, 500, 3
DIGESTS = (timedelta(days=8), timedelta(days=1))  # ago
CANVAS = "weekly-journey"
CAMPAIGN, EXPERIMENT = "weekly-digest", "against-popular"
OPENS = "what-opens-the-circle"


@dataclass
class Answers:
    """Passes calls on, and keeps what each URL was answered: the answer's id and its postings."""

    fetch: Fetch
    of: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, request: Request, /) -> CallAnswer:
        answer = self.fetch(request)
        said = json.loads(answer.body)
        shown = tuple(one["id"] for one in said["postings"])
        self.of[request.url].append((said["recommendation_id"], shown))
        return answer


@dataclass(frozen=True)
class Circle:
    """Two digests that were sent; their files, in a folder, and what happened."""

    url: str
    engine: Engine
    now: datetime
    folder: Path
    truth: Truth
    world: World
    answers: Answers

    def read(self, lake: str) -> ReadReport:
        return read_currents(self.url, open_lake(lake), now=self.now, reject=lambda _reject: None)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    def left_of(self, members: list[str], *tables: str) -> dict[str, int]:
        """How many rows of members each table has."""
        found = {}
        with psycopg.connect(self.url) as connection:
            for table in tables:
                count = sql.SQL("SELECT count(*) FROM connected_jobs.{} WHERE member_id = ANY(%s)")
                row = connection.execute(count.format(sql.Identifier(table)), [members]).fetchone()
                found[table] = row[0] if row else 0
        return found


@pytest.fixture(scope="module")
def circle(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circle]:
    place = tmp_path_factory.mktemp("circle")
    name = _create(server_url, "cj_circle", template)
    url = _url_of(server_url, name)
    engine = batch_engine(url)
    now = datetime.now(UTC)
    generate(place / "board", now=now, members=MEMBERS, postings=POSTINGS, seed=SEED)
    load(engine, place / "board", rejects=place / "rejects.csv")
    with psycopg.connect(url) as connection:  # from the first mail on, only mails make anybody act
        connection.execute("DELETE FROM board.activity WHERE occurred_at >= %s", [now - DIGESTS[0]])
    refresh(engine)
    with engine.begin() as connection:
        insert_credential(connection, "braze", Scope.CONTENT, secret=OPENS)
    tastes = Tastes.of(members=MEMBERS, postings=POSTINGS, seed=SEED, now=now)
    truth = Truth()
    experiments = PostgresExperiments(engine)
    experiments.create(EXPERIMENT, CAMPAIGN, read_arms(["a=recommended", "b=popular"]), until=None, by="test")
    experiments.start(EXPERIMENT, by="test")
    with serving(url) as service:
        service.now = datetime.now(UTC)
        service.run_tasks()
        answers = Answers(calls_to(service.app))
        world = World(
            sender=MailSender(
                base_url="http://service", credential=StoredCredential("braze", OPENS), fetch=answers
            ),
            people=People(tastes, until_s=int(now.timestamp())),
            export=CurrentsExport(put_in_folder(place / "currents")),
            act=lambda actions: act_on_board(engine, actions),
        )
        first, second = (now - ago for ago in DIGESTS)
        world.send_into(truth, tastes.subscribers(), campaign=CAMPAIGN, at=first, variants=("a", "b"))
        world.sender.template, world.sender.lost_calls = RETRYING, 0.1
        world.send_into(truth, tastes.subscribers(), campaign=CAMPAIGN, at=second, canvas=CANVAS)
    date_experiment(engine, EXPERIMENT, started_at=now - timedelta(days=9), end=now + timedelta(days=1))
    yield Circle(url, engine, now, place / "currents", truth, world, answers)
    engine.dispose()
    _drop(server_url, name)


@pytest.fixture(scope="module")
def bucket(circle: Circle) -> Iterator[str]:
    """The same files in a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ |= settings
    try:
        boto3.client("s3").create_bucket(Bucket="currents")
        lake = open_lake("s3://currents/export")
        for path in circle.folder.rglob("*.avro"):
            lake.write(f"export/{path.relative_to(circle.folder)}", path.read_bytes())
        yield "s3://currents/export"
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def test_what_is_told_is_what_happened(circle: Circle, bucket: str) -> None:
    report = circle.read(str(circle.folder))
    assert (report.rejects, report.stopped, report.without_exposure) == (0, {}, 0)
    arms = circle.truth.arms
    assert set(arms) == {"a", "b"}
    mails = {
        str(arm or ""): count
        for arm, count in circle.rows("SELECT arm, count(*) FROM connected_jobs.exposure GROUP BY 1")
    }
    assert mails == {name: arm.mails for name, arm in arms.items()}
    recompute_outcomes(circle.engine, now=circle.now, days=10)
    clicks = circle.rows("SELECT coalesce(person, false), count(*) FROM connected_jobs.click GROUP BY 1")
    assert dict(clicks) == {
        True: sum(arm.person_clicks for arm in arms.values()),
        False: sum(arm.scanner_clicks for arm in arms.values()),
    }
    clicked = circle.rows("SELECT count(DISTINCT member_id) FROM connected_jobs.click WHERE person")
    assert clicked == [(len(set().union(*(arm.clicked for arm in arms.values()))),)]
    bases = dict(circle.rows("SELECT basis, count(*) FROM connected_jobs.outcome GROUP BY 1"))
    assert bases == dict(sum((arm.applications for arm in arms.values()), Counter()))
    _hold_result(circle)
    _hold_names(circle)
    _hold_retries(circle)
    again = circle.read(bucket)
    assert again.rejects == 0
    assert sum(one.new for one in again.types.values()) == 0


def _hold_result(circle: Circle) -> None:
    """The experiment's own result has the members, clicks and applications of the double's world, arm by arm."""
    counted = PostgresResults(circle.engine).experiment(EXPERIMENT)
    assert counted is not None
    for arm in counted.counts.arms:
        happened = circle.truth.arms[arm.arm]
        assert (arm.members, arm.clicked, arm.applied) == tuple(
            len(members) for members in (happened.mailed, happened.clicked, happened.applied)
        )
        assert arm.events.get("unsubscribe", 0) == len(happened.unsubscribed)
    assert circle.truth.arms["a"].clicked


def _hold_names(circle: Circle) -> None:
    """What a campaign's mails are named by, and what a Canvas's are; both stand under the key of their template."""
    named = circle.rows("""
        SELECT campaign, campaign_id IS NULL, canvas_id IS NULL, count(DISTINCT variation_id),
               count(DISTINCT dispatch_id) = 1, count(*) > 100
        FROM connected_jobs.exposure GROUP BY 1, 2, 3 ORDER BY 2
    """)
    assert named == [(CAMPAIGN, False, True, 2, True, True), (CAMPAIGN, True, False, 1, False, True)]
    one_to_one = circle.rows("""
        SELECT count(DISTINCT (variant, variation_id)) FROM connected_jobs.click
        WHERE campaign_id IS NOT NULL AND variant IS NOT NULL
    """)
    assert one_to_one == [(2,)]  # `variant=` of the link and Braze's variant, without a third pair
    by_canvas = circle.rows(
        "SELECT count(*) FROM connected_jobs.outcome WHERE rid IN (SELECT rid FROM connected_jobs.exposure WHERE canvas_id IS NOT NULL)"
    )
    assert by_canvas[0][0] > 0
    control = circle.rows(
        "SELECT DISTINCT canvas_id IS NULL FROM connected_jobs.mail_event WHERE kind = 'control' ORDER BY 1"
    )
    assert control == [(False,), (True,)]


def _hold_retries(circle: Circle) -> None:
    """A message that was tried again got the same list under the same id, and was sent once."""
    assert circle.truth.retries > 10
    assert circle.rows("SELECT count(*) FROM connected_jobs.mail_event WHERE kind = 'retry'") == [
        (circle.truth.retries,)
    ]
    assert max(map(len, circle.answers.of.values())) > len(("html", "txt"))
    assert {len(set(answers)) for answers in circle.answers.of.values()} == {1}
    twice = circle.rows("SELECT rid FROM connected_jobs.exposure GROUP BY 1 HAVING count(*) > 1")
    assert twice == []


def test_a_profile_that_braze_deletes_takes_all_that_came_of_it_along(circle: Circle) -> None:
    circle.read(str(circle.folder))
    recompute_outcomes(circle.engine, now=circle.now, days=10)
    gone = [one for (one,) in circle.rows("SELECT member_id FROM connected_jobs.outcome GROUP BY 1 LIMIT 2")]
    with psycopg.connect(circle.url) as connection:
        connection.execute(
            """
            WITH made AS (
                INSERT INTO connected_jobs.sync_destination (identity) VALUES ('braze:rest.example:main') RETURNING id
            )
            INSERT INTO connected_jobs.attribute_sent SELECT id, unnest(%s::text[]), '{}', '{}', '{}' FROM made
            """,
            [gone],
        )
    circle.world.delete_profiles(gone, at=circle.now)
    report = circle.read(str(circle.folder))
    assert report.deleted == len(gone)
    tables = (
        "exposure",
        "click",
        "mail_event",
        "outcome",
        "enrolment",
        "consent",
        "braze_user",
        "lately_shown",
    )
    assert circle.left_of(gone, *tables, "attribute_sent") == dict.fromkeys((*tables, "attribute_sent"), 0)
    assert circle.left_of(gone, "recommendation_list")["recommendation_list"] >= len(
        gone
    )  # they are members still
    with psycopg.connect(circle.url) as connection:  # every file again, as if it were late
        connection.execute("TRUNCATE connected_jobs.currents_file")
    assert circle.read(str(circle.folder)).rejects == 0
    recompute_outcomes(circle.engine, now=circle.now, days=10)
    assert circle.left_of(gone, *tables) == dict.fromkeys(tables, 0)


def test_what_the_warehouse_makes_of_it_comes_back_to_braze(circle: Circle, tmp_path: Path) -> None:
    """The cron line of docs/warehouse as it stands: tables, export, dbt, the model's table, the sync, and the double's profiles."""
    circle.read(str(circle.folder))
    recompute_outcomes(circle.engine, now=circle.now, days=10)
    project = tmp_path / "warehouse"
    shutil.copytree(WAREHOUSE, project)
    members = [member for (member,) in circle.rows("SELECT id FROM board.member")]
    with braze_rest(BrazeRest(profiles=Profiles(members={member: {} for member in members}))) as braze:
        sync = (project / "attributes.toml").read_text(encoding="utf-8")
        (project / "attributes.toml").write_text(sync.replace("https://rest.kr-01.braze.com", braze.url))
        said = nightly(circle, project)
        braze.settle()
    assert re.search(r"PASS=\d+ WARN=0 ERROR=0 SKIP=0", said), said[-3000:]
    told = {member: values for member, values in braze.profiles.members.items() if values}
    assert told == wanted(circle)
    assert {one["cj_clicks_28d"] for one in told.values()} >= {"0", "1-3"}
    assert any("cj_applied_from_mail" in one for one in told.values())
    assert braze.profiles.made == 0


def nightly(circle: Circle, project: Path) -> str:
    """What the cron line says, run as cron would, from its folder."""
    (line,) = re.findall(
        r"^```crontab\n(.*)\n```", (WAREHOUSE / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    *_when, command = line.split(None, 5)
    steps = command.split(" && ")
    (dag,) = [
        ast.literal_eval(node.value)
        for node in ast.parse((WAREHOUSE / "airflow_dag.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    ]
    assert steps == ["cd /srv/connected-jobs/docs/warehouse", *dag.values()]
    ran = subprocess.run(
        ["bash", "-euc", " && ".join(steps[1:])],
        cwd=project,
        env=os.environ
        | {
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "DATABASE_URL": circle.url,
            "WAREHOUSE": str(project / "made"),
            "CJ_BRAZE_KEY": KEY,
            "CJ_BRAZE_PRIVATE": "on",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    return ran.stdout


def wanted(circle: Circle) -> dict[str, dict[str, Any]]:
    """What the loop's own tables say of each member, asked of Postgres and told in the model's words."""
    rows = circle.rows("""
        SELECT m.member_id, (SELECT count(DISTINCT e.rid) FROM connected_jobs.exposure e WHERE e.member_id = m.member_id),
            (SELECT count(*) FROM connected_jobs.click c WHERE c.member_id = m.member_id AND c.person),
            (SELECT max((o.occurred_at AT TIME ZONE 'UTC')::date) FROM connected_jobs.outcome o WHERE o.member_id = m.member_id)
        FROM (SELECT member_id FROM connected_jobs.exposure UNION SELECT member_id FROM connected_jobs.click) m
        WHERE m.member_id IS NOT NULL
    """)
    return {
        member: {
            "cj_mails_28d": "0" if not mails else "1-3" if mails < 4 else "4-7" if mails < 8 else "8+",
            "cj_clicks_28d": "0" if not clicks else "1-3" if clicks < 4 else "4+",
        }
        | ({"cj_applied_from_mail": f"{last}"} if last else {})
        for member, mails, clicks, last in rows
    }
