"""A board that keeps its own tables offers views: the service refreshes, serves and erases with the least rights."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text

from app.board.model import Closes, Education, Member, Posting, Status
from app.credentials import Scope
from app.postgres import migrate
from app.postgres.board.snapshot import profiles, snapshot
from app.postgres.credentials import insert_credential
from app.postgres.engines import batch_engine
from app.postgres.lists.refresh_lock import RefreshError
from app.postgres.members import delete_member
from app.postgres.serving import reads as serving_reads
from app.refresh.whole import refresh
from tests.integration.plans import MODES, indexes, nodes, plan_of, read_whole
from tests.integration.small_board import everywhere, lists_of
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.gunicorn_server import gunicorn
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from app.postgres.serving.pool import Statement

DOCUMENT = Path(__file__).parents[2] / "docs" / "your-own-board.md"
ROLE, PASSWORD = "connected_jobs_service", "choose-one"
ANSWERS = "connected_jobs_answers"
MEMBERS = 6_000
# Enough rows for the planner to take indexes seriously, 240 members who take mail, a posting known in every detail.
ROWS = """
INSERT INTO site.region VALUES (101010, 101000, '강남구'), (102130, 102000, '성남시'), (103000, 103000, NULL);
INSERT INTO site.corp
SELECT n, '가상회사 ' || n, CASE n % 3 WHEN 0 THEN '소프트웨어' END, n % 900, timestamp '2026-11-01 09:00'
FROM generate_series(1, 3000) n;
INSERT INTO site.recruit
SELECT n, '공고 ' || n, n % 3000 + 1, n % 60, n % 60 + 36, (n % 6)::text,
       (ARRAY['정규직', '계약직', '인턴', '위촉직'])[n % 4 + 1], 3000 + n % 500, NULL,
       localtimestamp - make_interval(hours => n % 700),
       CASE WHEN n % 3 = 0 THEN date_trunc('day', localtimestamp) + make_interval(days => 3 + n % 20, hours => 23) END,
       (ARRAY['D', 'H', 'A'])[n % 3 + 1],
       (CASE WHEN n % 10 = 9 THEN 'END' WHEN n % 50 = 1 THEN 'BLIND' ELSE 'ING' END)::site.recruit_status,
       timestamp '2026-11-01 09:00' + make_interval(mins => n)
FROM generate_series(1, 3000) n;
INSERT INTO site.recruit_category SELECT n, (ARRAY[2, 3, 16, 4])[n % 4 + 1] FROM generate_series(1, 3000) n;
INSERT INTO site.recruit_keyword SELECT n, 'skill-' || n % 7 FROM generate_series(1, 3000) n;
INSERT INTO site.recruit_region
SELECT n, (ARRAY[101010, 102130, 103000])[n % 3 + 1] FROM generate_series(1, 3000) n;
INSERT INTO site.person
SELECT n, n || '@example.com', 1990, CASE WHEN n % 20 = 18 THEN 'Y' ELSE 'N' END,
       CASE WHEN n % 100 = 38 THEN localtimestamp END, timestamp '2026-11-01 09:00'
FROM generate_series(1, 6000) n;
INSERT INTO site.resume SELECT n, n % 120, '3', 3500 FROM generate_series(1, 6000) n WHERE n % 4 > 0;
INSERT INTO site.resume_category SELECT n, (ARRAY[2, 3, 16, 4])[n % 4 + 1] FROM generate_series(1, 6000) n;
INSERT INTO site.resume_region SELECT n, 101010 FROM generate_series(1, 6000) n;
INSERT INTO site.resume_skill SELECT n, 'skill-' || n % 7 FROM generate_series(1, 6000) n;
INSERT INTO site.apply_log
SELECT n, (n * 7 + k * 31) % 3000 + 1, localtimestamp - make_interval(hours => 20 + n % 90 + k)
FROM generate_series(1, 6000) n, generate_series(1, 3) k;
INSERT INTO site.scrap_log
SELECT n, (n * 11) % 3000 + 1, localtimestamp - interval '2 days' FROM generate_series(1, 6000) n;
INSERT INTO site.view_log
SELECT n, (n * 13) % 3000 + 1, localtimestamp - interval '3 days' FROM generate_series(1, 6000) n;
UPDATE site.corp SET corp_nm = '한빛소프트' WHERE corp_no = 43;
UPDATE site.recruit
SET rec_title = '백엔드 개발자', corp_no = 43, career_min_months = 30, career_max_months = 60, edu_cd = '3',
    work_type = '정규직', salary_min_manwon = 4200, salary_max_manwon = 5500, open_dt = '2026-11-20 09:00',
    close_dt = '2026-12-01 23:59:59', close_type = 'D', status = 'ING', mod_dt = '2026-11-20 10:30'
