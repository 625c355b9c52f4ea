"""The benchmark measures what it says it does; how fast anything is, is not tested here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.credentials import Scope
from app.postgres.credentials import insert_credential
from app.postgres.serving.reads import MEMBER_LIST
from loadtest.bench.contenders import USUAL, ServerSettings, choose
from loadtest.bench.database import BoardDatabase
from loadtest.bench.open_loop import OpenLoopOptions, open_loop
from loadtest.bench.processes import PinnedCores
from loadtest.bench.report import peer_results, table, verdicts
from loadtest.bench.turn import Bench, check, service_answers, turn
from loadtest.errors import BenchError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.load.conftest import Stub

ROOT = Path(__file__).parents[2]
MEMBERS = 300
SEED = """
INSERT INTO board.company (id, name)
SELECT 'company' || n, '회사 ' || n FROM generate_series(1, 10) n;
INSERT INTO board.posting (id, title, company_id, regions, employment_types, opened_at, url)
SELECT 'posting' || n, '공고 ' || n, 'company' || (1 + n % 10), '{서울/강남구}', '{regular}', now() - interval '1 day',
       'https://jobs.example/' || n
FROM generate_series(1, 40) n;
UPDATE board.posting SET status = 'closed' WHERE id = 'posting7';
INSERT INTO board.member (id, mail_consent) SELECT 'member' || n, true FROM generate_series(1, 300) n;
INSERT INTO connected_jobs.refresh_run (state, started_at, cutoff_at, finished_at, inputs, options)
VALUES ('ready', now() - interval '1 hour', now() - interval '1 hour', now(), '{}', '{}');
CREATE TABLE connected_jobs.recommendation_list_1 PARTITION OF connected_jobs.recommendation_list FOR VALUES IN (1);
INSERT INTO connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons)
SELECT 1, 'member' || m, ARRAY(SELECT 'posting' || (1 + (n + m) % 40) FROM generate_series(1, 30) n),
       decode('84' || repeat('04', 29), 'hex')  -- of the first one's company the member asked for more
FROM generate_series(1, 300) m;
INSERT INTO board.activity (member_id, posting_id, kind, occurred_at)
SELECT 'member' || m, 'posting' || (1 + (2 + m) % 40), 'apply', now() FROM generate_series(1, 300) m;
INSERT INTO connected_jobs.publication (run_id, published_at, effective_at)
VALUES (1, now() - interval '1 minute', now() - interval '1 minute');
"""


@pytest.fixture
def bench(database_url: str, engine: Engine, tmp_path: Path) -> Bench:
    """A benchmark of one second on a database of a few hundred members; 30 postings a list, one of them applied to."""
    with psycopg.connect(database_url) as connection:
        connection.execute(SEED)
        pid = connection.execute("SELECT pg_backend_pid()").fetchone()
    with engine.begin() as begun:
        _, secret = insert_credential(begun, "bench", Scope.CONTENT)
    every, one = tmp_path / "every.txt", tmp_path / "one.txt"
    paths = [f"/v1/members/member{n}/recommendations?campaign=weekly-digest\n" for n in range(1, MEMBERS + 1)]
    every.write_text("".join(paths))
    one.write_text(paths[0])
    (tmp_path / "body").write_bytes(b"")
    named = conninfo_to_dict(database_url)
    url = f"postgresql:///{named.pop('dbname')}?{urlencode(named)}"
    database = BoardDatabase(
        url, pid[0] if pid else 0, tmp_path / "data", f"Bearer {secret}", every, one, MEMBERS
    )
    settings = ServerSettings("gunicorn", workers=1, threads=4, pool=2, folder=tmp_path)
    return Bench(database, settings, PinnedCores(), connections=4, seconds=1, warm_s=1)


@pytest.mark.slow  # `make bench` does it before it measures
def test_every_peer_answers_what_it_is_compared_for(bench: Bench) -> None:
    expected = service_answers(choose(["b"])[0], bench)
    (bench.settings.folder / "body").write_bytes(expected[0])
    answer = json.loads(expected[0])
    assert [posting["id"] for posting in answer["postings"]][:3] == ["posting3", "posting5", "posting6"]
    for peer in choose([key for key in USUAL if key not in {"a", "b"}]):
        check(peer, bench, expected)


def test_a_peer_with_another_body_is_refused(bench: Bench) -> None:
    (bench.settings.folder / "body").write_bytes(b"{}")
    with pytest.raises(
        BenchError, match=r"^Peer f answered 200 and 2 bytes, not what the service says: \{\}$"
    ):
        check(choose(["f"])[0], bench, [b'{"postings":[]}'] * 20)


def test_a_turn_counts_one_read_a_call(bench: Bench) -> None:
    (bench.settings.folder / "body").write_bytes(b'{"postings":[]}')
    done = turn(choose(["d"])[0], bench, number=1, arrivals_rps=50.0)
    assert done.arrivals is not None
    assert (done.closed.errors, done.arrivals.errors, done.arrivals.unanswered) == ({}, {}, 0)
    assert done.arrivals.requests == 51
    assert 0.97 < done.transactions_a_call < 1.5
    assert done.server_cpu_us > 0
    found = peer_results([done])
    assert "Flask, the same read with psycopg" in table(found)
    assert verdicts(found) == []


def test_the_peers_run_the_services_own_statement() -> None:
    theirs = (ROOT / "loadtest" / "bench" / "peers" / "member_list.sql").read_text(encoding="utf-8")
    assert theirs.split() == MEMBER_LIST.sql.decode().split()


def test_the_peers_collect_garbage_as_the_service_does() -> None:
    pattern = r"^GC_THRESHOLDS = (\(.*\))"
    files = (
        ROOT / "loadtest" / "bench" / "peers" / "given.py",
        ROOT / "app" / "web" / "workers" / "process.py",
    )
    theirs, ours = (re.findall(pattern, file.read_text(encoding="utf-8"), re.MULTILINE) for file in files)
    assert theirs == ours


def test_latency_counts_from_the_instant_a_call_was_due(stub: Stub, tmp_path: Path) -> None:
    """The stub serves 500 calls/s; at 1,000 calls/s the queue is 0.5 s long after 1 s, whoever holds it."""
    questions = tmp_path / "questions.txt"
    questions.write_text("/v1/members/m1/recommendations?campaign=c\n")
    options = OpenLoopOptions(
        port=stub.port, questions=str(questions), from_line=0, rps=1000, seconds=1, connections=8, seed=1
    )
    found = open_loop(options, authorization="Bearer x", cores=())
    assert (found.requests, found.unanswered) == (1001, 0)
    assert found.p99_ms > 500


def test_an_interrupted_run_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loadtest.bench", "--members", "100", "--data", str(tmp_path / "data")]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()  # Postgres runs, and the board is being made
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.decode()) == (130, "Stopped; nothing is left running.\n")
    assert _commands_with(str(tmp_path)) == []


def _commands_with(word: str) -> list[str]:
    """Command lines in which a word appears."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_text().replace("\0", " ")
        except OSError:
            continue
        if word in line:
            found.append(line)
    return found
