"""Bad data and data that goes: rows nobody can read, a member erased before an outage, a primary of before."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.postgres.embedded import embedded_postgres
from app.postgres.engines import batch_engine
from app.postgres.members import delete_member
from tests.faults.load import calls
from tests.faults.own_postgres import OwnPostgres, make_board
from tests.faults.rig import SETTINGS, WORKERS, assert_promises, rig
from tests.integration.test_failover import OPTIONS, copy, folder
from tests.web.board import VETOED
from tests.web.gunicorn_server import gunicorn
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["folder"]  # a fixture of two servers' directories

BACK_S = 30.0
KNOWN_S = 30.0
UNREADABLE = """
UPDATE board.posting SET deadline = 'infinity', salary_min = 'NaN', updated_at = 'infinity' WHERE id IN ('p-03', 'p-04');
UPDATE board.posting SET skills = ARRAY[NULL, repeat('x', 100000)], deadline = '0044-03-15 BC', updated_at = now()
WHERE id = 'p-05';
UPDATE board.company SET name = '' WHERE id = (SELECT company_id FROM board.posting WHERE id = 'p-06');
"""


@dataclass(frozen=True, slots=True)
class Followed:
    """A primary with a board, and a standby that follows it; `url` names both."""

    primary: OwnPostgres
    standby_url: str
    url: str

    def promote(self) -> float:
        """Make the standby a primary; returns when that was, on the monotonic clock."""
        with psycopg.connect(self.standby_url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
        return time.monotonic()


@contextmanager
def followed(folder: Path, name: str) -> Iterator[Followed]:
    """Two servers of a board called `name`."""
    primary = OwnPostgres(folder / "first")
    primary.start(hot_standby="on", max_wal_senders="4")
    try:
        board_name = make_board(primary, name)
        copy(primary.url, folder / "second")
        with embedded_postgres(folder / "second", options=OPTIONS | {"max_connections": "100"}) as standby:
            sockets = [str(conninfo_to_dict(url)["host"]) for url in (primary.url, standby.url)]
            url = make_conninfo(host=",".join(sockets), user="postgres", dbname=board_name)
            yield Followed(primary, make_conninfo(standby.url, dbname=board_name), url)
    finally:
        primary.stop()


@pytest.mark.slow
def test_rows_that_cannot_be_read_hide_no_closing(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with rig(postgres, board_name, tmp_path) as service, service.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        poisoned_s = time.monotonic()
        with psycopg.connect(service.database_url, autocommit=True) as board:
            for statement in UNREADABLE.split(";\n"):
                board.execute(statement.encode())
            time.sleep(3.0)
            board.execute("UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-02'")
        closed_s = time.monotonic()
        time.sleep(KNOWN_S / 3)
    tally = load.tally().between(poisoned_s, time.monotonic())
    seen = [o.at_s - closed_s for o in tally.outcomes if "p-02" in o.ids]
    note("Rows that cannot be read, then a closing", tally, last_shown_after_s=round(max(seen), 1))
    assert_promises(tally)
    assert tally.between(closed_s + 5.0, time.monotonic()).showing(["p-02"]) == 0


@pytest.mark.slow
def test_a_member_erased_is_not_brought_back_by_an_outage(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with rig(postgres, board_name, tmp_path) as service, service.calls() as load:

        def sources() -> set[str]:
            """Of sixteen answers, some of each worker."""
            path = "/v1/members/m-asked/recommendations?campaign=weekly"
            answers = (call(service.server.port, path, authorization=basic("braze")) for _ in range(16))
            return {answer.json()["source"] for answer in answers}

        give_up_s = time.monotonic() + BACK_S
        while sources() != {"personalized"}:
            assert time.monotonic() < give_up_s
        engine = batch_engine(service.database_url)
        assert delete_member(engine, "m-asked")
        engine.dispose()
        time.sleep(5.0)  # the poll is every second here
        down_s = time.monotonic()
        with service.proxy.down():
            assert sources() == {"popular"}
            time.sleep(2.0)
            up_s = time.monotonic()
        load.wait_until_normal(within_s=BACK_S)
        assert sources() == {"popular"}
        tally = load.tally().between(down_s, time.monotonic())
    note("A member erased, then Postgres gone", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)


@pytest.mark.slow
def test_a_standby_is_promoted_and_the_primary_of_before_still_answers(
    folder: Path, tmp_path: Path, note: Callable[..., None]
) -> None:
    with followed(folder, "promoted") as servers:
        chosen = SETTINGS | {"CJ_SNAPSHOT": str(tmp_path / "saved.json")}
        with gunicorn(servers.url, tmp_path, workers=WORKERS, **chosen) as server, calls(server.port) as load:
            load.wait_until_normal(within_s=BACK_S)
            promoted_s = servers.promote()
            # What only the primary of now knows: the one of before, still running, has it open.
            with psycopg.connect(servers.standby_url) as board:
                board.execute(
                    "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-02'"
                )
            time.sleep(KNOWN_S + 1.0)
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(1.0)
        tally = load.tally().between(promoted_s, time.monotonic())
    seen = [o.at_s - promoted_s for o in tally.outcomes if "p-02" in o.ids]
    note(
        "A standby promoted, the primary of before still answering",
        tally,
        last_shown_after_s=round(max(seen, default=0.0), 1),
    )
    assert tally.usable_share == 1.0, tally.failures
    assert tally.showing(VETOED) == 0
    assert tally.between(promoted_s + KNOWN_S, time.monotonic()).showing(["p-02"]) == 0


@pytest.mark.slow
def test_the_primary_is_lost_while_a_standby_is_read(
    folder: Path, tmp_path: Path, note: Callable[..., None]
) -> None:
    """Reads go on from the standby; what is counted waits for the primary of then, and none of it is lost."""
    with followed(folder, "read_elsewhere") as servers:
        chosen = SETTINGS | {
            "CJ_SNAPSHOT": str(tmp_path / "saved.json"),
            "CJ_COUNTING": "on",
            "CJ_WRITE_URL": servers.url,
        }
        url = make_conninfo(servers.url, target_session_attrs="prefer-standby")
        with gunicorn(url, tmp_path, workers=WORKERS, **chosen) as server, calls(server.port) as load:
            load.wait_until_normal(within_s=BACK_S)
            servers.primary.kill()
            lost_s = time.monotonic()
            time.sleep(3.0)
            promoted_s = servers.promote()
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(15.0)  # a heartbeat's and a flush's interval
        tally = load.tally()
        with psycopg.connect(servers.standby_url) as board:
            counted = board.execute("SELECT sum(calls) FROM connected_jobs.send_second").fetchone()
    during = tally.between(lost_s, time.monotonic())
    note(
        "The primary lost while a standby is read, promoted 3 s after",
        during,
        recovered_s=during.recovered_s(promoted_s),
    )
    assert_promises(during)
    assert counted is not None
    assert counted[0] >= 0.95 * len(tally.outcomes)