WHERE rec_idx = 42;
INSERT INTO site.recruit_category VALUES (42, 84);
INSERT INTO site.recruit_region VALUES (42, 103000);
"""


def documented_sql() -> list[str]:
    """The document's SQL: the example's tables, the views, the indexes, the role, and the one that may only serve."""
    return re.findall(r"^```sql\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def owner_url(server_url: str) -> Iterator[str]:
    """A database as the document leaves it; the board's owner connects with this URL."""
    name = _create(server_url, "cj_views")
    url = _url_of(server_url, name)
    tables, views, indexes, role, _ = documented_sql()
    with psycopg.connect(url) as connection:
        connection.execute("SET timezone = 'Asia/Seoul'")
        for script in (tables, views, ROWS, indexes, role):
            connection.execute(script)
    yield url
    with psycopg.connect(url) as connection:
        for name_ in (ROLE, ANSWERS):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name_]).fetchone() is not None:
                connection.execute(sql.SQL("DROP OWNED BY {role}").format(role=sql.Identifier(name_)))
                connection.execute(sql.SQL("DROP ROLE {role}").format(role=sql.Identifier(name_)))
    _drop(server_url, name)


@pytest.fixture(scope="module")
def owner(owner_url: str) -> Engine:
    return batch_engine(owner_url)


@pytest.fixture(scope="module")
def service_url(owner_url: str) -> str:
    """The same database as the service's role sees it, with its own tables."""
    url = make_conninfo(owner_url, user=ROLE, password=PASSWORD)
    migrate.upgrade(batch_engine(url), "service")
    return url


@pytest.fixture(scope="module")
def service(service_url: str) -> Engine:
    return batch_engine(service_url)


@pytest.fixture(scope="module")
def run_id(service: Engine) -> int:
    """A refresh of the views by the service's role."""
    return refresh(service, processes=1).run_id


@pytest.fixture(scope="module")
def listed(service: Engine, run_id: int) -> set[str]:
    """Members who have a list, before any is erased."""
    return set(lists_of(service, run_id))


def test_a_posting_comes_through_the_view_as_the_service_knows_it(service: Engine) -> None:
    with snapshot(service) as board:
        posting = next(p for p in board.postings() if p.id == "42")
    assert posting == Posting(
        id="42",
        title="백엔드 개발자",
        company_id="43",
        company="한빛소프트",
        categories=("16", "84"),
        regions=("101000/강남구", "103000"),
        career_min_years=2.5,
        career_max_years=5.0,
        education=Education.BACHELOR,
        employment_types=("regular",),
        salary_min=42_000_000,
        salary_max=55_000_000,
        salary_unit="KRW/year",
        skills=("skill-0",),
        opened_at=datetime(2026, 11, 20, 0, 0, tzinfo=UTC),
        deadline=date(2026, 12, 1),
        deadline_time=time(23, 59, 59),
        closes=Closes.ON_DATE,
        status=Status.OPEN,
        url="https://www.example.com/recruit/42",
        updated_at=datetime(2026, 11, 20, 1, 30, tzinfo=UTC),
    )


def test_members_come_through_the_view_with_and_without_a_resume(service: Engine) -> None:
    with snapshot(service) as board:
        driver: Any = board.connection.connection.driver_connection
        members = profiles(driver, ["18", "4"])
    changed = datetime(2026, 11, 1, tzinfo=UTC)
    assert members == [
        Member(
            id="18",
            categories=("16",),
            regions=("101000/강남구",),
            career_years=1.5,
            education=Education.BACHELOR,
            skills=("skill-4",),
            desired_salary=35_000_000,
            salary_unit="KRW/year",
            updated_at=changed,
        ),
        Member(
            id="4",
            categories=("2",),
            regions=("101000/강남구",),
            skills=("skill-4",),
            salary_unit="KRW/year",
            updated_at=changed,
        ),
    ]


def test_a_refresh_over_views_makes_lists_for_every_member_who_takes_mail(listed: set[str]) -> None:
    mailable = {str(n) for n in range(1, MEMBERS + 1) if n % 20 == 18 and n % 100 != 38}
    assert listed == mailable


def test_the_service_answers_over_views_as_a_role_that_can_only_read_them(
    service: Engine, service_url: str, run_id: int, tmp_path: Path
) -> None:
    with service.begin() as connection:
        _, secret = insert_credential(connection, "braze", Scope.CONTENT)
    list_, _ = lists_of(service, run_id)["18"]
    with gunicorn(service_url, tmp_path, workers=1) as server:
        authorization = basic("braze", secret)
        answers = {
            member: call(
                server.port,
                f"/v1/members/{member}/recommendations?campaign=weekly",
                authorization=authorization,
            ).json()
            for member in ("18", "20", "nobody")
        }
    assert {member: (a["source"], a["degraded"], a["count"]) for member, a in answers.items()} == {
        "18": ("personalized", None, 10),
        "20": ("popular", None, 10),
        "nobody": ("popular", None, 10),
    }
    shown = [posting["id"] for posting in answers["18"]["postings"]]
    assert set(shown) <= set(list_)
    assert all(
        posting["url"].startswith("https://www.example.com/recruit/") for posting in answers["18"]["postings"]
    )


def test_the_role_can_change_nothing_of_the_board_and_see_nothing_behind_the_views(service_url: str) -> None:
    statements = [
        "DELETE FROM board.company",
        "UPDATE board.company SET name = 'x'",
        "SELECT email FROM site.person",
        "CREATE TABLE board.mine (n int)",
        "CREATE SCHEMA mine",
    ]
    with psycopg.connect(service_url, autocommit=True) as connection:
        for statement in statements:
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)


@pytest.fixture(scope="module")
def answers_url(owner_url: str, run_id: int) -> str:  # noqa: ARG001 - the tables are there by then
    """The same database as the role sees it that may only serve."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(documented_sql()[-1])
    return make_conninfo(owner_url, user=ANSWERS, password="choose-another")  # noqa: S106 - as the document has it


def test_a_role_that_may_only_serve_answers_and_counts(
    service: Engine, answers_url: str, tmp_path: Path
) -> None:
    with service.begin() as connection:
        _, secret = insert_credential(connection, "braze", Scope.CONTENT)
    with gunicorn(answers_url, tmp_path, workers=1, CJ_COUNTING="on") as server:
        found = call(
            server.port,
            "/v1/members/18/recommendations?campaign=counted&send=d-1",
            authorization=basic("braze", secret),
        ).json()
        assert (found["source"], found["degraded"]) == ("personalized", None)
        newcomer = call(
            server.port,
            "/v1/members/nobody/recommendations?campaign=counted&send=d-1",
            authorization=basic("braze", secret),
        ).json()
        assert newcomer["source"] == "popular"
        ready = call(server.port, "/health/ready").json()
        assert ready == {"ready": True, "missing": []}
    with service.connect() as connection:
        counted = connection.execute(
            text("SELECT sum(calls) FROM connected_jobs.send_second WHERE campaign = 'counted'")
        ).scalar()
        known = connection.execute(text("SELECT count(*) FROM connected_jobs.instance")).scalar()
    assert (counted, known) == (2, 1)


def test_a_role_that_may_only_serve_can_do_nothing_else(service: Engine, answers_url: str) -> None:
    with service.connect() as connection:
        tables = set(
            connection.execute(
                text("""
                    SELECT format('%s.%I', relnamespace::regnamespace, relname)
                    FROM pg_class
                    WHERE relnamespace IN ('connected_jobs'::regnamespace, 'board'::regnamespace, 'site'::regnamespace)
                      AND relkind IN ('r', 'p', 'v')
                """)
            ).scalars()
        )
    allowed = {
        (privilege, table)
        for privileges, granted in re.findall(
            r"GRANT (SELECT.*?) ON (.*?) TO", documented_sql()[-1], re.DOTALL
        )
        for privilege in privileges.split(", ")
        for table in re.findall(r"[\w.]+", granted)
    }
    with psycopg.connect(answers_url, autocommit=True) as connection:
        for table in sorted(tables):
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
                (held,) = connection.execute(
                    "SELECT has_table_privilege(%s, %s)"
                    if table.split(".")[0] != "site"
                    else "SELECT has_schema_privilege('site', 'USAGE') AND %s <> %s",
                    [table, privilege],
                ).fetchone() or (None,)
                assert held == ((privilege, table) in allowed), (table, privilege)
        for statement in (
            "INSERT INTO connected_jobs.credential (name, scope, secret_hash) VALUES ('a', 'operator', '')",
            "DELETE FROM connected_jobs.send",
            "SELECT mem_idx FROM site.person",
            "CREATE TABLE connected_jobs.mine (n int)",
            "CREATE SCHEMA mine",
            "CREATE TABLE board.mine (n int)",
            "DROP TABLE connected_jobs.credential",
            "TRUNCATE connected_jobs.send_second",
            "ALTER TABLE connected_jobs.credential DISABLE ROW LEVEL SECURITY",
            "CREATE ROLE other",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)


def test_migrating_again_changes_nothing(service: Engine, run_id: int) -> None:
    migrate.upgrade(service, "service")
    assert lists_of(service, run_id)


@pytest.mark.parametrize("mode", MODES)
def test_no_call_reads_a_table_of_the_board_from_end_to_end(owner_url: str, run_id: int, mode: str) -> None:
    """But the regions, of which there are three. Plans are asked for as the owner, who may see all of them."""
    calls: dict[Statement, list[object]] = {
        serving_reads.MEMBER_LIST: [run_id, "18", "weekly\x1fmonday"],
        serving_reads.PROFILE: ["18"],
        serving_reads.POSTINGS: [[str(n) for n in range(1, 17)]],
        serving_reads.STANDINGS: [[str(n) for n in range(1, 17)]],
    }
    with psycopg.connect(owner_url) as connection:
        whole = {
            statement.name: read_whole(plan_of(connection, statement, values, mode=mode)) - {"region"}
            for statement, values in calls.items()
        }
    assert whole == {statement.name: set() for statement in calls}


def test_what_changed_is_found_by_the_index_on_the_time_of_change(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        plan = plan_of(
            connection,
            serving_reads.CHANGED,
            [datetime(2026, 11, 20, tzinfo=UTC), 20_000],
            mode="force_custom_plan",
        )
    assert read_whole(plan) - {"region"} == set()
    assert "recruit_updated_at" in indexes(plan)


def test_where_postings_stand_is_told_without_making_the_rest_of_them(owner_url: str) -> None:
    """A job may touch them all: the lists of a view, each a look into another table, are not made for that."""
    values: dict[Statement, list[object]] = {
        serving_reads.STANDINGS: [[str(n) for n in range(1, 17)]],
        serving_reads.CHANGED: [datetime(2026, 11, 20, tzinfo=UTC), 20_000],
    }
    with psycopg.connect(owner_url) as connection:
        for statement, given in values.items():
            plan = plan_of(connection, statement, given, mode="force_custom_plan")
            assert {node["Relation Name"] for node in nodes(plan) if "Relation Name" in node} == {"recruit"}


def test_an_erased_member_leaves_no_trace_once_the_board_has_erased_its_own(
    owner: Engine, service: Engine, run_id: int, listed: set[str]
) -> None:
    assert "5998" in listed
    before = everywhere(owner, "5998")
    assert f"connected_jobs.recommendation_list_{run_id}" in before
    with owner.begin() as connection:
        driver: Any = connection.connection.driver_connection
        for table in (
            "apply_log",
            "scrap_log",
            "view_log",
            "resume_category",
            "resume_region",
            "resume_skill",
            "resume",
            "person",
        ):
            driver.execute(
                sql.SQL("DELETE FROM {} WHERE mem_idx = 5998").format(sql.Identifier("site", table))
            )
    erased = delete_member(service, "5998")
    assert {table: rows for table, rows in erased.items() if rows} == {
        "connected_jobs.recommendation_list": 1,
    }
    assert everywhere(owner, "5998") == []


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        (
            "DROP VIEW board.activity",
            r"There is no board\.activity: make it a view \(docs/your-own-board\.md\)",
        ),
        (
            """
            DROP VIEW board.company;
            CREATE VIEW board.company AS
            SELECT '1'::text AS id, 'x'::text AS name, NULL::text AS industry, NULL::integer AS employees
            """,
            "board.company has no column updated_at: add it, as timestamp with time zone, NULL if need be.",
        ),
        (
            """
            DROP VIEW board.company;
            CREATE VIEW board.company AS
            SELECT 1 AS id, 'x'::text AS name, NULL::text AS industry, NULL::integer AS employees,
                   now() AS updated_at
            """,
            "board.company.id is integer: cast it to character varying or text.",
        ),
        (
            """
            ALTER VIEW board.posting RENAME TO own;
            CREATE VIEW board.posting AS
            SELECT id, title, company_id, categories, regions, career_min_years, career_max_years, education, employment_types,
                   salary_min, salary_max, salary_unit, skills, opened_at, deadline, closes, status, url, updated_at,
                   '18:00'::text AS deadline_time
            FROM board.own
            """,
            "board.posting.deadline_time is text: cast it to time, or leave it out.",
        ),
    ],
    ids=[
        "a view is missing",
        "a column is missing",
        "a column has another type",
        "one that may be missing has",
    ],
)
def test_a_view_that_does_not_fit_is_named(
    server_url: str, owner_url: str, service_url: str, view: str, sentence: str
) -> None:
    broken = _create(server_url, "cj_broken", make_name(owner_url))
    try:
        with psycopg.connect(_url_of(server_url, broken)) as connection:
            connection.execute(view)
            connection.execute(
                sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA board TO {}").format(sql.Identifier(ROLE))
            )
        with pytest.raises(RefreshError, match=sentence):
            refresh(batch_engine(make_conninfo(service_url, dbname=broken)))
    finally:
        _drop(server_url, broken)


def make_name(url: str) -> str:
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]  # type: ignore[return-value] # always given here
